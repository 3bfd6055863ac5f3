//! The code that `#[derive(Command)]` generates.

mod decide;
mod handled;
mod load;
mod members;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use super::model::{Body, Command, CommandError, Decision, Member, State};
use crate::shared::{at, derived, where_clause};

/// ```text
/// impl Command for Deposit {
///     type Error = <Account as State>::Error;
///     fn dispatch<__D: Dispatcher>(self, dispatcher: __D) -> __D::Out<<Self as Command>::Error> { … }
///     fn declare(types: &mut CommandTypes) { … }
/// }
/// ```
pub(crate) fn command(command: &Command<'_>) -> TokenStream {
    let Command { ident, generics, body, .. } = command;
    let ident = &derived(ident);
    let (parameters, arguments, _) = generics.split_for_impl();
    let predicates = where_clause(generics, &predicates(command));
    let span = at(ident.span());
    let (error, at_error) = error(&command.error, span);
    let (dispatch, declare) = match body {
        Body::One(decision) => (handled::dispatch(ident), handled::declare(decision, at_error)),
        Body::Sum(members) => (members::dispatch(ident, members), members::declare(members)),
    };
    let handled = match body {
        Body::One(decision) => Some(handled::handler(decision, at_error)),
        Body::Sum(_) => None,
    };
    let handled = handled.map(|handler| {
        quote_spanned! {span=>
            #[automatically_derived]
            impl #parameters __annalist::Handled for #ident #arguments #predicates {
                #handler
            }
        }
    });
    let (this, dispatcher) = (quote_spanned!(span=> self), quote_spanned!(span=> dispatcher));
    let types = quote_spanned!(span=> types);
    // Not at the span of the user's own tokens, where a lint would compare the paths with the names in scope.
    let dispatcher_trait = quote_spanned!(at(at_error)=> __annalist::Dispatcher);
    let command_trait = quote_spanned!(at(at_error)=> __annalist::Command);
    let command_types = quote_spanned!(at(at_error)=> __annalist::CommandTypes);
    let items = quote_spanned! {at_error=>
        type Error = #error;

        fn dispatch<__D: #dispatcher_trait>(
            #this,
            #dispatcher: __D,
        ) -> __D::Out<<Self as #command_trait>::Error> {
            #dispatch
        }

        fn declare(#types: &mut #command_types) {
            #declare
        }
    };
    quote_spanned! {span=>
        #[automatically_derived]
        impl #parameters __annalist::Command for #ident #arguments #predicates {
            #items
        }
        #handled
    }
}

/// The type of the error, and the span for errors about it. At the span of the user's own tokens, a type that is not a state
/// or a command is the same error in all places, and the compiler shows it once.
fn error(error: &CommandError<'_>, item: Span) -> (TokenStream, Span) {
    match error {
        CommandError::Given(error) => (quote!(#error), at(error.span())),
        CommandError::OfState(state) => {
            let span = state.span();
            (quote_spanned!(span=> <#state as __annalist::State>::Error), span)
        }
        CommandError::OfVariant(command) => {
            let span = command.span();
            (quote_spanned!(span=> <#command as __annalist::Member>::Error), span)
        }
        CommandError::Infallible => (quote_spanned!(item=> __annalist::std::convert::Infallible), item),
    }
}

/// The bounds of a generic command in addition to the user's. Its states and members get none: a bound would hide their ids
/// and errors from the compiler.
fn predicates(command: &Command<'_>) -> Vec<TokenStream> {
    let mut predicates = vec![quote!(Self: __annalist::std::marker::Send + 'static)];
    if let Body::One(_) = command.body {
        predicates.push(quote!(Self: __annalist::serde::Serialize));
    }
    predicates
}
