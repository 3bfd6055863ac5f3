//! Checks the stored names of the events of one item.

use std::collections::HashSet;

use proc_macro2::Span;
use syn::{Ident, LitStr, ext::IdentExt};

use super::RawAttribute;
use crate::shared::{Case, Errors, check_event_name, in_case};

/// The names used so far, and the prefix of derived names.
pub(super) struct Names {
    prefix: Option<String>,
    taken: HashSet<String>,
}

impl Names {
    pub(super) fn of(prefix: Option<&LitStr>, errors: &Errors) -> Self {
        if let Some(literal) = prefix {
            let prefix = literal.value();
            if prefix.is_empty() || prefix.ends_with('.') {
                let message = "a prefix is not empty and does not end with a dot, which is added: `prefix = \"account\"` gives `account.opened`";
                errors.at_span(literal.span(), message);
            }
        }
        Self { prefix: prefix.map(LitStr::value), taken: HashSet::new() }
    }

    /// The name and the aliases of one event.
    pub(super) fn check(
        &mut self,
        ident: &Ident,
        attribute: &RawAttribute,
        errors: &Errors,
    ) -> (String, Vec<String>) {
        let name = attribute.name.get().cloned().unwrap_or_else(|| self.derived(ident));
        self.take(&name, errors);
        let aliases = attribute.alias.get().into_iter().flatten();
        let aliases = aliases.map(|alias| {
            self.take(alias, errors);
            alias.value()
        });
        (name.value(), aliases.collect())
    }

    /// `prefix.kebab-case-of-the-rust-name`
    fn derived(&self, ident: &Ident) -> LitStr {
        let own = in_case(Case::Kebab, &ident.unraw().to_string());
        let name = match &self.prefix {
            Some(prefix) => format!("{prefix}.{own}"),
            None => own,
        };
        LitStr::new(&name, ident.span())
    }

    fn take(&mut self, name: &LitStr, errors: &Errors) {
        check_event_name(name, errors);
        if !self.taken.insert(name.value()) {
            self.report_twice(&name.value(), name.span(), errors);
        }
    }

    fn report_twice(&self, name: &str, span: Span, errors: &Errors) {
        let message =
            format_args!("the stored name {name:?} is already used above: every event type has its own name");
        errors.at_span(span, message);
    }
}
