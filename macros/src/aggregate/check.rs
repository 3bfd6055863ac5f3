//! Checks an aggregate.

use proc_macro2::TokenTree;
use quote::ToTokens;
use syn::{Attribute, Data, DataStruct, DeriveInput, Fields, Meta};

use super::{
    model::{Aggregate, NamedField, Snapshot},
    parse::{RawAggregate, RawSnapshot},
};
use crate::shared::{Errors, check_snapshot_name, positive, refuse_lifetimes, refuse_references};

pub(crate) fn check<'a>(
    item: &'a DeriveInput,
    raw: &'a RawAggregate<'a>,
    errors: &Errors,
) -> Option<Aggregate<'a>> {
    let name = &item.ident;
    refuse_lifetimes(&item.generics, "an aggregate", errors);
    let fields = named_fields(item, errors)?;
    if !raw.attribute.has_on {
        let message = format_args!(
            "the events of the aggregate are missing: write `#[aggregate(on({name}Event => {name}::apply))]`"
        );
        errors.at(name, message);
    }
    for (_, attribute) in raw.ids.iter().skip(1) {
        errors.at(
            attribute,
            "an aggregate has one `#[id]` field, by which its events are found: remove this `#[id]`",
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
    refuse_references(&item.generics, fields, "a state with snapshots", errors);
    for attribute in fields.iter().flat_map(|field| &field.attrs).filter(|attribute| skips(attribute)) {
        errors.at(
            attribute,
            "a snapshot stores every field: a skipped field would be lost when the state is loaded from it",
        );
    }
    if let Some(name) = raw.name.literal() {
        check_snapshot_name(name, errors);
    }
    let version = raw.version.version(errors);
    let Some(every) = raw.every.get() else {
        errors.at(&raw.key, "the number of events between two snapshots is missing: `snapshot(every = 100)`");
        return None;
    };
    let every = positive(every, "`every` is a number of events from 1 to 4294967295: `every = 100`", errors)?;
    let shape = hash(&fields.to_token_stream().to_string());
    Some(Snapshot { key: &raw.key, every, version, name: raw.name.get(), shape })
}

/// Whether serde skips the field.
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
            let message = format_args!(
                "an aggregate is a struct, which may have an enum as a field: `struct {name} {{ … }}`"
            );
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
