//! Planning the row changes of a record.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Entry, On, Projection, asserts, at};
use crate::shared::inline_asserts;

/// ```text
/// fn plan_record<'a>(record: &'a Record, codec: &Codec, steps: &mut RowOps<'a, Self>) -> Result<(), Invalid> {
///     <AccountEvent as OnRow>::by_ids(record, codec, steps, Balance::apply)?;
///     <Renamed as OnRow>::by(record, codec, steps, key_of, Balance::rename)?;
///     Ok(())
/// }
/// ```
///
/// With `context` the functions are `by_ids_in_context` and `by_in_context`.
pub(super) fn method(projection: &Projection<'_>) -> TokenStream {
    let span = at(projection.ident.span());
    let entries = projection.on.iter().map(|one| entry(projection, one));
    let asserts = inline_asserts(span, projection.generics, asserts::all(projection));
    quote_spanned! {span=>
        fn plan_record<'__a>(
            record: &'__a __annalist::Record,
            codec: &__annalist::Codec,
            steps: &mut __annalist::RowOps<'__a, Self>,
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #asserts
            #(#entries)*
            __annalist::std::result::Result::Ok(())
        }
    }
}

fn entry(projection: &Projection<'_>, Entry { on: On { event, handler }, by }: &Entry) -> TokenStream {
    let span = at(event.span());
    let route = match (by.is_some(), projection.context) {
        (false, false) => quote_spanned!(span=> by_ids),
        (true, false) => quote_spanned!(span=> by),
        (false, true) => quote_spanned!(span=> by_ids_in_context),
        (true, true) => quote_spanned!(span=> by_in_context),
    };
    let by = by.iter();
    quote_spanned!(span=> <#event as __annalist::OnRow>::#route(record, codec, steps, #(#by,)* #handler)?;)
}
