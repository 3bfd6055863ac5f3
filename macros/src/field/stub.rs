//! An impl without behaviour for a type of a column with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::DeriveInput;

use crate::shared::{at, stub_body};

pub(crate) fn field(item: &DeriveInput) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, predicates) = item.generics.split_for_impl();
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::Field for #ident #arguments #predicates {
            const TYPE: __annalist::ColumnType = __annalist::ColumnType::Text;
            fn to_value(&self) -> __annalist::std::result::Result<__annalist::Value, __annalist::Invalid> { #body }
            fn from_value(
                _: __annalist::Value,
            ) -> __annalist::std::result::Result<Self, __annalist::Invalid> { #body }
        }
    }
}
