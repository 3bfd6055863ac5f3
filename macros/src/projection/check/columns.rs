//! Checks the fields of a projection.

use syn::{Data, DataStruct, DeriveInput, Fields, Type, ext::IdentExt};

use super::super::{
    model::{Column, Role},
    parse::RawField,
};
use crate::shared::{Errors, option_inner, secret_of_a_row, source_text, type_name, word_fault};

/// The length of the longest tuple that can be a key.
const MAX_KEYS: usize = 4;

/// Types that cannot be keys. The compiler would report them too, but twice: as a key and as a column.
const INVALID_KEYS: [&str; 10] =
    ["Secret", "f32", "f64", "i8", "i128", "isize", "u64", "u128", "usize", "Vec"];

/// What the name of the lookup of a secret ends with.
pub(crate) const LOOKUP: &str = "_lookup";

pub(super) fn check<'a>(item: &'a DeriveInput, fields: &[RawField<'a>], errors: &Errors) -> Vec<Column<'a>> {
    let row = &item.ident;
    let Data::Struct(DataStruct { fields: all, .. }) = &item.data else { return Vec::new() };
    let keys: Vec<_> = fields.iter().filter_map(|field| field.key).collect();
    if keys.is_empty() {
        errors.at(row, "the row has no key: write `#[key]` on the field that identifies it");
    }
    for key in keys.iter().skip(MAX_KEYS) {
        errors.at(key, format_args!("a key has at most {MAX_KEYS} columns"));
    }
    let columns: Vec<_> = fields.iter().filter_map(|field| column(field, all, errors)).collect();
    check_lookups(&columns, errors);
    columns
}

/// Checks that no other field has the name of a lookup.
fn check_lookups(columns: &[Column<'_>], errors: &Errors) {
    for Column { ident, name, .. } in columns {
        let is_lookup = |secret: &&Column<'_>| {
            matches!(secret.role, Role::Secret { has_lookup: true, .. })
                && format!("{}{LOOKUP}", secret.name) == *name
        };
        if let Some(secret) = columns.iter().find(is_lookup) {
            let secret = &secret.name;
            errors.at(
                ident,
                format_args!("the lookup of the secret `{secret}` has this name: write another one"),
            );
        }
    }
}

fn column<'a>(raw: &RawField<'a>, fields: &'a Fields, errors: &Errors) -> Option<Column<'a>> {
    let ident = raw.field.ident.as_ref()?;
    let name = ident.unraw().to_string();
    let role = role(raw, fields, errors);
    let longest = if matches!(role, Role::Secret { has_lookup: true, .. }) { 63 - LOOKUP.len() } else { 63 };
    if let Some(fault) = word_fault(&name, longest) {
        errors.at(ident, format_args!("{name:?} is not a valid column name: {fault}"));
    }
    Some(Column { ident, ty: &raw.field.ty, name, role })
}

/// Whether a type cannot be a key.
pub(crate) fn is_invalid_key(ty: &Type) -> bool {
    type_name(ty).is_some_and(|last| INVALID_KEYS.iter().any(|name| last == name))
}

fn role<'a>(raw: &RawField<'a>, fields: &'a Fields, errors: &Errors) -> Role<'a> {
    let RawField { field, key, index, json, secret } = raw;
    if secret.is_some() {
        return secret_role(raw, fields, errors);
    }
    if key.is_none() && is_secret(&field.ty) {
        errors.at(
            &field.ty,
            "write `#[secret(subject = customer)]` above the field, with the column that has the id of the subject",
        );
    }
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

/// The role of a field with `#[secret(…)]`.
fn secret_role<'a>(raw: &RawField<'a>, fields: &'a Fields, errors: &Errors) -> Role<'a> {
    let RawField { field, key, index, json, .. } = raw;
    let message = if key.is_some() {
        "remove this: a key is stored as it is, and cannot be a secret"
    } else if index.is_some() {
        "remove this: an index would show the secret. Write `lookup` in `#[secret(…)]`, and find rows by `List::equal_secret`"
    } else {
        "remove this: a secret is stored as JSON, whatever its type, and encrypted"
    };
    if let Some(other) = key.or(*index).or(*json) {
        errors.at(other, message);
    }
    match secret_of_a_row(field, fields, errors) {
        Some(secret) => Role::Secret { subject: secret.subject, has_lookup: secret.has_lookup },
        None => Role::Plain,
    }
}

fn is_secret(ty: &Type) -> bool {
    type_name(option_inner(ty).unwrap_or(ty)).is_some_and(|name| name == "Secret")
}
