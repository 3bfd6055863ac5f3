//! Impls without behaviour for a projection with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::DeriveInput;

use super::{check::is_invalid_key, parse::RawProjection};
use crate::shared::{at, send_sync_static, stub_body, where_clause};

pub(crate) fn projection(item: &DeriveInput, raw: &RawProjection<'_>) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let key = key_type(raw);
    let predicates = where_clause(&item.generics, &[send_sync_static(), quote!(#key: __annalist::RowKey)]);
    let body = stub_body(span);
    let result = quote!(__annalist::std::result::Result);
    quote_spanned! {span=>
        impl #parameters __annalist::Projection for #ident #arguments #predicates {
            type Key = #key;
            const TABLE: __annalist::Table = __annalist::Table { projection: "", version: 1, build: 0, columns: &[] };
            const EVENTS: &'static [__annalist::Types] = &[];
            fn initial(_: #key) -> Self { #body }
            fn plan_record<'__a>(
                _: &'__a __annalist::Record,
                _: &__annalist::Codec,
                _: &mut __annalist::RowOps<'__a, Self>,
            ) -> #result<(), __annalist::Invalid> { #body }
            fn to_row(&self) -> #result<__annalist::Row, __annalist::Invalid> { #body }
            fn from_row(_: __annalist::Row) -> #result<Self, __annalist::Invalid> { #body }
        }
    }
}

/// The type of the key, or any type if the row has no valid key.
fn key_type(raw: &RawProjection<'_>) -> TokenStream {
    let types: Vec<_> =
        raw.fields.iter().filter(|field| field.key.is_some()).map(|field| &field.field.ty).collect();
    match &types[..] {
        [_, _, _, _, _, ..] | [] => quote!(__annalist::std::primitive::bool),
        types if types.iter().any(|ty| is_invalid_key(ty)) => quote!(__annalist::std::primitive::bool),
        [ty] => quote!(#ty),
        types => quote!((#(#types),*)),
    }
}
