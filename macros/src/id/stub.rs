//! Impls without behaviour for an id with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{DeriveInput, GenericParam, Lifetime, LifetimeParam};

use crate::shared::{at, stub_body, where_clause};

pub(crate) fn id(item: &DeriveInput) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let predicates = where_clause(
        &item.generics,
        &[quote! {
            Self: __annalist::std::clone::Clone + __annalist::std::cmp::Eq + __annalist::std::hash::Hash
                + __annalist::std::marker::Send + __annalist::std::marker::Sync + 'static
        }],
    );
    let given_predicates = &item.generics.where_clause;
    let (body, serde) = (stub_body(span), serde(item));
    quote_spanned! {span=>
        impl #parameters __annalist::Id for #ident #arguments #predicates {
            const KIND: &'static __annalist::std::primitive::str = "";
            const SHARED: __annalist::std::primitive::bool = true;
            type Inner = ();
            fn as_inner(&self) -> &() { #body }
            fn from_inner(_: ()) -> Self { #body }
        }
        impl #parameters __annalist::std::fmt::Display for #ident #arguments #given_predicates {
            fn fmt(&self, _: &mut __annalist::std::fmt::Formatter<'_>) -> __annalist::std::fmt::Result { #body }
        }
        impl #parameters __annalist::std::str::FromStr for #ident #arguments #given_predicates {
            type Err = __annalist::std::convert::Infallible;
            fn from_str(
                _: &__annalist::std::primitive::str,
            ) -> __annalist::std::result::Result<Self, Self::Err> { #body }
        }
        #serde
    }
}

/// With `#[serde(…)]`, which is the mistake, the traits are derived next to `Id`.
fn serde(item: &DeriveInput) -> TokenStream {
    if item.attrs.iter().any(|attribute| attribute.path().is_ident("serde")) {
        return TokenStream::new();
    }
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, predicates) = item.generics.split_for_impl();
    let mut deserialize = item.generics.clone();
    deserialize.params.insert(0, GenericParam::Lifetime(LifetimeParam::new(Lifetime::new("'de", span))));
    let (de_parameters, _, _) = deserialize.split_for_impl();
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::serde::Serialize for #ident #arguments #predicates {
            fn serialize<__S: __annalist::serde::Serializer>(
                &self,
                _: __S,
            ) -> __annalist::std::result::Result<__S::Ok, __S::Error> { #body }
        }
        impl #de_parameters __annalist::serde::Deserialize<'de> for #ident #arguments #predicates {
            fn deserialize<__D: __annalist::serde::Deserializer<'de>>(
                _: __D,
            ) -> __annalist::std::result::Result<Self, __D::Error> { #body }
        }
    }
}
