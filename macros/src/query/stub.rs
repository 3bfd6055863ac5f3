//! Impls without behaviour for a query with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::parse::{Mark, RawQuery};
use crate::shared::{at, where_clause};

pub(crate) fn query(item: &DeriveInput, raw: &RawQuery<'_>) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let this = quote!(__annalist::std::marker::Send + __annalist::std::marker::Sync + 'static);
    let answer = answer(raw);
    let predicates = where_clause(&item.generics, &[quote!(Self: #this), quote!(#answer: #this)]);
    let result = quote!(__annalist::std::result::Result<#answer, __annalist::Error>);
    let future = quote!(__annalist::std::future::Future<Output = #result>);
    quote_spanned! {span=>
        impl #parameters __annalist::Query for #ident #arguments #predicates {
            type Answer = #answer;
            fn answer(
                &self,
                _: &__annalist::ReadModels,
            ) -> impl #future + __annalist::std::marker::Send {
                __annalist::std::future::pending::<#result>()
            }
        }
    }
}

/// The type of the answer, or `()` if the query names no rows.
fn answer(raw: &RawQuery<'_>) -> TokenStream {
    let Some(from) = raw.attribute.from.get() else { return quote!(()) };
    let mut marks = raw.fields.iter().filter_map(|field| field.mark.as_ref());
    match marks.any(|mark| mark.mark == Mark::Key) {
        true => quote!(__annalist::std::option::Option<#from>),
        false => quote!(__annalist::Page<#from>),
    }
}
