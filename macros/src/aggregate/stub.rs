//! Impls without behaviour for an aggregate with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::parse::RawAggregate;
use crate::shared::{at, send_sync_static, stub_body, where_clause};

pub(crate) fn aggregate(item: &DeriveInput, raw: &RawAggregate<'_>) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let predicates = where_clause(&item.generics, &[send_sync_static()]);
    let id = match raw.ids.first().map(|(field, _)| &field.ty) {
        Some(ty) => quote!(#ty),
        None => quote!(()),
    };
    let error = match raw.attribute.error.get() {
        Some(error) => quote!(#error),
        None => quote!(__annalist::std::convert::Infallible),
    };
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::Aggregate for #ident #arguments #predicates {
            type Id = #id;
            type Error = #error;
            const EVENTS: &'static [__annalist::Types] = &[];
            fn initial(_: #id) -> Self { #body }
            fn fold_record(
                &mut self,
                _: &__annalist::Record,
                _: &__annalist::Codec,
            ) -> __annalist::std::result::Result<(), __annalist::Invalid> { #body }
        }
    }
}
