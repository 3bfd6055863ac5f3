//! The state before its first event.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Aggregate, NamedField, at, derived, id_type};

/// ```text
/// fn initial(id: AccountId) -> Self {
///     Self { id: id, open: <bool as InitialValue>::initial_value(), balance: <u64 as InitialValue>::initial_value() }
/// }
/// ```
///
/// A field of an aggregate without `#[id]` starts with `UnmarkedField::<u64>::__annalist_initial()`, which is an error for an
/// id. `UnmarkedValue` is the trait of that function, and always used by the first line of the body.
pub(super) fn method(aggregate: &Aggregate<'_>) -> TokenStream {
    let span = at(aggregate.ident.span());
    let ty = id_type(aggregate);
    let local = match aggregate.id {
        Some(_) => quote_spanned!(span=> id),
        None => quote_spanned!(span=> _),
    };
    let id = aggregate.id.map(|NamedField { ident, .. }| {
        let ident = derived(ident);
        quote!(#ident: #local,)
    });
    let fields = aggregate.fields.iter().map(|NamedField { ident, ty }| {
        let (ident, span) = (derived(ident), at(ty.span()));
        match aggregate.id {
            Some(_) => quote_spanned!(span=> #ident: <#ty as __annalist::InitialValue>::initial_value(),),
            None => quote_spanned!(span=> #ident: __annalist::UnmarkedField::<#ty>::__annalist_initial(),),
        }
    });
    let import = (aggregate.id.is_none() && !aggregate.fields.is_empty()).then(|| {
        quote_spanned! {span=>
            use __annalist::UnmarkedValue as _;
            __annalist::UnmarkedField::<()>::__annalist_initial();
        }
    });
    quote_spanned! {span=>
        fn initial(#local: #ty) -> Self {
            #import
            Self { #id #(#fields)* }
        }
    }
}
