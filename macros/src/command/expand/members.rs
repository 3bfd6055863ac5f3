//! Dispatching a command enum: every variant has its own decision.

use proc_macro2::{Ident, TokenStream};
use quote::quote_spanned;
use syn::spanned::Spanned;

use super::{Member, at};

/// ```text
/// match self {
///     Self::Deposit(command) => {
///         <Deposit as Member>::forward(command, dispatcher, |error| MemberError(error).convert_member_error())
///     }
/// }
/// ```
///
/// `convert_member_error` is a method of `MemberError<Infallible>`, or of the trait `ConvertMemberError`, which the body
/// imports.
pub(super) fn dispatch(ident: &Ident, members: &[Member<'_>]) -> TokenStream {
    let arms = members.iter().map(|Member { ident, command }| {
        quote_spanned! {at(command.span())=>
            Self::#ident(command) => {
                <#command as __annalist::Member>::forward::<__D, Self::Error>(
                    command,
                    dispatcher,
                    |error| __annalist::MemberError(error).convert_member_error(),
                )
            }
        }
    });
    quote_spanned! {at(ident.span())=>
        #[allow(unused_imports)]
        use __annalist::ConvertMemberError as _;
        match self { #(#arms)* }
    }
}
