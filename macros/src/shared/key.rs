//! One key of an attribute and the tokens behind it. Every complaint says what to write.

use std::fmt::Display;

use proc_macro2::{Span, TokenTree};
use syn::{
    Error, Path, Result, Token, meta::ParseNestedMeta, parenthesized, parse::Parse, parse::ParseStream, token,
};

use super::shown;

/// A key of an attribute, read up to its name.
pub(crate) struct Key<'a> {
    pub(crate) path: Path,
    pub(crate) input: ParseStream<'a>,
}

impl<'a> From<ParseNestedMeta<'a>> for Key<'a> {
    fn from(meta: ParseNestedMeta<'a>) -> Self {
        Self { path: meta.path, input: meta.input }
    }
}

impl Key<'_> {
    /// Its name.
    pub(crate) fn name(&self) -> String {
        shown(&self.path)
    }

    /// A complaint about the key itself.
    pub(crate) fn error(&self, message: impl Display) -> Error {
        Error::new_spanned(&self.path, message)
    }

    /// `key = value`
    pub(crate) fn value<T: Parse>(&self, what: &str, example: &str) -> Result<T> {
        self.value_with(what, example, T::parse)
    }

    /// `key = value`
    pub(crate) fn value_with<T>(
        &self,
        what: &str,
        example: &str,
        parse: fn(ParseStream<'_>) -> Result<T>,
    ) -> Result<T> {
        self.value_or(&format!("`{}` takes {what}: `{example}`", self.name()), parse)
    }

    /// `key = value`, or this message.
    pub(crate) fn value_or<T>(&self, message: &str, parse: fn(ParseStream<'_>) -> Result<T>) -> Result<T> {
        if self.input.parse::<Token![=]>().is_err() || self.input.is_empty() {
            return Err(self.error(message));
        }
        one(self.input, message, parse)
    }

    /// `key(entry, entry)`
    pub(crate) fn list<T>(
        &self,
        what: &str,
        example: &str,
        parse: fn(ParseStream<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let message = format!("`{}` takes {what} in parentheses: `{example}`", self.name());
        self.entries(&message, |input| one(input, &message, parse))
    }

    /// `key(entry, entry)`, where `parse` says itself what is wrong with an entry.
    pub(crate) fn entries<T>(
        &self,
        message: &str,
        parse: impl FnMut(ParseStream<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if !self.input.peek(token::Paren) {
            return Err(self.error(message));
        }
        let content;
        parenthesized!(content in self.input);
        if content.is_empty() {
            return Err(self.error(message));
        }
        all(&content, parse)
    }
}

/// One value that is followed by a comma or by nothing.
pub(crate) fn one<T>(
    input: ParseStream<'_>,
    message: &str,
    parse: fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    let start = input.span();
    let value = parse(input).map_err(|_| Error::new(start, message))?;
    if input.is_empty() || input.peek(Token![,]) { Ok(value) } else { Err(Error::new(start, message)) }
}

/// Comma-separated entries up to the end, with the mistakes of all of them.
pub(crate) fn all<T>(
    input: ParseStream<'_>,
    mut parse: impl FnMut(ParseStream<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let (mut list, mut errors) = (Vec::new(), None::<Error>);
    while !input.is_empty() {
        match (parse(input), &mut errors) {
            (Ok(entry), _) => list.push(entry),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), none) => *none = Some(error),
        }
        skip_to_comma(input);
        if input.parse::<Token![,]>().is_err() {
            break;
        }
    }
    errors.map_or(Ok(list), Err)
}

/// Leaves what could not be read behind. The commas between the bars of a closure do not end it.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    let mut bars = false;
    while !input.is_empty() && (bars || !input.peek(Token![,])) {
        bars ^= input.peek(Token![|]);
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// The place of the last name of a path: where a caret says most about it.
pub(crate) fn last_span(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span())
}
