//! The code that `#[derive(Policy)]` generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Ident, spanned::Spanned};

use super::model::Policy;
use crate::shared::{
    On, assert_distinct, at, derived, inline_asserts, item_asserts, mentions, send_sync_static, where_clause,
};

/// ```text
/// impl Policy for WelcomeBonus {
///     const NAME: &'static str = "welcome_bonus";
///     const EVENTS: &'static [Types] = &[<AccountEvent as OnPolicy>::TYPES];
///     const START: Start = Start::Now;
///     const ON_REJECT: OnReject = OnReject::Stop;
///     const ON_ERROR: OnError = OnError::Stop;
///     const TRIES: u32 = 5;
///     fn declare(reactions: &mut ReactionTypes) { … }
///     fn react_to_record<'a>(&'a self, record: &'a Record, codec: &'a Codec) -> Reaction<'a> { … }
/// }
/// ```
pub(crate) fn policy(policy: &Policy<'_>) -> TokenStream {
    let Policy { ident, generics, name, start, on_reject, on_error, on, .. } = policy;
    let this = derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(policy));
    let span = at(ident.span());
    let events = on.iter().map(|on| on.types("OnPolicy"));
    let tries = match policy.tries {
        Some(tries) => quote!(#tries),
        None => quote_spanned!(span=> __annalist::TRIES),
    };
    let order_by = policy.order_by.map(|id| {
        let kind = quote_spanned!(at(id.span())=> <#id as __annalist::Id>::KIND);
        quote_spanned! {span=>
            const ORDER_BY: __annalist::std::option::Option<&'static __annalist::std::primitive::str> =
                __annalist::std::option::Option::Some(#kind);
        }
    });
    let everywhere = policy.everywhere.then(|| {
        quote_spanned! {span=>
            const EVERYWHERE: __annalist::std::primitive::bool = true;
        }
    });
    let (declare, react) = (declare(policy), react(policy));
    let asserts = item_asserts(generics, assert_distinct("policy_overlaps", ident, generics, on.iter()));
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Policy for #this #arguments #predicates {
            const NAME: &'static __annalist::std::primitive::str = #name;
            const EVENTS: &'static [__annalist::Types] = &[#(#events),*];
            const START: __annalist::Start = __annalist::Start::#start;
            const ON_REJECT: __annalist::OnReject = __annalist::OnReject::#on_reject;
            const ON_ERROR: __annalist::OnError = __annalist::OnError::#on_error;
            const TRIES: __annalist::std::primitive::u32 = #tries;
            #order_by
            #everywhere
            #declare
            #react
        }
        #asserts
    }
}

/// ```text
/// fn react_to_record<'a>(&'a self, record: &'a Record, codec: &'a Codec) -> Reaction<'a> {
///     Box::pin(async move {
///         let mut commands = Commands::new();
///         for event in &<AccountEvent as OnPolicy>::events_in(record, codec)? {
///             add_reaction(&mut commands, WelcomeBonus::react(self, event)).await?;
///         }
///         Ok(commands)
///     })
/// }
/// ```
///
/// With `context` handlers also get the `&Context` of the record.
fn react(policy: &Policy<'_>) -> TokenStream {
    let Policy { ident, generics, on, .. } = policy;
    let span = at(ident.span());
    let asserts =
        inline_asserts(span, generics, assert_distinct("policy_overlaps", ident, generics, on.iter()));
    let entries = on.iter().map(|on| entry(policy, on));
    let context = policy.context.then(|| {
        quote_spanned! {span=>
            let context = __annalist::Context::of(record)?;
        }
    });
    quote_spanned! {span=>
        fn react_to_record<'__a>(
            &'__a self,
            record: &'__a __annalist::Record,
            codec: &'__a __annalist::Codec,
        ) -> __annalist::Reaction<'__a> {
            #asserts
            __annalist::std::boxed::Box::pin(async move {
                #context
                let mut commands = __annalist::Commands::new();
                #(#entries)*
                __annalist::std::result::Result::Ok(commands)
            })
        }
    }
}

fn entry(policy: &Policy<'_>, On { event, handler }: &On) -> TokenStream {
    let span = at(handler.span());
    let context = policy.context.then(|| quote_spanned!(span=> , &context));
    let events =
        quote_spanned!(at(event.span())=> &<#event as __annalist::OnPolicy>::events_in(record, codec)?);
    quote_spanned! {span=>
        for event in #events {
            __annalist::add_reaction(&mut commands, #handler(self, event #context)).await?;
        }
    }
}

/// ```text
/// fn declare(reactions: &mut ReactionTypes) {
///     use {HandlerReturns as _, OtherHandler as _};
///     <AccountEvent as OnPolicy>::handler::<Self, _>(WelcomeBonus::react).__annalist_declare(reactions);
/// }
/// ```
///
/// `__annalist_declare` is a method of `HandlerReturns`, or of `OtherHandler` for a handler that is an error anyway.
fn declare(policy: &Policy<'_>) -> TokenStream {
    let span = at(policy.ident.span());
    let (returns, method) = match policy.context {
        true => ("HandlerReturnsInContext", "__annalist_declare_in_context"),
        false => ("HandlerReturns", "__annalist_declare"),
    };
    let entries = policy.on.iter().map(|On { event, handler }| {
        let span = at(handler.span());
        let method = Ident::new(method, span);
        let handler_of =
            quote_spanned!(at(event.span())=> <#event as __annalist::OnPolicy>::handler::<Self, _>);
        quote_spanned!(span=> #handler_of(#handler).#method(reactions);)
    });
    let returns = Ident::new(returns, span);
    quote_spanned! {span=>
        fn declare(reactions: &mut __annalist::ReactionTypes) {
            use __annalist::{OtherHandler as _, #returns as _};
            #(#entries)*
        }
    }
}

/// The bounds of a generic policy in addition to the user's.
fn predicates(policy: &Policy<'_>) -> Vec<TokenStream> {
    let mut predicates = vec![send_sync_static()];
    for On { event, .. } in policy.on.iter().filter(|on| mentions(policy.generics, &on.event)) {
        predicates.push(quote!(#event: __annalist::Event));
    }
    predicates
}
