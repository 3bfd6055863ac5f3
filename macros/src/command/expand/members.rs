//! Dispatching a command enum: every variant has its own decision.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Member, at, derived};

/// ```text
/// match self {
///     Self::Deposit(command) => {
///         <Deposit as Member>::forward(command, dispatcher, |error| MemberError(error).__annalist_convert())
///     }
/// }
/// ```
///
/// `__annalist_convert` is a method of `MemberError<Infallible>`, or of the trait `ConvertMemberError`, which the body imports
/// and uses in any case.
pub(super) fn dispatch(ident: &Ident, members: &[Member<'_>]) -> TokenStream {
    let arms = members.iter().map(|Member { ident, command }| {
        let ident = derived(ident);
        quote_spanned! {at(command.span())=>
            Self::#ident(command) => {
                <#command as __annalist::Member>::forward::<__D, <Self as __annalist::Command>::Error>(
                    command,
                    dispatcher,
                    |error| __annalist::MemberError(error).__annalist_convert(),
                )
            }
        }
    });
    quote_spanned! {at(ident.span())=>
        use __annalist::ConvertMemberError as _;
        __annalist::MemberError(()).__annalist_used();
        match self { #(#arms)* }
    }
}
