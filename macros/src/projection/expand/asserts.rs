//! Assertions that the compiler evaluates as constants.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Projection, at, field};
use crate::shared::assert_distinct;

/// Assertions that no key column can be NULL, and that no two entries handle the same event.
///
/// For a concrete projection the assertions are items:
///
/// ```text
/// const _: () = assert!(!<AccountId as Field>::NULLABLE, "…");
/// const _: () = assert!(!entry_overlaps(<Balance as Projection>::EVENTS, 1), "…");
/// ```
///
/// For a generic projection they are inline `const`s in `plan_record`.
pub(super) fn all<'a>(projection: &'a Projection<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let keys = projection.keys().map(|column| {
        let field = field(column);
        quote_spanned! {at(column.ty.span())=>
            __annalist::std::assert!(!#field::NULLABLE, "a key cannot be NULL: use the type inside the `Option`")
        }
    });
    let on = projection.on.iter().map(|entry| &entry.on);
    keys.chain(assert_distinct("Projection", projection.ident, projection.generics, on))
}
