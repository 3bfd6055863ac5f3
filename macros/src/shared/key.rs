//! One key of an attribute and the tokens after it. Every error says what to write.

use std::fmt::Display;

use proc_macro2::{Span, TokenTree};
use syn::{
    Error, Path, Result, Token, meta::ParseNestedMeta, parenthesized, parse::Parse, parse::ParseStream, token,
};

use super::source_text;

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
    /// The name of the key.
    pub(crate) fn name(&self) -> String {
        source_text(&self.path)
    }

    /// An error at the key.
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

    /// `key = value`, or an error with this message.
    pub(crate) fn value_or<T>(&self, message: &str, parse: fn(ParseStream<'_>) -> Result<T>) -> Result<T> {
        if self.input.parse::<Token![=]>().is_err() || self.input.is_empty() {
            return Err(self.error(message));
        }
        parse_one(self.input, message, parse)
    }

    /// `key(entry, entry)`
    pub(crate) fn list<T>(
        &self,
        what: &str,
        example: &str,
        parse: fn(ParseStream<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let message = format!("`{}` takes {what} in parentheses: `{example}`", self.name());
        self.entries(&message, |input| parse_one(input, &message, parse))
    }

    /// `key(entry, entry)`, where the errors of `parse` are reported as they are.
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
        parse_all(&content, parse)
    }
}

/// Parses one value, which ends at a comma or at the end of the input.
pub(crate) fn parse_one<T>(
    input: ParseStream<'_>,
    message: &str,
    parse: fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    let start = input.span();
    let value = parse(input).map_err(|_| Error::new(start, message))?;
    if input.is_empty() || input.peek(Token![,]) { Ok(value) } else { Err(Error::new(start, message)) }
}

/// Parses comma-separated entries up to the end, and combines the errors of all of them.
pub(crate) fn parse_all<T>(
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

/// Skips tokens up to the next comma. Commas between the bars of a closure do not count.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    let mut bars = false;
    while !input.is_empty() && (bars || !input.peek(Token![,])) {
        bars ^= input.peek(Token![|]);
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// The span of the last name of a path, which is the clearest place for an error about it.
pub(crate) fn last_span(path: &Path) -> Span {
    path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span())
}
