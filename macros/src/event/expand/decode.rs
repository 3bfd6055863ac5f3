//! Decoding a payload.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Body, Event, Stored, Variant, at, derived, types};
use crate::shared::inline_asserts;

/// For a struct `decode_struct(raw, codec, each)`, for a unit struct `decode_unit(Self, raw, codec, each)`, and for an enum
///
/// ```text
/// fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid> {
///     match raw.name {
///         "account.opened" | "account.created" => decode_variant(0, 1, raw, codec, each),
///         name if Types::contains(&<Frozen as Event>::TYPES, name) => {
///             Event::decode_raw(raw, codec, &mut |event| each(Self::Frozen(event)))
///         }
///         _ => Err(RawEvent::unknown_to::<Self>(raw)),
///     }
/// }
/// ```
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let body = match &event.body {
        Body::One(stored) if stored.unit => {
            quote_spanned!(span=> __annalist::decode_unit(Self, raw, codec, each))
        }
        Body::One(_) => quote_spanned!(span=> __annalist::decode_struct(raw, codec, each)),
        Body::Sum(variants) => {
            let arms = variants.iter().map(|variant| arm(event, variant));
            let asserts = inline_asserts(span, event.generics, types::asserts(event));
            quote_spanned! {span=>
                #asserts
                match raw.name {
                    #(#arms)*
                    _ => __annalist::std::result::Result::Err(__annalist::RawEvent::unknown_type::<Self>(raw)),
                }
            }
        }
    };
    quote_spanned! {span=>
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #body
        }
    }
}

fn arm(event: &Event<'_>, variant: &Variant<'_>) -> TokenStream {
    match variant {
        Variant::Inline { index, stored: Stored { name, aliases, version, .. }, .. } => {
            quote_spanned! {at(event.ident.span())=>
                #name #(| #aliases)* => __annalist::decode_variant(#index, #version, raw, codec, each),
            }
        }
        Variant::Newtype { ident, inner } => {
            let ident = derived(ident);
            quote_spanned! {at(inner.span())=>
                name if __annalist::Types::contains(&<#inner as __annalist::Event>::TYPES, name) => {
                    <#inner as __annalist::Event>::decode_raw(raw, codec, &mut |event| each(Self::#ident(event)))
                }
            }
        }
    }
}
