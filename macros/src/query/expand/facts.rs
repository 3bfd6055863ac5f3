//! The properties of the query type.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt;

use super::{Body, Query, QueryField, at, source};
use crate::shared::schema;

/// ```text
/// const FACTS: QueryFacts = QueryFacts::new(
///     <Balance as Source>::TABLE,
///     "page",
///     &[QueryParameter::new("start", "prefix", "town", true), QueryParameter::new("cursor", "cursor", "", true)],
///     { … }, // the JSON Schema
/// );
/// ```
pub(super) fn constant(query: &Query<'_>) -> TokenStream {
    let span = at(query.ident.span());
    let (table, schema) = (source(query, "TABLE"), schema(span));
    let (answer, parameters): (_, Vec<_>) = match &query.body {
        Body::Row(key) => ("row", key.iter().map(|field| parameter("key", field)).collect()),
        Body::Rows(listing) => {
            let conditions = listing.conditions.iter().map(|(how, field)| parameter(how, field));
            let limit = listing.limit_field.iter().map(|field| of_the_page("limit", field));
            let cursor = listing.cursor_field.iter().map(|field| of_the_page("cursor", field));
            ("page", conditions.chain(limit).chain(cursor).collect())
        }
    };
    let parameters = parameters.iter().map(|(field, condition, column, optional)| {
        quote_spanned!(span=> __annalist::QueryParameter::new(#field, #condition, #column, #optional))
    });
    quote_spanned! {span=>
        const FACTS: __annalist::QueryFacts =
            __annalist::QueryFacts::new(#table, #answer, &[#(#parameters),*], #schema);
    }
}

/// A field that is compared with a column.
fn parameter<'a>(condition: &'a str, query_field: &QueryField<'_>) -> (String, &'a str, String, bool) {
    let (field, column) = (query_field.field.unraw().to_string(), query_field.column.unraw().to_string());
    (field, condition, column, query_field.optional)
}

/// A field that selects a part of the rows.
fn of_the_page<'a>(condition: &'a str, query_field: &QueryField<'_>) -> (String, &'a str, String, bool) {
    (query_field.field.unraw().to_string(), condition, String::new(), query_field.optional)
}
