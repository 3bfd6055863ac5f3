//! Events change the state.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Aggregate, NamedField, On, at, is_generic};
use crate::shared;

/// ```text
/// fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
///     let _ = &self.id;
///     <AccountEvent as On>::fold(self, record, codec, Account::apply)?;
///     Ok(())
/// }
/// ```
///
/// With `context` it is `On::fold_in_context`. The id counts as read, be it that its only use is to find the events.
pub(super) fn method(aggregate: &Aggregate<'_>) -> TokenStream {
    let span = at(aggregate.ident.span());
    let id = aggregate.id.map(|NamedField { ident, .. }| quote_spanned!(span=> let _ = &self.#ident;));
    let entries = aggregate.on.iter().map(|on| entry(aggregate, on));
    let asserts = asserts(aggregate).filter(|_| is_generic(aggregate.generics));
    quote_spanned! {span=>
        fn fold_record(
            &mut self,
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #(const { #asserts })*
            #id
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
    quote_spanned!(span=> <#event as __annalist::On>::#fold(self, record, codec, #handler)?;)
}

/// Two entries that take the same event do not compile, nor does one whose events cannot carry the id. Of a concrete
/// aggregate this is found when it is checked:
///
/// ```text
/// const _: () = assert!(!entry_overlaps(<Account as Aggregate>::EVENTS, 1), "…");
/// const _: () = assert!(entry_reaches::<Account>(0), "…");
/// ```
///
/// In a generic one the same stands in an inline `const` of `fold_record`.
pub(super) fn sound(aggregate: &Aggregate<'_>) -> TokenStream {
    if is_generic(aggregate.generics) {
        return TokenStream::new();
    }
    let asserts = asserts(aggregate);
    quote!(#(const _: () = #asserts;)*)
}

fn asserts<'a>(aggregate: &'a Aggregate<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let Aggregate { ident, generics, on, .. } = aggregate;
    let distinct = shared::distinct("Aggregate", ident, generics, on.iter());
    distinct.chain(
        on.iter().enumerate().filter(|_| aggregate.id.is_some()).map(|(i, on)| reaches(aggregate, i, on)),
    )
}

fn reaches(aggregate: &Aggregate<'_>, entry: usize, On { event, .. }: &On) -> TokenStream {
    let Aggregate { ident, generics, .. } = aggregate;
    let (_, arguments, _) = generics.split_for_impl();
    let message = format!(
        "no event of `{}` carries the id of `{ident}`, so none would ever reach it: mark the event's field that holds it with `#[id]`",
        shared::shown(event),
    );
    quote_spanned! {at(event.span())=>
        __annalist::std::assert!(__annalist::entry_reaches::<#ident #arguments>(#entry), #message)
    }
}
