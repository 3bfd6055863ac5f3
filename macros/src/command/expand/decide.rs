//! Calling the decision.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote_spanned};

use super::{Decision, at};
use crate::shared::last_span;

/// The function for the number of states gets the decision, with `context` or without:
///
/// ```text
/// |states, command, context| decision(decide_1(states, command, context, WithoutContext, Account::deposit))
/// |states, command, context| decision(decide_2(states, command, context, WithContext, transfer))
/// |states, command, context| decision(decide_0(states, command, context, WithoutContext, ping))
/// ```
///
/// All tokens have the span of the function's name, so that the compiler shows a wrong argument or return type there.
pub(super) fn closure(Decision { path, states, context, .. }: &Decision<'_>) -> TokenStream {
    let span = at(last_span(&path.path));
    let function: Ident = format_ident!("decide_{}", states.len(), span = span);
    let takes = match context {
        true => quote_spanned!(span=> WithContext),
        false => quote_spanned!(span=> WithoutContext),
    };
    quote_spanned! {span=>
        |states, command, context| {
            __annalist::decision(__annalist::#function(states, command, context, __annalist::#takes, #path))
        }
    }
}
