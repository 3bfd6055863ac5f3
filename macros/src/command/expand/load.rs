//! The function that names the states, and later receives them.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Decision, State, at};
use crate::shared::last_span;

/// One state, several, or none:
///
/// ```ignore
/// |command, loader| Loader::states::<Account, _>(loader, &command.account)
///
/// |command, loader| Ok((
///     Loader::states::<Account, _>(loader, &command.from)?,
///     Loader::state::<LastInvoice>(loader, ())?,
/// ))
///
/// |_, _| Ok(())
/// ```
pub(super) fn closure(decision: &Decision<'_>) -> TokenStream {
    let span = at(last_span(&decision.path.path));
    let states = decision.states.iter().map(state);
    let command = match decision.states.iter().any(|state| state.field.is_some()) {
        true => quote_spanned!(span=> command),
        false => quote_spanned!(span=> _),
    };
    match decision.states.len() {
        0 => quote_spanned!(span=> |_, _| __annalist::std::result::Result::Ok(())),
        1 => quote_spanned!(span=> |#command, loader| #(#states)*),
        _ => quote_spanned! {span=>
            |#command, loader| __annalist::std::result::Result::Ok((#(#states?),*))
        },
    }
}

fn state(State { aggregate, field }: &State<'_>) -> TokenStream {
    let span = at(aggregate.span());
    match field {
        None => quote_spanned!(span=> __annalist::Loader::state::<#aggregate>(loader, ())),
        Some((ident, ty)) => {
            let field = quote_spanned!(at(ty.span())=> &command.#ident);
            quote_spanned!(span=> __annalist::Loader::states::<#aggregate, #ty>(loader, #field))
        }
    }
}
