//! Impls without behaviour for a command with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::parse::RawCommand;
use crate::shared::{at, stub_body, where_clause};

pub(crate) fn command(item: &DeriveInput, raw: &RawCommand<'_>) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let predicates = where_clause(&item.generics, &[quote!(Self: __annalist::std::marker::Send + 'static)]);
    let error = match raw.attribute.error.get() {
        Some(error) => quote!(#error),
        None => quote!(__annalist::std::convert::Infallible),
    };
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::Command for #ident #arguments #predicates {
            type Error = #error;
            fn dispatch<__D: __annalist::Dispatcher>(self, _: __D) -> __D::Out<<Self as __annalist::Command>::Error> { #body }
            fn declare(_: &mut __annalist::CommandTypes) { #body }
        }
    }
}
