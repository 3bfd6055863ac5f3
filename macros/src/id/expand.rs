//! The code that `#[derive(Id)]` generates.

mod secret;
mod serde;
mod text;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::Id;
use crate::shared::{at, derived, derived_at};

pub(crate) fn id(id: &Id<'_>) -> TokenStream {
    let (own, text, serde, debug) = (own(id), text::impls(id), serde::impls(id), secret::debug(id));
    quote!(#own #text #serde #debug)
}

/// ```text
/// impl Id for AccountId {
///     const KIND: &'static str = "account";
///     const SHARED: bool = false;
///     const SECRET: Option<AfterForget> = Some(AfterForget::StaysTaken); // if it is personal
///     type Inner = Uuid;
///     fn as_inner(&self) -> &Uuid {
///         &self.0
///     }
///     fn from_inner(inner: Uuid) -> Self {
///         Self(inner)
///     }
/// }
/// ```
fn own(id: &Id<'_>) -> TokenStream {
    let Id { ident, inner, kind, shared, .. } = id;
    let ident = derived(ident);
    let secret = secret::constant(id);
    quote_spanned! {at(ident.span())=>
        #[automatically_derived]
        impl __annalist::Id for #ident {
            const KIND: &'static __annalist::std::primitive::str = #kind;
            const SHARED: __annalist::std::primitive::bool = #shared;
            #secret
            type Inner = #inner;

            fn as_inner(&self) -> &#inner {
                &self.0
            }

            fn from_inner(inner: #inner) -> Self {
                Self(inner)
            }
        }
    }
}

/// The span for errors about the wrapped type.
fn inner_span(id: &Id<'_>) -> proc_macro2::Span {
    at(id.inner.span())
}
