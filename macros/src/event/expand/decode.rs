//! Decoding a payload.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{ExprPath, spanned::Spanned};

use super::{Body, Event, Source, Stored, Variant, at, derived, types};
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
///         _ => {
///             let mut found = false;
///             found |= decode_wrapped::<Frozen>(raw, codec, &mut |event| each(Self::Frozen(event)))?;
///             if found { Ok(()) } else { Err(RawEvent::unknown_type::<Self>(raw)) }
///         }
///     }
/// }
/// ```
///
/// The last arm makes events from retired ones. A stored event can be the source of several variants.
pub(super) fn method(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let asserts = inline_asserts(span, event.generics, types::asserts(event));
    let body = match &event.body {
        Body::One(stored) => one(event, stored),
        Body::Sum(variants) => {
            let arms = variants.iter().map(|variant| arm(event, variant));
            let retired = retired(event, variants);
            quote_spanned!(span=> match raw.name { #(#arms)* _ => #retired })
        }
    };
    quote_spanned! {span=>
        fn decode_raw(
            raw: &__annalist::RawEvent<'_>,
            codec: &__annalist::Codec,
            each: &mut dyn __annalist::std::ops::FnMut(Self),
        ) -> __annalist::std::result::Result<(), __annalist::Invalid> {
            #asserts
            #body
        }
    }
}

fn one(event: &Event<'_>, stored: &Stored<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let current = match stored.unit {
        true => quote_spanned!(span=> __annalist::decode_unit(Self, raw, codec, each)),
        false => quote_spanned!(span=> __annalist::decode_struct(raw, codec, each)),
    };
    let older = older_versions(stored);
    let sources = decode_sources(stored).map(|made| {
        quote_spanned! {span=>
            if #made {
                return __annalist::std::result::Result::Ok(());
            }
        }
    });
    quote_spanned!(span=> #(#sources)* #older #current)
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

/// The events of an enum that are made from retired ones, in the order of the variants.
fn retired(event: &Event<'_>, variants: &[Variant<'_>]) -> TokenStream {
    let span = at(event.ident.span());
    let unknown = quote_spanned! {span=>
        __annalist::std::result::Result::Err(__annalist::RawEvent::unknown_type::<Self>(raw))
    };
    let made = variants.iter().flat_map(|variant| match variant {
        Variant::Inline { stored, .. } => decode_sources(stored).collect(),
        Variant::Newtype { ident, inner } => {
            let ident = derived(ident);
            vec![quote_spanned! {at(inner.span())=>
                __annalist::decode_wrapped::<#inner>(raw, codec, &mut |event| each(Self::#ident(event)))?
            }]
        }
    });
    let made: Vec<_> = made.collect();
    if made.is_empty() {
        return quote_spanned!(span=> #unknown,);
    }
    quote_spanned! {span=>
        {
            let mut found = false;
            #(found |= #made;)*
            if found { __annalist::std::result::Result::Ok(()) } else { #unknown }
        }
    }
}

/// `<Made as SourceEvent>::decode_as::<Self, _, _>(raw, codec, "booking.reserved", each, Self::from_made)?` for each source
fn decode_sources<'a>(stored: &'a Stored<'_>) -> impl Iterator<Item = TokenStream> + 'a {
    stored.sources.iter().map(|Source { event: old, function }| {
        let (span, name) = (at(last_span(&function.path)), &stored.name);
        let function = in_context(stored, function);
        let decode = quote_spanned!(at(old.span())=> <#old as __annalist::SourceEvent>::decode_as);
        quote_spanned!(span=> #decode::<Self, _, _>(raw, codec, #name, each, #function)?)
    })
}

/// The function, or `InContext(function)`.
fn in_context(stored: &Stored<'_>, function: &ExprPath) -> TokenStream {
    let span = at(last_span(&function.path));
    match stored.in_context {
        true => quote_spanned!(span=> __annalist::InContext(#function)),
        false => quote_spanned!(span=> #function),
    }
}

/// Statements that return after an event of an older version was converted; nothing if no step has a function.
///
/// ```text
/// if raw.version <= 2 {
///     let old = Upcast::new(raw, codec);
///     let old = Upcast::step(old, 1, from_v1)?;
///     if let Some(event) = Upcast::last_step::<Self, _, _>(old, 2, "account.opened", Self::from_v2)? {
///         each(event);
///         return Ok(());
///     }
/// }
/// ```
fn older_versions(stored: &Stored<'_>) -> TokenStream {
    let Stored { name, steps, .. } = stored;
    let functions = steps.iter().filter_map(|step| Some((step.version, step.function.as_ref()?)));
    let calls = functions
        .map(|(version, function)| (at(last_span(&function.path)), version, in_context(stored, function)));
    let mut calls: Vec<_> = calls.collect();
    let Some((last, version, function)) = calls.pop() else { return TokenStream::new() };
    let steps = calls.iter().map(|(span, version, function)| {
        quote_spanned!(*span=> let old = __annalist::Upcast::step(old, #version, #function)?;)
    });
    quote_spanned! {last=>
        if raw.version <= #version {
            let old = __annalist::Upcast::new(raw, codec);
            #(#steps)*
            if let __annalist::std::option::Option::Some(event) =
                __annalist::Upcast::last_step::<Self, _, _>(old, #version, #name, #function)?
            {
                each(event);
                return __annalist::std::result::Result::Ok(());
            }
        }
    }
}
