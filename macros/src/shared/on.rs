//! `on(Event => handler, …)`: which events a state or a row is folded from or a policy reacts to, and by which functions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::{
    Error, ExprPath, Generics, Ident, Result, Token, Type,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

use super::{at, shown};

/// `AccountEvent => Account::apply`
pub(crate) struct On {
    pub(crate) event: Type,
    pub(crate) handler: ExprPath,
}

impl On {
    /// An entry and nothing behind it.
    pub(crate) fn parse(input: ParseStream<'_>, example: &str) -> Result<Self> {
        Self::parse_before(input, example, |_| false)
    }

    /// An entry with nothing behind it, or something that `follows` knows and the caller reads.
    pub(crate) fn parse_before(
        input: ParseStream<'_>,
        example: &str,
        follows: fn(ParseStream<'_>) -> bool,
    ) -> Result<Self> {
        let start = input.span();
        let event = input.parse::<Type>().map_err(|_| {
            Error::new(start, format!("`on` takes the type of an event, without quotes: `{example}`"))
        })?;
        let missing = format!("which function takes it? `{example}`");
        if input.is_empty() || input.peek(Token![,]) {
            return Err(Error::new_spanned(event, missing));
        }
        let start = input.span();
        input.parse::<Token![=>]>().map_err(|_| Error::new(start, missing))?;
        let start = input.span();
        match Parse::parse(input) {
            Ok(handler) if input.is_empty() || input.peek(Token![,]) || follows(input) => {
                Ok(Self { event, handler })
            }
            _ => {
                let message = format!("a handler is the path of a function, without quotes: `{example}`");
                Err(Error::new(start, message))
            }
        }
    }
}

/// Two entries that take the same event do not compile: an assertion for each entry but the first, at its event.
///
/// ```text
/// assert!(!entry_overlaps(<Account as Aggregate>::EVENTS, 1), "…")
/// ```
pub(crate) fn distinct<'a>(
    folder: &'a str,
    ident: &'a Ident,
    generics: &'a Generics,
    on: impl Iterator<Item = &'a On> + 'a,
) -> impl Iterator<Item = TokenStream> + 'a {
    let (_, arguments, _) = generics.split_for_impl();
    on.enumerate().skip(1).map(move |(i, On { event, .. })| {
        let span = at(event.span());
        let folder = format_ident!("{folder}", span = span);
        let message = format!(
            "an entry above takes an event of `{}` already: each event goes to one handler",
            shown(event),
        );
        quote_spanned! {span=>
            __annalist::std::assert!(
                !__annalist::entry_overlaps(<#ident #arguments as __annalist::#folder>::EVENTS, #i),
                #message
            )
        }
    })
}
