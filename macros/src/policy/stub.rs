//! Impls without behaviour for a policy with a mistake, so that the mistake is the only error.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::DeriveInput;

use crate::shared::{at, send_sync_static, stub_body, where_clause};

pub(crate) fn policy(item: &DeriveInput) -> TokenStream {
    let (ident, span) = (&item.ident, at(item.ident.span()));
    let (parameters, arguments, _) = item.generics.split_for_impl();
    let predicates = where_clause(&item.generics, &[send_sync_static()]);
    let body = stub_body(span);
    quote_spanned! {span=>
        impl #parameters __annalist::Policy for #ident #arguments #predicates {
            const NAME: &'static __annalist::std::primitive::str = "";
            const EVENTS: &'static [__annalist::Types] = &[];
            const START: __annalist::Start = __annalist::Start::Now;
            const ON_REJECT: __annalist::OnReject = __annalist::OnReject::Stop;
            const ON_ERROR: __annalist::OnError = __annalist::OnError::Stop;
            const TRIES: __annalist::std::primitive::u32 = 1;
            fn react_to_record<'__a>(
                &'__a self,
                _: &'__a __annalist::Record,
                _: &'__a __annalist::Codec,
            ) -> __annalist::Reaction<'__a> { #body }
        }
    }
}
