//! Impls without behaviour for an event with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::DeriveInput;

use crate::shared::{at, send_sync_static, stub_body, where_clause};

pub(crate) fn event(item: &DeriveInput) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let predicates = where_clause(&item.generics, &[send_sync_static()]);
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::Event for #ident #arguments #predicates {
            const TYPES: __annalist::Types = __annalist::Types::Sum(&[]);
            fn stored_type(
                &self,
            ) -> (&'static __annalist::std::primitive::str, __annalist::std::primitive::u32) { #body }
            fn collect_tags(
                &self,
                _: &mut __annalist::Tags,
            ) -> __annalist::std::result::Result<(), __annalist::Invalid> { #body }
            fn encode_payload(
                &self,
                _: &__annalist::Codec,
            ) -> __annalist::std::result::Result<__annalist::Payload, __annalist::Invalid> { #body }
            fn decode_raw(
                _: &__annalist::RawEvent<'_>,
                _: &__annalist::Codec,
                _: &mut dyn __annalist::std::ops::FnMut(Self),
            ) -> __annalist::std::result::Result<(), __annalist::Invalid> { #body }
        }
        impl #parameters __annalist::WritableEvent for #ident #arguments #predicates {}
    }
}
