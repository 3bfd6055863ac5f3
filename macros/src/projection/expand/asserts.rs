//! Assertions that the compiler evaluates as constants.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Entry, Projection, at, derived, member};
use crate::shared::{assert_distinct, source_text};

/// Assertions that no key column can be NULL, that no two entries handle the same event, and that events carry the key.
///
/// For a concrete projection the assertions are items:
///
/// ```text
/// const _: () = assert!(!ColumnOf::<AccountId>::__ANNALIST_NULLABLE, "…");
/// const _: () = assert!(!projection_overlaps::<Balance, 2>(1), "…");
/// const _: () = assert!(reaches_row::<Balance>(), "…");
/// ```
///
/// For a generic projection they are inline `const`s in `plan_record`.
pub(super) fn all(projection: &Projection<'_>) -> Vec<TokenStream> {
    let keys = projection.keys().map(|column| {
        let nullable = member(column, "NULLABLE");
        quote_spanned! {at(column.ty.span())=>
            __annalist::std::assert!(!#nullable, "a key cannot be NULL: use the type inside the `Option`")
        }
    });
    let on = projection.on.iter().map(|entry| &entry.on);
    let distinct = assert_distinct("projection_overlaps", projection.ident, projection.generics, on);
    keys.chain(distinct).chain(reaches(projection)).collect()
}

/// Assertions that the key is an id of an event of each entry without `by`. If it is the id of none of several entries, one error
/// at the key is enough:
///
/// ```text
/// assert!(reaches_row::<Balance>(), "…");
/// assert!(!reaches_row::<Balance>() || entry_reaches_row::<Balance>(0), "…");
/// assert!(!reaches_row::<Balance>() || entry_reaches_row::<Balance>(1), "…");
/// ```
fn reaches<'a>(projection: &'a Projection<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let Projection { generics, on, .. } = projection;
    let (ident, (_, arguments, _)) = (derived(projection.ident), generics.split_for_impl());
    let name = projection.ident;
    let by_ids = on.iter().all(|entry| entry.by.is_none());
    let key = projection.keys().next().filter(|_| by_ids).map(|key| {
        let ty = source_text(key.ty);
        let message = format!(
            "no event of `{name}` carries an id of the kind of `{ty}`, so it would stay empty: write `#[id]` on the field of the event that holds the key, or `by` and a function that returns the key"
        );
        quote_spanned! {at(key.ty.span())=>
            __annalist::std::assert!(__annalist::reaches_row::<#ident #arguments>(), #message)
        }
    });
    let entries =
        on.iter().enumerate().filter(move |(_, entry)| entry.by.is_none() && !(by_ids && on.len() == 1));
    let entries = entries.map(move |(i, Entry { on, .. })| {
        let span = at(on.event.span());
        let event = source_text(&on.event);
        let message = format!(
            "no event of `{event}` carries the key of `{name}`, so this handler would never be called: write `#[id]` on the field of the event that holds the key, or `by` and a function that returns the key"
        );
        let (ident, (_, arguments, _)) = (derived(projection.ident), generics.split_for_impl());
        let none = by_ids
            .then(|| quote_spanned!(span=> !__annalist::reaches_row::<#ident #arguments>() ||));
        quote_spanned! {span=>
            __annalist::std::assert!(#none __annalist::entry_reaches_row::<#ident #arguments>(#i), #message)
        }
    });
    key.into_iter().chain(entries)
}
