//! Folding events into the state.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Aggregate, NamedField, On, at, derived};
use crate::shared::{self, inline_asserts};

/// ```text
/// fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
///     let _ = &self.id;
///     Self::fold_into_each(&mut [self], record, codec)
/// }
///
/// fn fold_into_each(states: &mut [&mut Self], record: &Record, codec: &Codec) -> Result<(), Invalid> {
///     <AccountEvent as On>::fold(states, record, codec, Account::apply)?;
///     Ok(())
/// }
/// ```
///
/// With `context` it is `On::fold_in_context`. Mentioning the id prevents a warning about a field that is never read.
pub(super) fn methods(aggregate: &Aggregate<'_>) -> TokenStream {
    let span = at(aggregate.ident.span());
    let id = aggregate.id.map(|NamedField { ident, .. }| {
        let ident = derived(ident);
        quote_spanned!(span=> let _ = &self.#ident;)
    });
    let entries = aggregate.on.iter().map(|on| entry(aggregate, on));
    let asserts = inline_asserts(span, aggregate.generics, asserts(aggregate));
    quote_spanned! {span=>
        fn fold_record(
            &mut self,
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #id
            <Self as __annalist::Aggregate>::fold_into_each(&mut [self], record, codec)
        }
        fn fold_into_each(
            states: &mut [&mut Self],
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #asserts
            #(#entries)*
            __annalist::std::result::Result::Ok(())
        }
    }
}

fn entry(aggregate: &Aggregate<'_>, On { event, handler }: &On) -> TokenStream {
    let span = at(event.span());
    let fold = match aggregate.context {
        true => quote_spanned!(span=> fold_in_context),
        false => quote_spanned!(span=> fold),
    };
    quote_spanned!(span=> <#event as __annalist::On>::#fold(states, record, codec, #handler)?;)
}

/// Assertions that no two entries handle the same event, and that every entry has an event with the id. For a concrete
/// aggregate they are items:
///
/// ```text
/// const _: () = assert!(!aggregate_overlaps::<Account, 2>(1), "…");
/// const _: () = assert!(entry_reaches::<Account>(0), "…");
/// ```
///
/// For a generic aggregate they are inline `const`s in `fold_into_each`.
pub(super) fn asserts<'a>(aggregate: &'a Aggregate<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let Aggregate { ident, generics, on, .. } = aggregate;
    let distinct = shared::assert_distinct("aggregate_overlaps", ident, generics, on.iter());
    distinct.chain(
        on.iter()
            .enumerate()
            .filter(|_| aggregate.id.is_some())
            .map(|(i, on)| assert_reaches(aggregate, i, on)),
    )
}

fn assert_reaches(aggregate: &Aggregate<'_>, entry: usize, On { event, .. }: &On) -> TokenStream {
    let Aggregate { ident, generics, .. } = aggregate;
    let (_, arguments, _) = generics.split_for_impl();
    let message = format!(
        "no event of `{}` carries the id of `{ident}`, so the aggregate would never get one: write `#[id]` on the field of the event that holds the id",
        shared::source_text(event),
    );
    let ident = derived(ident);
    quote_spanned! {at(event.span())=>
        __annalist::std::assert!(__annalist::entry_reaches::<#ident #arguments>(#entry), #message)
    }
}
