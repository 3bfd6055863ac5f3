//! Finds the mistakes of an aggregate.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Attribute, Data, DataStruct, DeriveInput, Fields, Meta};

use super::{
    model::{Aggregate, NamedField, Snapshot},
    parse::{RawEvent, RawSnapshot},
};
use crate::shared::{Errors, refuse_lifetimes};

pub(crate) fn check<'a>(
    item: &'a DeriveInput,
    raw: &'a RawEvent<'a>,
    errors: &Errors,
) -> Option<Aggregate<'a>> {
    let name = &item.ident;
    refuse_lifetimes(&item.generics, "an aggregate", errors);
    let fields = named_fields(item, errors)?;
    if !raw.attribute.has_on {
        let message =
            format_args!("which events is it folded from? `#[aggregate(on({name}Event => {name}::apply))]`");
        errors.at(name, message);
    }
    for (_, attribute) in raw.ids.iter().skip(1) {
        errors.at(
            attribute,
            "an aggregate has one `#[id]`, by which its events are found: keep the other ids as plain fields",
        );
    }
    let id = raw.ids.first().and_then(|(field, _)| NamedField::of(field));
    let others = fields.into_iter().filter(|field| id.is_none_or(|id| id.ident != field.ident));
    Some(Aggregate {
        ident: name,
        generics: &item.generics,
        id,
        fields: others.collect(),
        error: raw.attribute.error.get(),
        on: &raw.attribute.on,
        context: raw.attribute.context.get().is_some(),
        snapshot: raw.attribute.snapshot.as_ref().and_then(|raw| snapshot(item, raw, errors)),
    })
}

fn snapshot<'a>(item: &DeriveInput, raw: &'a RawSnapshot, errors: &Errors) -> Option<Snapshot<'a>> {
    let Data::Struct(DataStruct { fields, .. }) = &item.data else { return None };
    for attribute in fields.iter().flat_map(|field| &field.attrs).filter(|attribute| skips(attribute)) {
        errors.at(
            attribute,
            "a snapshot keeps every field: a skipped one would be blank when the state is read again",
        );
    }
    let version = raw.version.version(errors);
    let Some(every) = raw.every.get() else {
        errors.at(&raw.key, "after how many events is it worth a snapshot? `snapshot(every = 100)`");
        return None;
    };
    match every.base10_parse() {
        Ok(every) if every > 0 => Some(Snapshot {
            key: &raw.key,
            every,
            version,
            shape: hash(&fields.to_token_stream().to_string()),
        }),
        _ => {
            errors.at(
                every,
                "a snapshot is taken after at least one event, and at most 4294967295: `every = 100`",
            );
            None
        }
    }
}

/// Whether serde passes over the field.
fn skips(attribute: &Attribute) -> bool {
    let words = ["skip", "skip_serializing", "skip_deserializing"];
    let skips =
        |token: TokenTree| matches!(token, TokenTree::Ident(word) if words.iter().any(|skip| word == skip));
    let Meta::List(list) = &attribute.meta else { return false };
    attribute.path().is_ident("serde") && list.tokens.clone().into_iter().any(skips)
}

/// FNV-1a (Fowler, Noll, Vo).
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn named_fields<'a>(item: &'a DeriveInput, errors: &Errors) -> Option<Vec<NamedField<'a>>> {
    let name = &item.ident;
    let data = match &item.data {
        Data::Struct(data) => data,
        Data::Enum(_) | Data::Union(_) => {
            let message =
                format_args!("an aggregate is a struct: `struct {name} {{ … }}`, with an enum as a field");
            errors.at(name, message);
            return None;
        }
    };
    if let Fields::Unnamed(tuple) = &data.fields {
        errors.at(tuple, format_args!("an aggregate has named fields: `struct {name} {{ … }}`"));
        return None;
    }
    data.fields.iter().map(NamedField::of).collect()
}
