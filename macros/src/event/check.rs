//! Checks an event.

mod names;
mod serde;
mod upcast;

use syn::{DeriveInput, Fields, Ident, Path, Type};

use self::names::Names;
use super::{
    model::{Body, Event, IdField, Source, Stored, Variant},
    parse::{RawAttribute, RawData, RawEvent, RawFields, RawVariant},
};
use crate::shared::{
    Errors, refuse_lifetimes, refuse_misplaced, refuse_references, secret_fields, source_text,
};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &RawEvent<'a>, errors: &Errors) -> Option<Event<'a>> {
    refuse_lifetimes(&item.generics, "an event", errors);
    let body = match &raw.data {
        RawData::Struct(fields) => Body::One(event_struct(item, raw, fields, errors)?),
        RawData::Enum(variants) => Body::Sum(event_enum(item, raw, variants, errors)?),
        RawData::Union => {
            errors.at(&item.ident, "an event is a struct or an enum, not a union");
            return None;
        }
    };
    Some(Event { ident: &item.ident, generics: &item.generics, body })
}

fn event_struct<'a>(
    item: &'a DeriveInput,
    raw: &RawEvent<'a>,
    fields: &RawFields<'a>,
    errors: &Errors,
) -> Option<Stored<'a>> {
    let DeriveInput { ident, generics, .. } = item;
    serde::check_struct(&raw.serde, errors);
    refuse_references(generics, fields.fields, "an event", errors);
    if let (Some(_), Some(prefix)) = (raw.attribute.name.get(), raw.attribute.prefix.key()) {
        errors.at(prefix, "`name` is the whole stored name: remove `prefix`");
    }
    if let Fields::Unnamed(tuple) = fields.fields {
        let message = format_args!(
            "an event has named fields, so that others can be added later: `struct {ident} {{ … }}`"
        );
        errors.at(tuple, message);
        return None;
    }
    let mut names = Names::of(raw.attribute.prefix.get(), errors);
    stored(ident, &raw.attribute, fields, &mut names, errors)
}

fn event_enum<'a>(
    item: &'a DeriveInput,
    raw: &RawEvent<'a>,
    variants: &[RawVariant<'a>],
    errors: &Errors,
) -> Option<Vec<Variant<'a>>> {
    let DeriveInput { ident, generics, .. } = item;
    serde::check_enum(&raw.serde, errors);
    let prefix = &raw.attribute.prefix;
    refuse_keys(
        raw.attribute.keys_of_one_event(),
        "belongs on a variant: an enum is a set of events",
        errors,
    );
    if variants.is_empty() {
        errors.at(ident, "an event enum needs at least one variant");
    }
    let mut names = Names::of(prefix.get(), errors);
    let mut checked = Vec::with_capacity(variants.len());
    for (variant, index) in variants.iter().zip(0..) {
        serde::check_variant(&variant.serde, errors);
        refuse_references(generics, variant.fields.fields, "an event", errors);
        let on_enum = "belongs on the enum: it applies to all its events";
        refuse_keys([variant.attribute.prefix.key(), variant.attribute.krate.key()], on_enum, errors);
        checked.extend(match variant.fields.fields {
            Fields::Unnamed(tuple) if tuple.unnamed.len() == 1 => newtype(variant, errors),
            Fields::Unnamed(_) => refuse_tuple(variant, errors),
            Fields::Named(_) | Fields::Unit => {
                let RawVariant { ident, attribute, fields, .. } = variant;
                stored(ident, attribute, fields, &mut names, errors).map(|stored| Variant::Inline {
                    ident,
                    index,
                    stored,
                })
            }
        });
    }
    Some(checked)
}

/// A variant that wraps another event, which has its own names and ids.
fn newtype<'a>(variant: &RawVariant<'a>, errors: &Errors) -> Option<Variant<'a>> {
    let message = "belongs on the event inside: the variant only includes it in the set";
    refuse_keys(variant.attribute.keys_of_one_event(), message, errors);
    for id in &variant.fields.ids {
        let message = "`#[id]` belongs on a field of the event inside; if this field is the id, name it: \
                       `{ #[id] account: AccountId }`";
        errors.at(&id.field.ty, message);
    }
    let field = variant.fields.fields.iter().next()?;
    refuse_misplaced(&field.attrs, "secret", "a field of the event inside", errors);
    let inner: &Type = &field.ty;
    Some(Variant::Newtype { ident: variant.ident, inner })
}

fn refuse_tuple<'a>(variant: &RawVariant<'a>, errors: &Errors) -> Option<Variant<'a>> {
    let ident = variant.ident;
    errors.at(
        variant.fields.fields,
        format_args!(
            "name the fields: `{ident} {{ … }}`; a variant with parentheses wraps one other event: `{ident}({ident})`"
        ),
    );
    None
}

fn stored<'a>(
    ident: &'a Ident,
    attribute: &RawAttribute,
    fields: &RawFields<'a>,
    names: &mut Names,
    errors: &Errors,
) -> Option<Stored<'a>> {
    let (name, aliases) = names.check(ident, attribute, errors);
    let version = attribute.version.version(errors);
    let steps = upcast::steps(version, attribute, errors);
    let in_context = attribute.context.key().is_some();
    let retired = attribute.retired.key().is_some();
    let sources = attribute.from.get().into_iter().flatten();
    let sources = sources
        .map(|source| Source { event: source.event.clone(), function: source.function.clone() })
        .collect();
    let ids = fields.ids.iter().map(|id| {
        serde::check_id(&id.serde, errors);
        Some(IdField {
            ident: id.field.ident.as_ref()?,
            ty: &id.field.ty,
            with: id.attribute.with.get().cloned(),
        })
    });
    let ids = ids.collect::<Option<Vec<_>>>();
    let secrets = secret_fields(fields.fields, errors);
    let unit = matches!(fields.fields, Fields::Unit);
    Some(Stored { name, version, steps, sources, retired, in_context, aliases, ids: ids?, secrets, unit })
}

fn refuse_keys<'k>(keys: impl IntoIterator<Item = Option<&'k Path>>, why: &str, errors: &Errors) {
    for key in keys.into_iter().flatten() {
        errors.at(key, format_args!("`{}` {why}", source_text(key)));
    }
}
