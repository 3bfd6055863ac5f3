//! The row before its first event.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned;

use super::{Column, Projection, Role, at, derived, key_type};

/// ```text
/// fn initial(key: AccountId) -> Self {
///     ColumnOf::<()>::__annalist_used();
///     Self { account: key, owner: ColumnOf::<String>::__annalist_initial(), lines: <Lines as InitialValue>::initial_value() }
/// }
/// ```
///
/// A composite key is destructured: `fn initial((key0, key1): (AccountId, Currency)) -> Self`.
pub(super) fn method(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let ty = key_type(projection);
    let locals: Vec<_> = match projection.keys().count() {
        1 => vec![format_ident!("key", span = span)],
        several => (0..several).map(|i| format_ident!("key{i}", span = span)).collect(),
    };
    let key = match &locals[..] {
        [key] => quote_spanned!(span=> #key),
        keys => quote_spanned!(span=> (#(#keys),*)),
    };
    let mut locals = locals.iter();
    let fields = projection.columns.iter().map(|Column { ident, ty, role, .. }| match role {
        Role::Key => {
            let (ident, local) = (derived(ident), locals.next());
            quote_spanned!(span=> #ident: #local)
        }
        Role::Index | Role::Plain => {
            let ident = derived(ident);
            quote_spanned!(at(ty.span())=> #ident: __annalist::ColumnOf::<#ty>::__annalist_initial())
        }
        Role::Json | Role::Secret { .. } => {
            let ident = derived(ident);
            quote_spanned!(at(ty.span())=> #ident: <#ty as __annalist::InitialValue>::initial_value())
        }
    });
    quote_spanned! {span=>
        fn initial(#key: #ty) -> Self {
            __annalist::ColumnOf::<()>::__annalist_used();
            Self { #(#fields),* }
        }
    }
}
