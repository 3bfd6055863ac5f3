//! The dispatch of a command enum: each variant goes to its own decision.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Member, at};

/// ```ignore
/// match self {
///     Self::Deposit(command) => D::map(
///         <Deposit as Command>::dispatch(command, dispatcher),
///         <Self::Error as From<<Deposit as Command>::Error>>::from,
///     ),
/// }
/// ```
pub(super) fn dispatch(ident: &Ident, members: &[Member<'_>]) -> TokenStream {
    let arms = members.iter().map(|Member { ident, command }| {
        quote_spanned! {at(command.span())=>
            Self::#ident(command) => <D as __annalist::Dispatcher>::map(
                <#command as __annalist::Command>::dispatch(command, dispatcher),
                <Self::Error as __annalist::std::convert::From<<#command as __annalist::Command>::Error>>::from,
            ),
        }
    });
    quote_spanned!(at(ident.span())=> match self { #(#arms)* })
}
