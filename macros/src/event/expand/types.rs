//! The table of stored names.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, Type, ext::IdentExt, spanned::Spanned};

use super::{Body, Event, IdField, Source, Step, Stored, Variant, at, derived};
use crate::shared::{last_span, source_text};

/// For a struct
///
/// ```text
/// const TYPES: Types = event_type(
///     "account.frozen",                       // the stored name
///     concat!(module_path!(), "::Frozen"),
///     2,                                      // the version
///     &["account.blocked"],                   // the aliases
///     &[IdKind::of_field(<AccountId as IdField>::KIND, "account")],
///     &["lines"],                             // the fields from which a function collects ids
///     <Self as Event>::VTABLE,
/// );
/// ```
///
/// and for an enum
///
/// ```text
/// const TYPES: Types = Types::Sum(&[
///     &variant_type("account.opened", concat!(module_path!(), "::AccountEvent::Opened"), 1, &[], &[…], &[], …),
///     &<Frozen as Event>::TYPES,
/// ]);
/// ```
pub(super) fn constant(event: &Event<'_>) -> TokenStream {
    let span = at(event.ident.span());
    let types = match &event.body {
        Body::One(stored) => one(event.ident, None, stored),
        Body::Sum(variants) => {
            let entries = variants.iter().map(|variant| match variant {
                Variant::Inline { ident, stored, index } => one(event.ident, Some((ident, *index)), stored),
                Variant::Newtype { inner, .. } => event_types(inner),
            });
            quote_spanned!(span=> __annalist::Types::Sum(&[#(&#entries),*]))
        }
    };
    quote_spanned!(span=> const TYPES: __annalist::Types = #types;)
}

/// One event type.
fn one(item: &Ident, variant: Option<(&Ident, u32)>, stored: &Stored<'_>) -> TokenStream {
    let Stored { name, version, aliases, ids, in_context, sources, retired, .. } = stored;
    let span = at(variant.map_or(item, |(variant, _)| variant).span());
    let vtable = quote_spanned!(span=> <Self as __annalist::Event>::VTABLE);
    let (function, rust, vtable) = match variant {
        Some((variant, index)) => (
            quote_spanned!(span=> variant_type),
            format!("::{}::{}", item.unraw(), variant.unraw()),
            quote_spanned!(span=> __annalist::EventVTable::of_variant(#vtable, #index)),
        ),
        None => (quote_spanned!(span=> event_type), format!("::{}", item.unraw()), vtable),
    };
    let kinds = ids.iter().filter(|id| id.with.is_none()).map(kind);
    let collected = ids.iter().filter(|id| id.with.is_some()).map(|id| id.ident.unraw().to_string());
    let mut types = quote_spanned! {span=>
        __annalist::#function(
            #name,
            __annalist::std::concat!(__annalist::std::module_path!(), #rust),
            #version,
            &[#(#aliases),*],
            &[#(#kinds),*],
            &[#(#collected),*],
            #vtable,
        )
    };
    if !stored.steps.is_empty() {
        let steps = stored.steps.iter().map(|step| version_step(span, stored, step));
        types = quote_spanned!(span=> __annalist::with_steps(#types, &[#(#steps),*]));
    }
    if *in_context {
        types = quote_spanned!(span=> __annalist::in_context(#types));
    }
    if !sources.is_empty() {
        let functions = sources.iter().map(|source| source_text(&source.function));
        let sources = sources.iter().map(|source| source_types(&source.event));
        types = quote_spanned!(span=> __annalist::made_from(#types, &[#(&#sources),*], &[#(#functions),*]));
    }
    if !stored.secrets.is_empty() {
        let secrets = stored.secrets.iter().map(|secret| {
            let (field, subject) = (secret.ident.unraw().to_string(), secret.subject.unraw().to_string());
            quote_spanned!(span=> (#field, #subject))
        });
        types = quote_spanned!(span=> __annalist::with_secrets(#types, &[#(#secrets),*]));
    }
    if *retired {
        types = quote_spanned!(span=> __annalist::retired(#types));
    }
    types
}

/// `<Frozen as Event>::TYPES`
fn event_types(event: &Type) -> TokenStream {
    quote_spanned!(at(event.span())=> <#event as __annalist::Event>::TYPES)
}

/// `<Made as SourceEvent>::TYPES`
fn source_types(event: &Type) -> TokenStream {
    quote_spanned!(at(event.span())=> <#event as __annalist::SourceEvent>::TYPES)
}

fn kind(id: &IdField<'_>) -> TokenStream {
    let (ty, field) = (id.ty, id.ident.unraw().to_string());
    let kind = quote_spanned!(at(ty.span())=> <#ty as __annalist::IdField>::KIND);
    quote_spanned!(at(ty.span())=> __annalist::IdKind::of_field(#kind, #field))
}

/// `VersionStep::new(1, "from_v1", || StepFunction(from_v1).__annalist_input().__annalist_schema())`, or `VersionStep::same(1)`
fn version_step(item: Span, stored: &Stored<'_>, Step { version, function }: &Step) -> TokenStream {
    let Some(function) = function else {
        return quote_spanned!(item=> __annalist::VersionStep::same(#version));
    };
    let (span, text) = (at(last_span(&function.path)), source_text(function));
    let (input, method) = match stored.in_context {
        true => ("StepInputInContext", "__annalist_input_in_context"),
        false => ("StepInput", "__annalist_input"),
    };
    let (input, method) = (Ident::new(input, span), Ident::new(method, span));
    quote_spanned! {span=>
        __annalist::VersionStep::new(#version, #text, || {
            use __annalist::{NoSchema as _, OtherStep as _, #input as _};
            __annalist::StepFunction(#function).#method().__annalist_schema()
        })
    }
}

/// ```text
/// const VTABLE: Option<EventVTable> = Some({
///     use NoSchema as _;
///     EventVTable::of::<Self>(SchemaOf::<Self>::__ANNALIST_SCHEMA, SchemaOf::<Self>::__ANNALIST_VARIANTS)
/// });
/// ```
///
/// For an enum that only wraps other events there is none.
pub(super) fn vtable(event: &Event<'_>) -> Option<TokenStream> {
    let span = at(event.ident.span());
    event.inline().next()?;
    let vtable = match &event.body {
        Body::One(Stored { unit: true, .. }) => {
            quote_spanned!(span=> __annalist::EventVTable::of_unit::<Self>())
        }
        _ => quote_spanned! {span=>
            {
                use __annalist::NoSchema as _;
                __annalist::EventVTable::of::<Self>(
                    __annalist::SchemaOf::<Self>::__ANNALIST_SCHEMA,
                    __annalist::SchemaOf::<Self>::__ANNALIST_VARIANTS,
                )
            }
        },
    };
    Some(quote_spanned! {span=>
        const VTABLE: __annalist::std::option::Option<__annalist::EventVTable> =
            __annalist::std::option::Option::Some(#vtable);
    })
}

/// Assertions that no two variants contain the same event, and that each source is retired and has the ids of the event. For a
/// concrete item they are items:
///
/// ```text
/// const _: () = assert!(!variant_overlaps::<AllEvents, 3>(1), "…");
/// const _: () = assert!(Types::is_retired(&<Made as SourceEvent>::TYPES), "…");
/// const _: () = assert!(carries_ids_of(&<Made as SourceEvent>::TYPES, &<Reserved as Event>::TYPES, 0), "…");
/// ```
///
/// For a generic item they are inline `const`s in `decode_raw`.
pub(super) fn asserts(event: &Event<'_>) -> Vec<TokenStream> {
    let mut asserts = overlaps(event);
    match &event.body {
        Body::One(stored) => asserts.extend(stored.sources.iter().flat_map(|one| source(event, 0, one))),
        Body::Sum(variants) => {
            for (i, variant) in variants.iter().enumerate() {
                if let Variant::Inline { stored, .. } = variant {
                    asserts.extend(stored.sources.iter().flat_map(|one| source(event, i, one)));
                }
            }
        }
    }
    asserts
}

/// One for each variant that could overlap with one above, at the variant. Two inline variants need none if nothing is made from
/// retired events: `check` has compared their names.
fn overlaps(event: &Event<'_>) -> Vec<TokenStream> {
    let Body::Sum(variants) = &event.body else { return Vec::new() };
    let has_sources = event.inline().any(|stored| !stored.sources.is_empty());
    let mut seen_newtype = false;
    let asserts = variants.iter().enumerate().filter_map(|(i, variant)| {
        let (ident, newtype) = match variant {
            Variant::Inline { ident, .. } => (ident, false),
            Variant::Newtype { ident, .. } => (ident, true),
        };
        let needed = i > 0 && (newtype || seen_newtype || has_sources);
        seen_newtype |= newtype;
        needed.then(|| assert(event, ident, variants.len(), i))
    });
    asserts.collect()
}

fn source(event: &Event<'_>, variant: usize, Source { event: old, .. }: &Source) -> [TokenStream; 2] {
    let ident = derived(event.ident);
    let (_, arguments, _) = event.generics.split_for_impl();
    let (span, types, text) = (at(old.span()), source_types(old), source_text(old));
    let not_retired = format!(
        "`{text}` is still written: add `retired` to its `#[event(…)]`, so that its stored events are read in one way only"
    );
    let no_ids = format!(
        "`{text}` has no `#[id]` field for each kind of id of this event, so a reader by such an id would not see it: the tags of stored \
         events stay as they are"
    );
    [
        quote_spanned!(span=> __annalist::std::assert!(__annalist::Types::is_retired(&#types), #not_retired)),
        quote_spanned! {span=>
            __annalist::std::assert!(
                __annalist::carries_ids_of(&#types, &<#ident #arguments as __annalist::Event>::TYPES, #variant),
                #no_ids
            )
        },
    ]
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
