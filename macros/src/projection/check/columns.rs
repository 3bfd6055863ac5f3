//! Finds the mistakes of a projection's fields.

use syn::{Ident, ext::IdentExt};

use super::super::{
    model::{Column, Role},
    parse::RawField,
};
use crate::shared::{Errors, word_fault};

/// As many as tuples can be keys.
const MAX_KEYS: usize = 4;

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

fn role(raw: &RawField<'_>, errors: &Errors) -> Role {
    let RawField { key, index, json, .. } = raw;
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
