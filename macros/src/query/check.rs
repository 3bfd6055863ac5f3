//! Checks a query.

mod fields;

use syn::{Data, DeriveInput, Fields, LitInt};

use super::{
    model::{Body, Listing, Query},
    parse::{Mark, RawAttribute, RawQuery},
};
use crate::shared::{Errors, positive, refuse_lifetimes, refuse_references, source_text};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &'a RawQuery<'a>, errors: &Errors) -> Option<Query<'a>> {
    refuse_lifetimes(&item.generics, "a query", errors);
    let attribute = &raw.attribute;
    check_is_struct(item, errors)?;
    if !attribute.has_from {
        errors.at(&item.ident, "the projection of the query is missing: write `#[query(from = Balance)]`");
    }
    fields::check_all_marked(&raw.fields, errors);
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

/// Checks that the item is a struct with named fields or none.
fn check_is_struct(item: &DeriveInput, errors: &Errors) -> Option<()> {
    let name = &item.ident;
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) | Fields::Unit => {
                refuse_references(&item.generics, &data.fields, "a query", errors);
                return Some(());
            }
            Fields::Unnamed(tuple) => {
                errors.at(tuple, format_args!("a query has named fields: `struct {name} {{ … }}`"));
            }
        },
        Data::Enum(_) | Data::Union(_) => {
            let message = "a query is a struct: every query has its own type of answer";
            errors.at(name, message);
        }
    }
    None
}

/// Reports keys for lists next to `#[key]`.
fn check_one_row(attribute: &RawAttribute, errors: &Errors) {
    let RawAttribute { order, descending, limit, .. } = attribute;
    for key in [order.key(), descending.key(), limit.key()].into_iter().flatten() {
        errors.at(
            key,
            format_args!(
                "remove this: `{}` is for lists of rows, and `#[key]` finds one row",
                source_text(key)
            ),
        );
    }
}

fn listing<'a>(attribute: &'a RawAttribute, listing: Listing<'a>, errors: &Errors) -> Listing<'a> {
    let RawAttribute { order, has_order, descending, limit, .. } = attribute;
    if let (Some(key), false) = (descending.key(), has_order) {
        errors.at(key, "`descending` needs a column to sort by: `order = cents, descending`");
    }
    Listing {
        order: order.get(),
        descending: descending.key().is_some(),
        limit: limit.get().and_then(|limit| rows(limit, errors)),
        ..listing
    }
}

/// The number of rows of a page.
fn rows(limit: &LitInt, errors: &Errors) -> Option<usize> {
    positive(limit, "a page holds at least one row: `limit = 50`", errors)
}
