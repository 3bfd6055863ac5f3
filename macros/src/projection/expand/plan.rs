//! Which rows a record changes, and how.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Entry, On, Projection, asserts, at};
use crate::shared::is_generic;

/// ```text
/// fn plan_record<'a>(record: &'a Record, codec: &Codec, steps: &mut Steps<'a, Self>) -> Result<(), Invalid> {
///     <AccountEvent as OnRow>::route(record, codec, steps, by_ids, Balance::apply)?;
///     <Renamed as OnRow>::route(record, codec, steps, <Renamed as OnRow>::by::<Self, _>(key_of), Balance::rename)?;
///     Ok(())
/// }
/// ```
///
/// With `context` it is `OnRow::route_in_context`.
pub(super) fn method(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let entries = projection.on.iter().map(|one| entry(projection, one));
    let asserts = asserts::all(projection).filter(|_| is_generic(projection.generics));
    quote_spanned! {span=>
        fn plan_record<'__a>(
            record: &'__a __annalist::Record,
            codec: &__annalist::Codec,
            steps: &mut __annalist::Steps<'__a, Self>,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #(const { #asserts })*
            #(#entries)*
            __annalist::std::result::Result::Ok(())
        }
    }
}

fn entry(projection: &Projection<'_>, Entry { on: On { event, handler }, by }: &Entry) -> TokenStream {
    let span = at(event.span());
    let route = match projection.context {
        true => quote_spanned!(span=> route_in_context),
        false => quote_spanned!(span=> route),
    };
    let keys = match by {
        Some(by) => quote_spanned!(at(by.span())=> <#event as __annalist::OnRow>::by::<Self, _>(#by)),
        None => quote_spanned!(at(handler.span())=> __annalist::by_ids),
    };
    quote_spanned!(span=> <#event as __annalist::OnRow>::#route(record, codec, steps, #keys, #handler)?;)
}
