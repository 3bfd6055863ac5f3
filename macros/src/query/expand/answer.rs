//! Answering the query.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{Body, Listing, Query, QueryField, asserts, at, field, source};
use crate::shared::inline_asserts;

/// ```text
/// async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
///     <Balance as Source>::row(models, &self.account).await
/// }
/// ```
pub(super) fn method(query: &Query<'_>) -> TokenStream {
    let span = at(query.ident.span());
    let asserts = inline_asserts(span, query.generics, asserts::all(query));
    let rows = match &query.body {
        Body::Row(key) => row(query, key),
        Body::Rows(listing) => rows(query, listing),
    };
    quote_spanned! {span=>
        async fn answer(
            &self,
            models: &__annalist::ReadModels,
        ) -> __annalist::std::result::Result<Self::Answer, __annalist::Error> {
            #asserts
            #rows.await
        }
    }
}

/// `<Balance as Source>::row(models, &self.account)`; for a composite key a tuple of clones
fn row(query: &Query<'_>, key: &[QueryField<'_>]) -> TokenStream {
    let function = source(query, "row");
    let span = at(key.first().map_or_else(Span::call_site, |query_field| query_field.ty.span()));
    let key = match key {
        [QueryField { field, .. }] => quote_spanned!(span=> &self.#field),
        several => {
            let clones = several.iter().map(|QueryField { field, ty, .. }| {
                quote_spanned!(at(ty.span())=> __annalist::std::clone::Clone::clone(&self.#field))
            });
            quote_spanned!(span=> &(#(#clones),*))
        }
    };
    let models = quote_spanned!(at(query.ident.span())=> models);
    quote_spanned!(query.from.span()=> #function(#models, #key))
}

/// ```text
/// <Balance as Source>::rows(models, |list| {
///     list.order_by("cents")
///         .descending()
///         .compare("owner", <String as Field>::TYPE, <String as Field>::to_value(&self.owner), Bound::Equal)
///         .filter_some(&self.start, |list, value| list.prefix("town", value))
///         .limit(50)
///         .filter_some(&self.cursor, |list, value| list.from(Clone::clone(value)))
/// })
/// ```
fn rows(query: &Query<'_>, listing: &Listing<'_>) -> TokenStream {
    let (function, span) = (source(query, "rows"), at(query.from.span()));
    let Listing { conditions, order, descending, limit, limit_field, cursor_field } = listing;
    let order = order.iter().map(|column| {
        let name = column.unraw().to_string();
        quote_spanned!(span=> .order_by(#name))
    });
    let descending = descending.then(|| quote_spanned!(span=> .descending()));
    let conditions = conditions.iter().map(|(how, query_field)| condition(how, query_field));
    let limit = limit.iter();
    let limit_field = limit_field.iter().map(|query_field| page(query_field, listing.limit));
    let cursor = cursor_field.iter().map(|query_field| {
        with_value(
            query_field,
            |span, cursor, _| quote_spanned!(span=> .from(__annalist::std::clone::Clone::clone(#cursor))),
        )
    });
    quote_spanned! {span=>
        #function(models, |list| {
            list #(#order)* #descending #(#conditions)* #(.limit(#limit))* #(#limit_field)* #(#cursor)*
        })
    }
}

fn condition(how: &str, query_field: &QueryField<'_>) -> TokenStream {
    let name = query_field.column.unraw().to_string();
    let bound = match how {
        "equal" => "Equal",
        "at_least" => "AtLeast",
        "at_most" => "AtMost",
        "above" => "Above",
        "below" => "Below",
        _ => return with_value(query_field, |span, start, _| quote_spanned!(span=> .prefix(#name, #start))),
    };
    let field = field(query_field);
    with_value(query_field, |span, value, _| {
        let bound = Ident::new(bound, span);
        quote_spanned! {span=>
            .compare(#name, #field::TYPE, #field::to_value(#value), __annalist::Bound::#bound)
        }
    })
}

/// The size of the page, at most the limit of the query.
fn page(query_field: &QueryField<'_>, most: Option<usize>) -> TokenStream {
    with_value(query_field, |span, _, limit| match most {
        Some(most) => quote_spanned!(span=> .limit(__annalist::std::cmp::Ord::min(#limit, #most))),
        None => quote_spanned!(span=> .limit(#limit)),
    })
}

/// A call with the value of a field, borrowed or copied; for an `Option` only if it is `Some`.
fn with_value(
    query_field: &QueryField<'_>,
    call: impl Fn(Span, TokenStream, TokenStream) -> TokenStream,
) -> TokenStream {
    let QueryField { field, ty, optional, .. } = query_field;
    let span = at(ty.span());
    if !optional {
        return call(span, quote_spanned!(span=> &self.#field), quote_spanned!(span=> self.#field));
    }
    let call = call(span, quote_spanned!(span=> value), quote_spanned!(span=> *value));
    quote_spanned!(span=> .filter_some(&self.#field, |list, value| list #call))
}
