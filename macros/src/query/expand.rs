//! What `#[derive(Query)]` generates.

mod answer;
mod asserts;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use super::model::{Asked, Body, Listing, Query};
use crate::shared::{at, mentions, where_clause};

/// ```text
/// impl Query for BalanceOf {
///     type Answer = Option<Balance>;
///
///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> { … }
/// }
/// ```
pub(crate) fn query(query: &Query<'_>) -> TokenStream {
    let Query { ident, generics, from, body } = query;
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(query));
    let span = at(ident.span());
    let answer = match body {
        Body::Row(_) => quote_spanned!(span=> __annalist::std::option::Option<#from>),
        Body::Rows(_) => quote_spanned!(span=> __annalist::Rows<#from>),
    };
    let method = answer::method(query);
    let asserts = asserts::items(query);
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Query for #ident #arguments #predicates {
            type Answer = #answer;
            #method
        }
        #asserts
    }
}

/// `<Balance as Source>::TABLE`, seen from the name of the rows: if they are no projection, it is the same error wherever
/// it is written, and the compiler shows it once.
fn source(query: &Query<'_>, member: &str) -> TokenStream {
    let (from, member) = (query.from, Ident::new(member, query.from.span()));
    quote_spanned!(from.span()=> <#from as __annalist::Source>::#member)
}

/// `<String as Field>`
fn field(Asked { ty, .. }: &Asked<'_>) -> TokenStream {
    quote_spanned!(at(ty.span())=> <#ty as __annalist::Field>)
}

/// The type of the field under `#[key]`, or a tuple of several.
fn key_type(key: &[Asked<'_>]) -> TokenStream {
    match key {
        [Asked { ty, .. }] => quote!(#ty),
        several => {
            let types = several.iter().map(|asked| asked.ty);
            quote!((#(#types),*))
        }
    }
}

/// What has to hold of a generic query beyond the user's own bounds.
fn predicates(query: &Query<'_>) -> Vec<TokenStream> {
    let Query { generics, from, body, .. } = query;
    let mut predicates =
        vec![quote!(Self: __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static)];
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
            let types = listing.conditions.iter().map(|(_, asked)| asked.ty);
            predicates
                .extend(types.filter(|ty| mentions(generics, ty)).map(|ty| quote!(#ty: __annalist::Field)));
        }
    }
    predicates
}
