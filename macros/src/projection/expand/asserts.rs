//! What only the compiler can check, by evaluating constants.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Projection, at, field};
use crate::shared::{distinct, is_generic};

/// Of a concrete projection the assertions are items, found when it is checked:
///
/// ```text
/// const _: () = assert!(!<AccountId as Field>::NULLABLE, "…");
/// const _: () = assert!(!entry_overlaps(<Balance as Projection>::EVENTS, 1), "…");
/// ```
///
/// Those of a generic one stand in inline `const`s of `plan_record`.
pub(super) fn items(projection: &Projection<'_>) -> TokenStream {
    if is_generic(projection.generics) {
        return TokenStream::new();
    }
    let asserts = all(projection);
    quote!(#(const _: () = #asserts;)*)
}

/// No key may be empty, and no two entries take the same event.
pub(super) fn all<'a>(projection: &'a Projection<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let keys = projection.keys().map(|column| {
        let field = field(column);
        quote_spanned! {at(column.ty.span())=>
            __annalist::std::assert!(!#field::NULLABLE, "a key is never empty: take the type inside the `Option`")
        }
    });
    let on = projection.on.iter().map(|entry| &entry.on);
    keys.chain(distinct("Projection", projection.ident, projection.generics, on))
}
