//! Assertions that the compiler evaluates as constants.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Generics;

use super::{at, is_generic};

/// The assertions of a concrete item, as items: `const _: () = assert!(…);`. A generic item has
/// [`inline_asserts`].
pub(crate) fn item_asserts(
    generics: &Generics,
    asserts: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    let asserts = asserts.into_iter().filter(|_| !is_generic(generics));
    quote!(#(const _: () = #asserts;)*)
}

/// The assertions of a generic item, in one of its functions: `const { assert!(…) }`. They are evaluated for the types with
/// which the function is used.
pub(crate) fn inline_asserts(
    span: Span,
    generics: &Generics,
    asserts: impl IntoIterator<Item = TokenStream>,
) -> TokenStream {
    let asserts = asserts.into_iter().filter(|_| is_generic(generics));
    quote_spanned!(at(span)=> #(const { #asserts })*)
}
