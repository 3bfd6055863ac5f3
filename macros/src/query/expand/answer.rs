//! How the question is put to the read models.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{Asked, Body, Listing, Query, asserts, at};
use crate::shared::is_generic;

/// ```text
/// async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
///     <Balance as Source>::find(models, &self.account).await
/// }
/// ```
pub(super) fn method(query: &Query<'_>) -> TokenStream {
    let span = at(query.ident.span());
    let asserts = asserts::all(query).filter(|_| is_generic(query.generics));
    let question = match &query.body {
        Body::Row(key) => find(query, key),
        Body::Rows(listing) => list(query, listing),
    };
    quote_spanned! {span=>
        async fn answer(
            &self,
            models: &__annalist::ReadModels,
        ) -> __annalist::std::result::Result<Self::Answer, __annalist::Error> {
            #(const { #asserts })*
            #question.await
        }
    }
}

/// `<Balance as Source>::find(models, &self.account)`, or of a composite key a tuple of clones
fn find(query: &Query<'_>, key: &[Asked<'_>]) -> TokenStream {
    let span = at(key.first().map_or_else(Span::call_site, |asked| asked.ty.span()));
    let key = match key {
        [Asked { field, ty, .. }] => quote_spanned!(at(ty.span())=> &self.#field),
        several => {
            let clones = several.iter().map(|Asked { field, ty, .. }| {
                quote_spanned!(at(ty.span())=> __annalist::std::clone::Clone::clone(&self.#field))
            });
            quote_spanned!(span=> &(#(#clones),*))
        }
    };
    let source = source(query);
    quote_spanned!(span=> #source::find(models, #key))
}

/// ```text
/// <Balance as Source>::list(models)
///     .order_by("cents")
///     .descending()
///     .equal::<String>("owner", &self.owner)
///     .when(&self.from, |list, value| list.at_least::<i64>("cents", value))
///     .limit(50)
///     .when(&self.cursor, |list, cursor| list.from(Clone::clone(cursor)))
/// ```
fn list(query: &Query<'_>, listing: &Listing<'_>) -> TokenStream {
    let span = at(query.ident.span());
    let Listing { conditions, order, descending, limit, limit_field, cursor_field } = listing;
    let order = order.iter().map(|column| {
        let name = column.unraw().to_string();
        quote_spanned!(span=> .order_by(#name))
    });
    let descending = descending.then(|| quote_spanned!(span=> .descending()));
    let conditions = conditions.iter().map(|(how, asked)| condition(how, asked));
    let limit = limit.iter();
    let limit_field = limit_field.iter().map(|asked| page(asked, listing.limit));
    let cursor = cursor_field.iter().map(|asked| {
        given(
            asked,
            |span, cursor, _| quote_spanned!(span=> .from(__annalist::std::clone::Clone::clone(#cursor))),
        )
    });
    let source = source(query);
    quote_spanned! {span=>
        #source::list(models)
            #(#order)* #descending #(#conditions)* #(.limit(#limit))* #(#limit_field)* #(#cursor)*
    }
}

fn condition(how: &str, asked: &Asked<'_>) -> TokenStream {
    let Asked { ty, column, .. } = asked;
    let column = column.unraw().to_string();
    given(asked, |span, value, _| {
        let method = Ident::new(how, span);
        let compared = (how != "prefix").then(|| quote_spanned!(span=> ::<#ty>));
        quote_spanned!(span=> .#method #compared (#column, #value))
    })
}

/// A page is never larger than the question allows.
fn page(asked: &Asked<'_>, most: Option<usize>) -> TokenStream {
    given(asked, |span, _, limit| match most {
        Some(most) => quote_spanned!(span=> .limit(__annalist::std::cmp::Ord::min(#limit, #most))),
        None => quote_spanned!(span=> .limit(#limit)),
    })
}

/// A call with the value of a field, borrowed or copied; of an `Option` only where there is one.
fn given(asked: &Asked<'_>, call: impl Fn(Span, TokenStream, TokenStream) -> TokenStream) -> TokenStream {
    let Asked { field, ty, optional, .. } = asked;
    let span = at(ty.span());
    if !optional {
        return call(span, quote_spanned!(span=> &self.#field), quote_spanned!(span=> self.#field));
    }
    let call = call(span, quote_spanned!(span=> value), quote_spanned!(span=> *value));
    quote_spanned!(span=> .when(&self.#field, |list, value| list #call))
}

/// Seen from the name of the rows, so that rows that are no projection are the same error wherever it is written.
pub(super) fn source(query: &Query<'_>) -> TokenStream {
    let from = query.from;
    quote_spanned!(from.span()=> <#from as __annalist::Source>)
}
