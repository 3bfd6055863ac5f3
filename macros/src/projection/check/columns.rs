//! Checks the fields of a projection.

use syn::{Ident, Type, ext::IdentExt};

use super::super::{
    model::{Column, Role},
    parse::RawField,
};
use crate::shared::{Errors, source_text, type_name, word_fault};

/// The length of the longest tuple that can be a key.
const MAX_KEYS: usize = 4;

/// Types that cannot be keys. The compiler would report them too, but twice: as a key and as a column.
const INVALID_KEYS: [&str; 9] = ["f32", "f64", "i8", "i128", "isize", "u64", "u128", "usize", "Vec"];

pub(super) fn check<'a>(row: &Ident, fields: &[RawField<'a>], errors: &Errors) -> Vec<Column<'a>> {
    let keys: Vec<_> = fields.iter().filter_map(|field| field.key).collect();
    if keys.is_empty() {
        errors.at(row, "the row has no key: write `#[key]` on the field that identifies it");
    }
    for key in keys.iter().skip(MAX_KEYS) {
        errors.at(key, format_args!("a key has at most {MAX_KEYS} columns"));
    }
    fields.iter().filter_map(|field| column(field, errors)).collect()
}

fn column<'a>(raw: &RawField<'a>, errors: &Errors) -> Option<Column<'a>> {
    let ident = raw.field.ident.as_ref()?;
    let name = ident.unraw().to_string();
    if let Some(fault) = word_fault(&name, 63) {
        errors.at(ident, format_args!("{name:?} is not a valid column name: {fault}"));
    }
    Some(Column { ident, ty: &raw.field.ty, name, role: role(raw, errors) })
}

/// Whether a type cannot be a key.
pub(crate) fn is_invalid_key(ty: &Type) -> bool {
    type_name(ty).is_some_and(|last| INVALID_KEYS.iter().any(|name| last == name))
}

fn role(raw: &RawField<'_>, errors: &Errors) -> Role {
    let RawField { field, key, index, json } = raw;
    if key.is_some() && is_invalid_key(&field.ty) {
        errors.at(
            &field.ty,
            format_args!(
                "`{}` cannot be a key: a key is a text, an `i64` or a smaller whole number, a UUID, a time or a \
                 boolean, or an id around one of these",
                source_text(&field.ty)
            ),
        );
    }
    if let (Some(_), Some(index)) = (key, index) {
        errors.at(index, "remove this: queries can use the key without an index");
    }
    if let (Some(_), Some(json)) = (key.or(*index), json) {
        errors.at(json, "remove this: a field under `#[key]` or `#[index]` holds a plain value, not JSON");
    }
    match (key, index, json) {
        (Some(_), ..) => Role::Key,
        (None, Some(_), _) => Role::Index,
        (None, None, Some(_)) => Role::Json,
        (None, None, None) => Role::Plain,
    }
}
