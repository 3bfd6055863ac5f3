//! What `#[derive(Command)]` generates.

mod decide;
mod load;
mod members;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Body, Command, CommandError, Decision, Member, State};
use crate::shared::{at, mentions, where_clause};

/// ```ignore
/// impl Command for Deposit {
///     type Error = <Account as Aggregate>::Error;
///     fn dispatch<D: Dispatcher>(self, dispatcher: D) -> D::Out<Self::Error> { … }
/// }
/// ```
pub(crate) fn command(command: &Command<'_>) -> TokenStream {
    let Command { ident, generics, body, .. } = command;
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(command));
    let span = at(ident.span());
    let error = error(&command.error);
    let dispatch = match body {
        Body::One(decision) => run(command, decision),
        Body::Sum(members) => members::dispatch(ident, members),
    };
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Command for #ident #arguments #predicates {
            type Error = #error;

            fn dispatch<D: __annalist::Dispatcher>(self, dispatcher: D) -> D::Out<Self::Error> {
                #dispatch
            }
        }
    }
}

fn error(error: &CommandError<'_>) -> TokenStream {
    match error {
        CommandError::Given(error) => quote!(#error),
        CommandError::OfState(state) => {
            quote_spanned!(at(state.span())=> <#state as __annalist::Aggregate>::Error)
        }
        CommandError::OfVariant(command) => {
            quote_spanned!(at(command.span())=> <#command as __annalist::Command>::Error)
        }
    }
}

/// ```ignore
/// Dispatcher::run(
///     dispatcher,
///     self,
///     Handler::<Self, _, _, Self::Error> { name: "deposit", load: |command, loader| …, decide: |state, command, _| … },
/// )
/// ```
fn run(command: &Command<'_>, decision: &Decision<'_>) -> TokenStream {
    let name = &decision.name;
    let (load, decide) = (load::closure(decision), decide::closure(decision));
    quote_spanned! {at(command.ident.span())=>
        __annalist::Dispatcher::run(
            dispatcher,
            self,
            __annalist::Handler::<Self, _, _, Self::Error> { name: #name, load: #load, decide: #decide },
        )
    }
}

/// What has to hold of a generic command beyond the user's own bounds.
fn predicates(command: &Command<'_>) -> Vec<TokenStream> {
    let generics = command.generics;
    let mut predicates = vec![quote!(Self: __annalist::std::marker::Send + 'static)];
    match &command.body {
        Body::One(decision) => {
            predicates.push(quote!(Self: __annalist::serde::Serialize));
            for State { aggregate, .. } in
                decision.states.iter().filter(|state| mentions(generics, &state.aggregate))
            {
                predicates.push(quote!(#aggregate: __annalist::Aggregate));
            }
        }
        Body::Sum(members) => {
            for Member { command, .. } in members.iter().filter(|member| mentions(generics, member.command)) {
                predicates.push(quote!(#command: __annalist::Command));
            }
        }
    }
    predicates
}
