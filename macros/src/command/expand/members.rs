//! The dispatch of a command enum: each variant goes to its own decision.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Member, at};

/// ```text
/// match self {
///     Self::Deposit(command) => <Deposit as Member>::forward::<__D, Self::Error>(command, dispatcher),
/// }
/// ```
pub(super) fn dispatch(ident: &Ident, members: &[Member<'_>]) -> TokenStream {
    let arms = members.iter().map(|Member { ident, command }| {
        quote_spanned! {at(command.span())=>
            Self::#ident(command) => {
                <#command as __annalist::Member>::forward::<__D, Self::Error>(command, dispatcher)
            }
        }
    });
    quote_spanned!(at(ident.span())=> match self { #(#arms)* })
}
