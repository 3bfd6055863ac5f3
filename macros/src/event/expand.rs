//! The code that `#[derive(Event)]` generates.

mod decode;
mod encode;
mod stored_type;
mod tags;
mod types;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::model::{Body, Event, IdField, Source, Step, Stored, Variant};
use crate::shared::{at, derived, item_asserts, mentions, send_sync_static, where_clause};

/// ```text
/// impl Event for AccountEvent {
///     const TYPES: Types = …;
///     const VTABLE: Option<EventVTable> = …;
///     fn stored_type(&self) -> (&'static str, u32) { … }
///     fn collect_tags(&self, tags: &mut Tags) -> Result<(), Invalid> { … }
///     fn encode_payload(&self, codec: &Codec) -> Result<Payload, Invalid> { … }
///     fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid> { … }
/// }
/// impl WritableEvent for AccountEvent {}
/// ```
pub(crate) fn event(event: &Event<'_>) -> TokenStream {
    let ident = derived(event.ident);
    let (parameters, arguments, _) = event.generics.split_for_impl();
    let predicates = where_clause(event.generics, &predicates(event));
    let (types, vtable) = (types::constant(event), types::vtable(event));
    let stored_type = stored_type::method(event);
    let tags = tags::method(event);
    let encode = encode::method(event);
    let decode = decode::method(event);
    let asserts = item_asserts(event.generics, types::asserts(event));
    let writable = (!matches!(&event.body, Body::One(stored) if stored.retired)).then(|| {
        quote_spanned! {at(ident.span())=>
            #[automatically_derived]
            impl #parameters __annalist::WritableEvent for #ident #arguments #predicates {}
        }
    });
    quote_spanned! {at(ident.span())=>
        #[automatically_derived]
        impl #parameters __annalist::Event for #ident #arguments #predicates {
            #types
            #vtable
            #stored_type
            #tags
            #encode
            #decode
        }
        #writable
        #asserts
    }
}

/// The bounds of a generic event in addition to the user's.
fn predicates(event: &Event<'_>) -> Vec<TokenStream> {
    let mut predicates = vec![send_sync_static()];
    if event.inline().any(|stored| !stored.unit) {
        predicates.push(quote! {
            Self: __annalist::serde::Serialize + __annalist::serde::de::DeserializeOwned
        });
    }
    for IdField { ty, .. } in event.inline().flat_map(|stored| &stored.ids).filter(|id| id.with.is_none()) {
        if mentions(event.generics, ty) {
            predicates.push(quote!(#ty: __annalist::Ids));
        }
    }
    for inner in event.newtypes().filter(|inner| mentions(event.generics, inner)) {
        predicates.push(quote!(#inner: __annalist::Event));
    }
    predicates
}
