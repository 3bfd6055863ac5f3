//! Decoding a payload.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Body, Event, Stored, Variant, at, derived, types};
use crate::shared::{inline_asserts, last_span};

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
        Body::One(stored) => {
            let current = match stored.unit {
                true => quote_spanned!(span=> __annalist::decode_unit(Self, raw, codec, each)),
                false => quote_spanned!(span=> __annalist::decode_struct(raw, codec, each)),
            };
            let older = older_versions(stored);
            quote_spanned!(span=> #older #current)
        }
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
        Variant::Inline { index, stored: stored @ Stored { name, aliases, version, .. }, .. } => {
            let span = at(event.ident.span());
            let current =
                quote_spanned!(span=> __annalist::decode_variant(#index, #version, raw, codec, each));
            let older = older_versions(stored);
            match older.is_empty() {
                true => quote_spanned!(span=> #name #(| #aliases)* => #current,),
                false => quote_spanned!(span=> #name #(| #aliases)* => { #older #current }),
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

/// Statements that return after an event of an older version was converted; nothing if no step has a function.
///
/// ```text
/// let old = Upcast::new(raw, codec);
/// let old = Upcast::step(old, 1, from_v1)?;
/// if let Some(event) = Upcast::last_step::<Self, _>(old, 2, "account.opened", Self::from_v2)? {
///     each(event);
///     return Ok(());
/// }
/// ```
fn older_versions(stored: &Stored<'_>) -> TokenStream {
    let Stored { name, steps, in_context, .. } = stored;
    let functions = steps.iter().filter_map(|step| Some((step.version, step.function.as_ref()?)));
    let calls = functions.map(|(version, function)| {
        let span = at(last_span(&function.path));
        match in_context {
            true => (span, version, quote_spanned!(span=> __annalist::InContext(#function))),
            false => (span, version, quote_spanned!(span=> #function)),
        }
    });
    let mut calls: Vec<_> = calls.collect();
    let Some((last, version, function)) = calls.pop() else { return TokenStream::new() };
    let steps = calls.iter().map(|(span, version, function)| {
        quote_spanned!(*span=> let old = __annalist::Upcast::step(old, #version, #function)?;)
    });
    quote_spanned! {last=>
        let old = __annalist::Upcast::new(raw, codec);
        #(#steps)*
        if let __annalist::std::option::Option::Some(event) =
            __annalist::Upcast::last_step::<Self, _>(old, #version, #name, #function)?
        {
            each(event);
            return __annalist::std::result::Result::Ok(());
        }
    }
}
