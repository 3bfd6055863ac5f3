//! Loading the states.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Decision, State, at};
use crate::shared::{derived_at, last_span};

/// One state, several, or none:
///
/// ```text
/// |command, loader| <Account as State>::load(loader, id_field(&command.account))
///
/// |command, loader| Ok((
///     <Account as State>::load(loader, id_field(&command.from))?,
///     <LastInvoice as State>::load_only(loader)?,
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

/// All tokens but local names have the span of the aggregate's name, unchanged: a wrong aggregate is then the same error
/// here and in `type Error`, and the compiler shows it once.
fn state(State { aggregate, field }: &State<'_>) -> TokenStream {
    let span = aggregate.span();
    let loader = quote_spanned!(at(span)=> loader);
    match *field {
        None => quote_spanned!(span=> <#aggregate as __annalist::State>::load_only(#loader)),
        Some((ident, ty)) => {
            let command = quote_spanned!(at(ty.span())=> command);
            let ident = derived_at(ident, ty.span());
            let ids = quote_spanned!(ty.span()=> __annalist::id_field(&#command.#ident));
            quote_spanned!(span=> <#aggregate as __annalist::State>::load(#loader, #ids))
        }
    }
}
