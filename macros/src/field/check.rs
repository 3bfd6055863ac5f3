//! Checks a type of a column.

use syn::{Data, DataStruct, DeriveInput, Fields, LitStr, Type, ext::IdentExt};

use super::{
    model::{Body, Field, Variant},
    parse::{RawField, RawVariant},
    rename::Rename,
};
use crate::shared::{Errors, nearest, option_inner, refuse_lifetimes, refuse_parameters, source_text};

/// The maximum length of a stored text in bytes: also a text of this length has an entry in an index.
const MAX_TEXT: usize = 200;

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &RawField<'a>, errors: &Errors) -> Option<Field<'a>> {
    let body = match &item.data {
        Data::Enum(_) => Body::Enum(variants(item, raw, errors)),
        Data::Struct(data) => {
            if let Some(key) = raw.attribute.rename_all.key() {
                errors.at(key, "remove this: a newtype is stored as the value that it wraps");
            }
            Body::Newtype(inner(item, data, errors)?)
        }
        Data::Union(_) => {
            errors.at(&item.ident, "a column holds an enum or a newtype, not a union");
            return None;
        }
    };
    Some(Field { ident: &item.ident, generics: &item.generics, body })
}

/// The type of the newtype's only field.
fn inner<'a>(item: &'a DeriveInput, data: &'a DataStruct, errors: &Errors) -> Option<&'a Type> {
    let name = &item.ident;
    refuse_lifetimes(&item.generics, "a column", errors);
    let inner = match &data.fields {
        Fields::Unnamed(fields) if fields.unnamed.len() == 1 => fields.unnamed.first().map(|field| &field.ty),
        _ => None,
    };
    let Some(inner) = inner else {
        errors.at(
            name,
            format_args!(
                "a column holds one value: write a newtype, `struct {name}(i64);`, or remove `Field` and write \
                 `#[json]` above the fields of projections that have this type"
            ),
        );
        return None;
    };
    if let Some(value) = option_inner(inner) {
        let value = source_text(value);
        errors.at(
            inner,
            format_args!(
                "write `struct {name}({value});`, and `Option<{name}>` as the type of the column: a column has \
                 only one NULL"
            ),
        );
    }
    Some(inner)
}

fn variants<'a>(item: &'a DeriveInput, raw: &RawField<'a>, errors: &Errors) -> Vec<Variant<'a>> {
    refuse_parameters(&item.generics, "an enum that is stored as text has no generic parameters", errors);
    if raw.variants.is_empty() {
        errors.at(&item.ident, "an enum without variants has no value that a column could hold");
    }
    let rename = raw.attribute.rename_all.get().map_or(Rename::Pascal, |literal| rename(literal, errors));
    let mut variants: Vec<Variant<'a>> = Vec::new();
    for raw in &raw.variants {
        check_is_unit(raw, errors);
        let text = text(raw, rename, errors);
        if let Some(other) = variants.iter().find(|other| other.text == text) {
            let other = other.ident.unraw();
            let message = format_args!("`{other}` is already stored as {text:?}: write another `name`");
            match raw.name.get() {
                Some(name) => errors.at(name, message),
                None => errors.at(raw.ident, message),
            }
        }
        variants.push(Variant { ident: raw.ident, text });
    }
    variants
}

fn check_is_unit(raw: &RawVariant<'_>, errors: &Errors) {
    if !matches!(raw.fields, Fields::Unit) {
        errors.at(
            raw.fields,
            "a variant with fields cannot be stored as text: remove the fields, or remove `Field` and write `#[json]` \
             above the fields of projections that have this type",
        );
    }
}

fn text(raw: &RawVariant<'_>, rename: Rename, errors: &Errors) -> String {
    let Some(name) = raw.name.get() else { return rename.apply(&raw.ident.unraw().to_string()) };
    let text = name.value();
    let fault = match text.len() {
        0 => Some("it must not be empty".to_owned()),
        1..=MAX_TEXT if text.contains(char::is_control) => {
            Some("it must not contain control characters".to_owned())
        }
        1..=MAX_TEXT => None,
        _ => Some(format!("it must not be longer than {MAX_TEXT} bytes")),
    };
    if let Some(fault) = fault {
        errors.at(name, format_args!("{text:?} is not a valid name of a variant: {fault}"));
    }
    text
}

fn rename(literal: &LitStr, errors: &Errors) -> Rename {
    let word = literal.value();
    Rename::find(&word).unwrap_or_else(|| {
        let words: Vec<_> = Rename::WORDS.iter().map(|(word, _)| *word).collect();
        let meant = nearest(&word, words.iter().copied());
        let guess = meant.map(|meant| format!("did you mean {meant:?}? ")).unwrap_or_default();
        let known = words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ");
        errors.at(
            literal,
            format_args!("{word:?} is not a value of `rename_all`: {guess}write one of {known}"),
        );
        Rename::Pascal
    })
}
