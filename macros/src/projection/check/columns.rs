//! Finds the mistakes of a projection's fields.

use syn::{Ident, Type, ext::IdentExt};

use super::super::{
    model::{Column, Role},
    parse::RawField,
};
use crate::shared::{Errors, shown, word_fault};

/// As many as tuples can be keys.
const MAX_KEYS: usize = 4;

/// Types that are taken for keys by mistake. The compiler would refuse them too, but once as a key and once as a column.
const NO_KEYS: [&str; 9] = ["f32", "f64", "i8", "i128", "isize", "u64", "u128", "usize", "Vec"];

pub(super) fn check<'a>(row: &Ident, fields: &[RawField<'a>], errors: &Errors) -> Vec<Column<'a>> {
    let keys: Vec<_> = fields.iter().filter_map(|field| field.key).collect();
    if keys.is_empty() {
        errors.at(row, "which field is the key of the row? mark it with `#[key]`");
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
        errors.at(ident, format_args!("{name:?} is no valid column: {fault}"));
    }
    Some(Column { ident, ty: &raw.field.ty, name, role: role(raw, errors) })
}

/// Whether a type is known to be no key.
pub(crate) fn is_no_key(ty: &Type) -> bool {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let last = path.path.segments.last();
            last.is_some_and(|last| NO_KEYS.iter().any(|name| last.ident == name))
        }
        _ => false,
    }
}

fn role(raw: &RawField<'_>, errors: &Errors) -> Role {
    let RawField { field, key, index, json } = raw;
    if key.is_some() && is_no_key(&field.ty) {
        errors.at(
            &field.ty,
            format_args!(
                "`{}` cannot be a key: a key is a text, an `i64` or a smaller whole number, a UUID, a time or a \
                 boolean, or an id around one of these",
                shown(&field.ty)
            ),
        );
    }
    if let (Some(_), Some(index)) = (key, index) {
        errors.at(index, "remove this: rows are asked by their key anyway");
    }
    if let (Some(_), Some(json)) = (key.or(*index), json) {
        errors.at(json, "JSON is only read: a field under `#[key]` or `#[index]` holds a plain value");
    }
    match (key, index, json) {
        (Some(_), ..) => Role::Key,
        (None, Some(_), _) => Role::Index,
        (None, None, Some(_)) => Role::Json,
        (None, None, None) => Role::Plain,
    }
}
