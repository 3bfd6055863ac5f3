//! The table of stored names.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{Ident, ext::IdentExt, spanned::Spanned};

use super::{Body, Event, IdField, Stored, Variant, at, derived};

/// For a struct
///
/// ```text
/// const TYPES: Types = event_type(
///     "account.frozen",                       // the stored name
///     concat!(module_path!(), "::Frozen"),
///     2,                                      // the version
///     &["account.blocked"],                   // the aliases
///     &[<AccountId as IdField>::KIND],
///     true,                                   // whether these are all kinds of its ids
/// );
/// ```
///
/// and for an enum
///
/// ```text
/// const TYPES: Types = Types::Sum(&[
///     &variant_type("account.opened", concat!(module_path!(), "::AccountEvent::Opened"), 1, &[], &[…], true),
///     &<Frozen as Event>::TYPES,
/// ]);
/// ```
pub(super) fn constant(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let types = match &event.body {
        Body::One(stored) => one(event.ident, None, stored),
        Body::Sum(variants) => {
            let entries = variants.iter().map(|variant| match variant {
                Variant::Inline { ident, stored, .. } => one(event.ident, Some(ident), stored),
                Variant::Newtype { inner, .. } => {
                    quote_spanned!(at(inner.span())=> <#inner as __annalist::Event>::TYPES)
                }
            });
            quote_spanned!(span=> __annalist::Types::Sum(&[#(&#entries),*]))
        }
    };
    quote_spanned!(span=> const TYPES: __annalist::Types = #types;)
}

/// One event type.
fn one(item: &Ident, variant: Option<&Ident>, stored: &Stored<'_>) -> TokenStream {
    let Stored { name, version, aliases, ids, in_context, .. } = stored;
    let span = at(variant.unwrap_or(item).span());
    let (function, rust) = match variant {
        Some(variant) => {
            (quote_spanned!(span=> variant_type), format!("::{}::{}", item.unraw(), variant.unraw()))
        }
        None => (quote_spanned!(span=> event_type), format!("::{}", item.unraw())),
    };
    let kinds = ids.iter().filter(|id| id.with.is_none()).map(kind);
    let ids_are_complete = ids.iter().all(|id| id.with.is_none());
    let types = quote_spanned! {span=>
        __annalist::#function(
            #name,
            __annalist::std::concat!(__annalist::std::module_path!(), #rust),
            #version,
            &[#(#aliases),*],
            &[#(#kinds),*],
            #ids_are_complete,
        )
    };
    if *in_context { quote_spanned!(span=> __annalist::upcast_in_context(#types)) } else { types }
}

fn kind(id: &IdField<'_>) -> TokenStream {
    let ty = id.ty;
    quote_spanned!(at(ty.span())=> <#ty as __annalist::IdField>::KIND)
}

/// Assertions that no two variants contain the same event. For a concrete enum they are items:
///
/// ```text
/// const _: () = assert!(!variant_overlaps::<AllEvents, 3>(1), "…");
/// ```
///
/// For a generic enum they are inline `const`s in `decode_raw`.
///
/// One for each variant that could overlap with one above, at the variant. Two inline variants need none: `check` has
/// compared their names.
pub(super) fn asserts(event: &Event<'_>) -> Vec<TokenStream> {
    let Body::Sum(variants) = &event.body else { return Vec::new() };
    let mut seen_newtype = false;
    let asserts = variants.iter().enumerate().filter_map(|(i, variant)| {
        let (ident, newtype) = match variant {
            Variant::Inline { ident, .. } => (ident, false),
            Variant::Newtype { ident, .. } => (ident, true),
        };
        let needed = i > 0 && (newtype || seen_newtype);
        seen_newtype |= newtype;
        needed.then(|| assert(event, ident, variants.len(), i))
    });
    asserts.collect()
}

fn assert(event: &Event<'_>, variant: &Ident, variants: usize, index: usize) -> TokenStream {
    let ident = derived(event.ident);
    let (_, arguments, _) = event.generics.split_for_impl();
    let message = format!("`{}` contains an event that a variant above already contains", variant.unraw());
    quote_spanned! {at(variant.span())=>
        __annalist::std::assert!(
            !__annalist::variant_overlaps::<#ident #arguments, #variants>(#index),
            #message
        )
    }
}
