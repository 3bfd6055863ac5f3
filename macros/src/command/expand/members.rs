//! Dispatching a command enum: every variant has its own decision.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
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

/// ```text
/// <Deposit as Member>::declare(types);
/// ```
pub(super) fn declare(members: &[Member<'_>]) -> TokenStream {
    let members = members.iter().map(|Member { command, .. }| {
        // All tokens have the span of derived code, as in the error of the enum: a type that is not a command is reported once.
        let span = at(command.span());
        let command = respan(quote!(#command), span);
        quote_spanned!(span=> <#command as __annalist::Member>::declare(types);)
    });
    members.collect()
}

/// The same tokens with another span.
fn respan(tokens: TokenStream, span: Span) -> TokenStream {
    let respan_token = |token| match token {
        TokenTree::Group(group) => {
            let mut respanned = Group::new(group.delimiter(), respan(group.stream(), span));
            respanned.set_span(span);
            TokenTree::Group(respanned)
        }
        mut token => {
            token.set_span(span);
            token
        }
    };
    tokens.into_iter().map(respan_token).collect()
}
