//! The state before its first event.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Aggregate, NamedField, at, id_type};

/// ```text
/// fn initial(id: AccountId) -> Self {
///     Self { id: id, open: <bool as Default>::default(), balance: <u64 as Default>::default() }
/// }
/// ```
pub(super) fn method(aggregate: &Aggregate<'_>) -> TokenStream {
    let span = at(aggregate.ident.span());
    let ty = id_type(aggregate);
    let local = match aggregate.id {
        Some(_) => quote_spanned!(span=> id),
        None => quote_spanned!(span=> _),
    };
    let id = aggregate.id.map(|NamedField { ident, .. }| quote!(#ident: #local,));
    let fields = aggregate.fields.iter().map(|NamedField { ident, ty }| {
        quote_spanned! {at(ty.span())=>
            #ident: <#ty as __annalist::std::default::Default>::default(),
        }
    });
    quote_spanned! {span=>
        fn initial(#local: #ty) -> Self {
            Self { #id #(#fields)* }
        }
    }
}
