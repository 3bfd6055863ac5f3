//! Calling the decision.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Index;

use super::{Decision, at};
use crate::shared::last_span;

/// With one state, several, or none; with `context` or without:
///
/// ```text
/// |state, command, _| decision(Account::deposit(state, command))
/// |states, command, context| decision(transfer((&states.0, &states.1), command, context))
/// |_, command, _| decision(ping(command))
/// ```
///
/// All tokens have the span of the function's name, so that the compiler shows a wrong argument or return type there.
pub(super) fn closure(Decision { path, states, context, .. }: &Decision<'_>) -> TokenStream {
    let span = at(last_span(&path.path));
    let (state, argument) = match states.len() {
        0 => (quote_spanned!(span=> _), None),
        1 => (quote_spanned!(span=> states), Some(quote_spanned!(span=> states,))),
        several => {
            let members = (0..several).map(|i| Index { index: i as u32, span });
            (quote_spanned!(span=> states), Some(quote_spanned!(span=> (#(&states.#members),*),)))
        }
    };
    let (local, extra) = match context {
        true => (quote_spanned!(span=> context), Some(quote_spanned!(span=> , context))),
        false => (quote_spanned!(span=> _), None),
    };
    quote_spanned! {span=>
        |#state, command, #local| __annalist::decision(#path(#argument command #extra))
    }
}
