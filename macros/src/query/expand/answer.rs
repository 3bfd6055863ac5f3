//! Answering the query.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{Body, Listing, Query, QueryField, asserts, at, derived_at, field, source};
use crate::shared::inline_asserts;

/// ```text
/// async fn answer(&self, models: &ReadModels) -> Result<<Self as Query>::Answer, Error> {
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
        ) -> __annalist::std::result::Result<<Self as __annalist::Query>::Answer, __annalist::Error> {
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
        [QueryField { field, ty, .. }] => {
            let field = derived_at(field, ty.span());
            quote_spanned!(span=> &self.#field)
        }
        several => {
            let clones = several.iter().map(|QueryField { field, ty, .. }| {
                let field = derived_at(field, ty.span());
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
///     let list = List::order_by(list, "cents");
///     let list = List::descending(list);
///     let list = List::compare(list, "owner", <String as Field>::TYPE, <String as Field>::to_value(&self.owner), Bound::Equal);
///     let list = List::filter_some(list, &self.start, |list, value| List::prefix(list, "town", value));
///     let list = List::limit(list, 50);
///     let list = List::filter_some(list, &self.cursor, |list, value| List::from(list, Clone::clone(value)));
///     list
/// })
/// ```
fn rows(query: &Query<'_>, listing: &Listing<'_>) -> TokenStream {
    let (function, span) = (source(query, "rows"), at(query.from.span()));
    let Listing { conditions, order, descending, limit, limit_field, cursor_field } = listing;
    let order = order.iter().map(|column| {
        let name = column.unraw().to_string();
        quote_spanned!(span=> __annalist::List::order_by(list, #name))
    });
    let descending = descending.then(|| quote_spanned!(span=> __annalist::List::descending(list)));
    let conditions = conditions.iter().map(|(how, query_field)| condition(how, query_field));
    let limit = limit.iter().map(|limit| quote_spanned!(span=> __annalist::List::limit(list, #limit)));
    let limit_field = limit_field.iter().map(|query_field| page(query_field, listing.limit));
    let cursor = cursor_field.iter().map(|query_field| {
        with_value(
            query_field,
            |span, cursor, _| quote_spanned!(span=> __annalist::List::from(list, __annalist::std::clone::Clone::clone(#cursor))),
        )
    });
    let calls = order.chain(descending).chain(conditions).chain(limit).chain(limit_field).chain(cursor);
    quote_spanned! {span=>
        #function(models, |list| {
            #(let list = #calls;)*
            list
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
        method => {
            return with_value(query_field, |span, value, _| {
                let method = Ident::new(method, span);
                quote_spanned!(span=> __annalist::List::#method(list, #name, #value))
            });
        }
    };
    let field = field(query_field);
    with_value(query_field, |span, value, _| {
        let bound = Ident::new(bound, span);
        quote_spanned! {span=>
            __annalist::List::compare(list, #name, #field::TYPE, #field::to_value(#value), __annalist::Bound::#bound)
        }
    })
}

/// The size of the page, at most the limit of the query.
fn page(query_field: &QueryField<'_>, most: Option<usize>) -> TokenStream {
    with_value(query_field, |span, _, limit| match most {
        Some(most) => {
            quote_spanned!(span=> __annalist::List::limit(list, __annalist::std::cmp::Ord::min(#limit, #most)))
        }
        None => quote_spanned!(span=> __annalist::List::limit(list, #limit)),
    })
}

/// A call with the value of a field, borrowed or copied; for an `Option` only if it is `Some`.
fn with_value(
    query_field: &QueryField<'_>,
    call: impl Fn(Span, TokenStream, TokenStream) -> TokenStream,
) -> TokenStream {
    let QueryField { field, ty, optional, .. } = query_field;
    let (field, span) = (derived_at(field, ty.span()), at(ty.span()));
    if !optional {
        return call(span, quote_spanned!(span=> &self.#field), quote_spanned!(span=> self.#field));
    }
    let call = call(span, quote_spanned!(span=> value), quote_spanned!(span=> *value));
    quote_spanned!(span=> __annalist::List::filter_some(list, &self.#field, |list, value| #call))
}
