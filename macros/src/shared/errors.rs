//! Collects the mistakes of an item, so that one compile shows them all.

use std::{cell::RefCell, fmt::Display};

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far. Panics if it is dropped without [`Errors::check`], so that no derive can forget to report
/// them.
pub(crate) struct Errors(RefCell<Option<Vec<syn::Error>>>);

impl Errors {
    pub(crate) fn new() -> Self {
        Self(RefCell::new(Some(Vec::new())))
    }

    /// Reports a mistake at these tokens.
    pub(crate) fn at(&self, tokens: impl ToTokens, message: impl Display) {
        self.add(syn::Error::new_spanned(tokens, message));
    }

    /// Reports a mistake at a span.
    pub(crate) fn at_span(&self, span: Span, message: impl Display) {
        self.add(syn::Error::new(span, message));
    }

    pub(crate) fn add(&self, error: syn::Error) {
        if let Some(errors) = &mut *self.0.borrow_mut() {
            errors.push(error);
        }
    }

    /// Returns the checked item if no mistake was found, otherwise the mistakes as `compile_error!`s.
    pub(crate) fn check<T>(self, checked: Option<T>) -> Result<T, TokenStream> {
        let errors = self.0.take().unwrap_or_default();
        match checked {
            Some(checked) if errors.is_empty() => Ok(checked),
            _ => Err(errors.iter().map(syn::Error::to_compile_error).collect()),
        }
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        if self.0.borrow().is_some() && !std::thread::panicking() {
            panic!("a derive forgot to report its errors");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_reports_all_mistakes() {
        let errors = Errors::new();
        errors.at_span(Span::call_site(), "first");
        errors.at_span(Span::call_site(), "second");
        let reported = errors.check(Some(())).unwrap_err().to_string();
        assert!(reported.contains("first") && reported.contains("second"));
        assert!(Errors::new().check(Some(())).is_ok());
    }

    #[test]
    #[should_panic(expected = "forgot to report")]
    fn dropping_unchecked_errors_panics() {
        drop(Errors::new());
    }
}
