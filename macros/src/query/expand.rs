//! The code that `#[derive(Query)]` generates.

mod answer;
mod asserts;
mod facts;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use super::model::{Body, Listing, Query, QueryField};
use crate::shared::{at, derived, derived_at, item_asserts, mentions, send_sync_static, where_clause};

/// ```text
/// impl Query for BalanceOf {
///     type Answer = Option<Balance>;
///     const FACTS: QueryFacts = …;
///
///     async fn answer(&self, models: &ReadModels) -> Result<<Self as Query>::Answer, Error> { … }
/// }
/// ```
pub(crate) fn query(query: &Query<'_>) -> TokenStream {
    let Query { ident, generics, from, body } = query;
    let name = derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(query));
    let span = at(ident.span());
    let answer = match body {
        Body::Row(_) => quote_spanned!(span=> __annalist::std::option::Option<#from>),
        Body::Rows(_) => quote_spanned!(span=> __annalist::Page<#from>),
    };
    let (facts, method) = (facts::constant(query), answer::method(query));
    let asserts = item_asserts(generics, asserts::all(query));
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Query for #name #arguments #predicates {
            type Answer = #answer;
            #facts
            #method
        }
        #asserts
    }
}

/// `<Balance as Source>::TABLE`, at the span of `Balance`: if that is not a projection, it is the same error in all places,
/// and the compiler shows it once.
fn source(query: &Query<'_>, member: &str) -> TokenStream {
    let (from, member) = (query.from, Ident::new(member, query.from.span()));
    quote_spanned!(from.span()=> <#from as __annalist::Source>::#member)
}

/// `<String as Field>`
fn field(QueryField { ty, .. }: &QueryField<'_>) -> TokenStream {
    quote_spanned!(at(ty.span())=> <#ty as __annalist::Field>)
}

/// The type of the field under `#[key]`, or a tuple of several.
fn key_type(key: &[QueryField<'_>]) -> TokenStream {
    match key {
        [QueryField { ty, .. }] => quote!(#ty),
        several => {
            let types = several.iter().map(|query_field| query_field.ty);
            quote!((#(#types),*))
        }
    }
}

/// The bounds of a generic query in addition to the user's.
fn predicates(query: &Query<'_>) -> Vec<TokenStream> {
    let Query { generics, from, body, .. } = query;
    let mut predicates = vec![send_sync_static()];
    match body {
        Body::Row(key) if mentions(generics, from) => {
            let key = key_type(key);
            predicates.push(quote!(#from: __annalist::Projection<Key = #key>));
        }
        Body::Row(_) => {}
        Body::Rows(listing) => {
            if mentions(generics, from) {
                predicates.push(quote!(#from: __annalist::Projection));
            }
            let types = listing.conditions.iter().map(|(_, query_field)| query_field.ty);
            predicates
                .extend(types.filter(|ty| mentions(generics, ty)).map(|ty| quote!(#ty: __annalist::Field)));
        }
    }
    predicates
}
