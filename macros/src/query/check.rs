//! Finds the mistakes of a query.

mod fields;

use syn::{Data, DeriveInput, Fields, LitInt};

use super::{
    model::{Body, Listing, Query},
    parse::{Mark, RawAttribute, RawEvent},
};
use crate::shared::{Errors, refuse_lifetimes, shown};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &'a RawEvent<'a>, errors: &Errors) -> Option<Query<'a>> {
    refuse_lifetimes(&item.generics, "a question", errors);
    let attribute = &raw.attribute;
    check_shape(item, errors)?;
    if !attribute.has_from {
        errors.at(&item.ident, "which rows does it ask for? `#[query(from = Balance)]`");
    }
    fields::all_marked(&raw.fields, errors);
    let mut marks = raw.fields.iter().filter_map(|field| field.mark.as_ref());
    let body = match marks.any(|mark| mark.mark == Mark::Key) {
        true => {
            check_one_row(attribute, errors);
            Body::Row(fields::key(&raw.fields, errors))
        }
        false => Body::Rows(listing(attribute, fields::listing(&raw.fields, errors), errors)),
    };
    Some(Query { ident: &item.ident, generics: &item.generics, from: attribute.from.get()?, body })
}

/// A struct with named fields or none.
fn check_shape(item: &DeriveInput, errors: &Errors) -> Option<()> {
    let name = &item.ident;
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) | Fields::Unit => return Some(()),
            Fields::Unnamed(tuple) => {
                errors.at(tuple, format_args!("a question has named fields: `struct {name} {{ … }}`"));
            }
        },
        Data::Enum(_) | Data::Union(_) => {
            let message = "a question is a struct: each has an answer of its own type";
            errors.at(name, message);
        }
    }
    None
}

/// What says how to list rows, beside `#[key]`.
fn check_one_row(attribute: &RawAttribute, errors: &Errors) {
    let RawAttribute { order, descending, limit, .. } = attribute;
    for key in [order.key(), descending.key(), limit.key()].into_iter().flatten() {
        errors.at(key, format_args!("`{}` is for a list, and `#[key]` finds one row", shown(key)));
    }
}

fn listing<'a>(attribute: &'a RawAttribute, listing: Listing<'a>, errors: &Errors) -> Listing<'a> {
    let RawAttribute { order, has_order, descending, limit, .. } = attribute;
    if let (Some(key), false) = (descending.key(), has_order) {
        errors.at(key, "descending by what? `order = cents, descending`");
    }
    Listing {
        order: order.get(),
        descending: descending.key().is_some(),
        limit: limit.get().and_then(|limit| rows(limit, errors)),
        ..listing
    }
}

/// How many rows a page holds.
fn rows(limit: &LitInt, errors: &Errors) -> Option<usize> {
    match limit.base10_parse() {
        Ok(rows) if rows > 0 => Some(rows),
        _ => {
            errors.at(limit, "a page holds at least one row: `limit = 50`");
            None
        }
    }
}
