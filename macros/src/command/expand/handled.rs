//! A command struct: its handler, for a dispatcher or for the types that it declares.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{ext::IdentExt, spanned::Spanned};

use super::{Decision, State, at, decide, load};
use crate::shared::{add_secrets, last_span, schema, secret_pattern};

/// ```text
/// dispatch(self, dispatcher)
/// ```
pub(super) fn dispatch(ident: &Ident) -> TokenStream {
    quote_spanned!(at(ident.span())=> __annalist::dispatch(self, dispatcher))
}

/// ```text
/// <Self as Handled>::handler(CommandTypes::with_schema(types, { … }));
/// <Account as State>::declare(types, "account");
/// ```
pub(super) fn declare(decision: &Decision<'_>, at_error: Span) -> TokenStream {
    // At the span of the aggregate, unchanged, like the other uses of its traits: a wrong aggregate is one error.
    let states = decision.states.iter().map(|State { aggregate, field }| {
        let span = aggregate.span();
        let types = quote_spanned!(at(span)=> types);
        let field = field.map_or_else(String::new, |(ident, _)| ident.unraw().to_string());
        quote_spanned!(span=> <#aggregate as __annalist::State>::declare(#types, #field);)
    });
    let states: TokenStream = states.collect();
    let handled = quote_spanned!(at(at_error)=> __annalist::Handled);
    let (types, schema) = (quote_spanned!(at(at_error)=> types), schema(at(at_error)));
    let types = quote_spanned!(at(at_error)=> __annalist::CommandTypes::with_schema(#types, #schema));
    quote_spanned!(at_error=> <Self as #handled>::handler(#types); #states)
}

/// ```text
/// fn handler<__U: UseHandler<Self>>(user: __U) -> __U::Out<<Self as Command>::Error> {
///     UseHandler::use_handler(
///         user,
///         Handler::new("deposit", |command, loader| …, |state, command, _| …),
///     )
/// }
/// ```
///
/// The signature is at the span for errors about the error type: see [`error`](super::error).
pub(super) fn handler(decision: &Decision<'_>, at_error: Span) -> TokenStream {
    let name = &decision.name;
    let (load, decide) = (load::closure(decision), decide::closure(decision));
    let span = at(last_span(&decision.path.path));
    let mut handler = quote_spanned! {span=>
        __annalist::Handler::<Self, _, _, <Self as __annalist::Command>::Error>::new(#name, #load, #decide)
    };
    if !decision.secrets.is_empty() {
        let (pattern, adds) = (secret_pattern(&decision.secrets), add_secrets(&decision.secrets));
        handler = quote_spanned! {span=>
            __annalist::Handler::with_secrets(#handler, |command, secrets| {
                let Self { #pattern .. } = command;
                #adds
                __annalist::std::result::Result::Ok(())
            })
        };
    }
    let command_trait = quote_spanned!(at(at_error)=> __annalist::Command);
    let use_handler = quote_spanned!(at(at_error)=> __annalist::UseHandler);
    let user = quote_spanned!(at(at_error)=> user);
    quote_spanned! {at_error=>
        fn handler<__U: #use_handler<Self>>(#user: __U) -> __U::Out<<Self as #command_trait>::Error> {
            #use_handler::use_handler(#user, #handler)
        }
    }
}
