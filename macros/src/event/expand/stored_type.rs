//! The stored name and version of a value.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Body, Event, Stored, Variant, at, derived};

/// ```text
/// fn stored_type(&self) -> (&'static str, u32) {
///     match self {
///         Self::Opened { .. } => ("account.opened", 1),
///         Self::Frozen(event) => Event::stored_type(event),
///     }
/// }
/// ```
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let body = match &event.body {
        Body::One(Stored { name, version, .. }) => quote_spanned!(span=> (#name, #version)),
        Body::Sum(variants) => {
            let arms = variants.iter().map(|variant| match variant {
                Variant::Inline { ident, stored: Stored { name, version, .. }, .. } => {
                    let ident = derived(ident);
                    quote_spanned!(span=> Self::#ident { .. } => (#name, #version),)
                }
                Variant::Newtype { ident, inner } => {
                    let ident = derived(ident);
                    quote_spanned! {at(inner.span())=>
                        Self::#ident(event) => <#inner as __annalist::Event>::stored_type(event),
                    }
                }
            });
            quote_spanned!(span=> match self { #(#arms)* })
        }
    };
    quote_spanned! {span=>
        fn stored_type(
            &self,
        ) -> (&'static __annalist::std::primitive::str, __annalist::std::primitive::u32) {
            #body
        }
    }
}
