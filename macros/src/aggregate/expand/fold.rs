//! Events change the state.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use super::{Aggregate, On, at, is_generic};
use crate::shared::last_span;

/// ```ignore
/// fn fold_record(&mut self, record: &Record, codec: &Codec) -> Result<(), Invalid> {
///     fold::<AccountEvent>(record, codec, |event| Account::apply(self, event))?;
///     Ok(())
/// }
/// ```
///
/// With `context` the handler also gets `&Context::from(record)`.
pub(super) fn method(aggregate: &Aggregate<'_>) -> TokenStream {
    let span = at(aggregate.ident.span());
    let context = aggregate.context.then(|| {
        quote_spanned! {span=>
            let context = &<__annalist::Context<'_> as __annalist::std::convert::From<&__annalist::Record>>::from(record);
        }
    });
    let entries = aggregate.on.iter().map(|on| entry(aggregate, on));
    let asserts = asserts(aggregate).filter(|_| is_generic(aggregate.generics));
    quote_spanned! {span=>
        fn fold_record(
            &mut self,
            record: &__annalist::Record,
            codec: &__annalist::Codec,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #(const { #asserts })*
            #context
            #(#entries)*
            __annalist::std::result::Result::Ok(())
        }
    }
}

fn entry(aggregate: &Aggregate<'_>, On { event, handler }: &On) -> TokenStream {
    let at_event = at(event.span());
    let at_handler = at(last_span(&handler.path));
    let context = aggregate.context.then(|| quote_spanned!(at_handler=> , context));
    let apply = quote_spanned!(at_handler=> |event| #handler(self, event #context));
    quote_spanned!(at_event=> __annalist::fold::<#event>(record, codec, #apply)?;)
}

/// Two entries that take the same event do not compile. Of a concrete aggregate this is found when it is checked:
///
/// ```ignore
/// const _: () = assert!(!entry_overlaps(<Account as Aggregate>::EVENTS, 1), "…");
/// ```
///
/// In a generic one the same stands in an inline `const` of `fold_record`.
pub(super) fn distinct(aggregate: &Aggregate<'_>) -> TokenStream {
    if is_generic(aggregate.generics) {
        return TokenStream::new();
    }
    let asserts = asserts(aggregate);
    quote!(#(const _: () = #asserts;)*)
}

/// One for each entry but the first, at the entry's event.
fn asserts<'a>(aggregate: &'a Aggregate<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    let ident = aggregate.ident;
    let (_, arguments, _) = aggregate.generics.split_for_impl();
    aggregate.on.iter().enumerate().skip(1).map(move |(i, On { event, .. })| {
        let message =
            format!("an entry of `on` above takes an event of `{}` already", event.to_token_stream());
        quote_spanned! {at(event.span())=>
            __annalist::std::assert!(
                !__annalist::entry_overlaps(<#ident #arguments as __annalist::Aggregate>::EVENTS, #i),
                #message
            )
        }
    })
}
