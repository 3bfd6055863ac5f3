//! The value of a key that may be given once.

use std::{fmt::Display, str::FromStr};

use syn::{
    Error, Expr, ExprLit, ExprPath, Ident, Lit, LitInt, LitStr, Path, Result, Token, Type, ext::IdentExt,
    parse::Parse, token,
};

use super::{Errors, key::Key, source_text, suggest::nearest};

/// A key of an attribute with its value, if it was given.
pub(crate) struct Slot<T>(Option<(Path, T)>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    /// The value.
    pub(crate) fn get(&self) -> Option<&T> {
        self.0.as_ref().map(|(_, value)| value)
    }

    /// The key, if it was given: the place for errors about it.
    pub(crate) fn key(&self) -> Option<&Path> {
        self.0.as_ref().map(|(key, _)| key)
    }

    /// Sets the value. It replaces one that was read from a misspelt key.
    pub(crate) fn put(&mut self, key: &Key<'_>, value: T) -> Result<()> {
        if self.key().is_some_and(|given| source_text(given) == key.name()) {
            return Err(key.error(format_args!("`{}` is given twice", key.name())));
        }
        self.0 = Some((key.path.clone(), value));
        Ok(())
    }
}

impl Slot<LitStr> {
    /// `key = "text"`
    pub(crate) fn string(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.value("a string literal", example)?)
    }
}

impl Slot<Expr> {
    /// `key = "text"` or `key = path::to::CONSTANT`
    pub(crate) fn text_or_constant(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        let what = "a string literal, or the path of a constant";
        match key.value(what, example)? {
            value @ (Expr::Path(_) | Expr::Lit(ExprLit { lit: Lit::Str(_), .. })) => self.put(key, value),
            _ => Err(key.error(format_args!("`{}` takes {what}: `{example}`", key.name()))),
        }
    }

    /// The value, if it is a string literal.
    pub(crate) fn literal(&self) -> Option<&LitStr> {
        match self.get()? {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
            _ => None,
        }
    }
}

impl Slot<LitInt> {
    /// `key = 1`
    pub(crate) fn number(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.value("a number", example)?)
    }

    /// The number as a version, which is 1 by default.
    pub(crate) fn version(&self, errors: &Errors) -> u32 {
        let Some(literal) = self.get() else { return 1 };
        positive(literal, "a version is a number from 1 to 4294967295: `version = 2`", errors).unwrap_or(1)
    }
}

/// A number above zero, or an error with this message.
pub(crate) fn positive<N>(literal: &LitInt, message: &str, errors: &Errors) -> Option<N>
where
    N: FromStr<Err: Display> + PartialOrd + Default,
{
    let number = literal.base10_parse().ok().filter(|number| *number > N::default());
    if number.is_none() {
        errors.at(literal, message);
    }
    number
}

impl Slot<Ident> {
    /// `key = word`, one of these words
    pub(crate) fn choice(&mut self, key: &Key<'_>, words: &[&str]) -> Result<()> {
        let name = key.name();
        let example = words.iter().map(|word| format!("`{name} = {word}`")).collect::<Vec<_>>().join(" or ");
        let word: Ident =
            key.value_or(&format!("`{name}` takes one of these words: {example}"), Parse::parse)?;
        if words.iter().any(|known| word == known) {
            return self.put(key, word);
        }
        let meant = nearest(&word.to_string(), words.iter().copied());
        let guess = meant.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
        Err(Error::new(word.span(), format!("`{word}` is not a value of `{name}`: {guess}write {example}")))
    }
}

impl Slot<ExprPath> {
    /// `key = path::to::function`
    pub(crate) fn function(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.value("the path of a function, without quotes", example)?)
    }
}

impl Slot<Ident> {
    /// `key = field`
    pub(crate) fn name(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.value_with("the name of a field, without quotes", example, Ident::parse_any)?)
    }
}

impl Slot<Path> {
    /// `crate = path::to::annalist`
    pub(crate) fn module(&mut self, key: &Key<'_>) -> Result<()> {
        let (what, example) = ("a path, without quotes", "crate = my_crate::annalist");
        self.put(key, key.value_with(what, example, Path::parse_mod_style)?)
    }
}

impl Slot<Type> {
    /// `key = Type`
    pub(crate) fn ty(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.value("a type", example)?)
    }
}

impl Slot<Vec<Type>> {
    /// `key(A, B)`
    pub(crate) fn types(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        self.put(key, key.list("types", example, Parse::parse)?)
    }
}

impl Slot<Vec<LitStr>> {
    /// `key = "text"` or `key("text", "text")`
    pub(crate) fn strings(&mut self, key: &Key<'_>, example: &str) -> Result<()> {
        let list = match key.input.peek(token::Paren) {
            true => key.list("string literals", example, Parse::parse)?,
            false => vec![key.value("a string literal, or several in parentheses", example)?],
        };
        self.put(key, list)
    }
}

impl Slot<()> {
    /// `key`
    pub(crate) fn flag(&mut self, key: &Key<'_>) -> Result<()> {
        if key.input.is_empty() || key.input.peek(Token![,]) {
            return self.put(key, ());
        }
        Err(key.error(format_args!("`{}` takes no value", key.name())))
    }
}
