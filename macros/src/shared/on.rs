//! `on(Event => handler, …)`: the events of an aggregate, a projection or a policy, each with its function.

use proc_macro2::TokenStream;
use quote::{format_ident, quote_spanned};
use syn::{
    Error, ExprPath, Generics, Ident, Result, Token, Type,
    parse::{Parse, ParseStream},
    spanned::Spanned,
};

use super::{Key, at, derived, source_text};

/// `AccountEvent => Account::apply`
pub(crate) struct On {
    pub(crate) event: Type,
    pub(crate) handler: ExprPath,
}

impl On {
    /// Reads the entries of `on(…)`, each with `parse`.
    pub(crate) fn read_entries<T>(
        key: &Key<'_>,
        example: &str,
        parse: impl FnMut(ParseStream<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        key.entries(&format!("`on` takes events with their handlers: `{example}`"), parse)
    }

    /// The event types of the entry: `<AccountEvent as On>::TYPES`, where `folder` is `On`, `OnRow` or `OnPolicy`.
    pub(crate) fn types(&self, folder: &str) -> TokenStream {
        let event = &self.event;
        let span = at(event.span());
        let folder = format_ident!("{folder}", span = span);
        quote_spanned!(span=> <#event as __annalist::#folder>::TYPES)
    }

    /// Parses an entry that ends at a comma or at the end of the input.
    pub(crate) fn parse(input: ParseStream<'_>, example: &str) -> Result<Self> {
        Self::parse_before(input, example, |_| false)
    }

    /// Parses an entry that ends at a comma, at the end of the input, or where `follows` returns `true`: the caller reads
    /// the rest.
    pub(crate) fn parse_before(
        input: ParseStream<'_>,
        example: &str,
        follows: fn(ParseStream<'_>) -> bool,
    ) -> Result<Self> {
        let start = input.span();
        let event = input.parse::<Type>().map_err(|_| {
            Error::new(start, format!("`on` takes the type of an event, without quotes: `{example}`"))
        })?;
        let missing = format!("the handler of this event is missing: `{example}`");
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

/// Assertions that no two entries handle the same event: one for each entry but the first, at its event.
///
/// ```text
/// assert!(!aggregate_overlaps::<Account, 2>(1), "…")
/// ```
///
/// `overlaps` is `aggregate_overlaps`, `projection_overlaps` or `policy_overlaps`. It takes the number of entries.
pub(crate) fn assert_distinct<'a>(
    overlaps: &'a str,
    ident: &'a Ident,
    generics: &'a Generics,
    on: impl ExactSizeIterator<Item = &'a On> + 'a,
) -> impl Iterator<Item = TokenStream> + 'a {
    let (_, arguments, _) = generics.split_for_impl();
    let (ident, entries) = (derived(ident), on.len());
    on.enumerate().skip(1).map(move |(i, On { event, .. })| {
        let span = at(event.span());
        let overlaps = format_ident!("{overlaps}", span = span);
        let message = format!(
            "an entry above already handles an event of `{}`: every event has one handler",
            source_text(event),
        );
        quote_spanned! {span=>
            __annalist::std::assert!(!__annalist::#overlaps::<#ident #arguments, #entries>(#i), #message)
        }
    })
}
