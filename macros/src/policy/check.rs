//! Finds the mistakes of a policy.

use syn::{DeriveInput, Ident, ext::IdentExt};

use super::{model::Policy, parse::RawEvent};
use crate::shared::{Case, Errors, Slot, check_policy_name, in_case, refuse_lifetimes};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &'a RawEvent, errors: &Errors) -> Option<Policy<'a>> {
    refuse_lifetimes(&item.generics, "a policy", errors);
    check_given(item, raw, errors);
    if let Some(name) = raw.name.get() {
        check_policy_name(name, errors);
    }
    let tries = check_retry(raw, errors);
    Some(Policy {
        ident: &item.ident,
        generics: &item.generics,
        name: raw.name.get()?.value(),
        start: choice(&raw.from)?,
        on_reject: choice(&raw.on_reject)?,
        on_error: choice(&raw.on_error).unwrap_or_else(|| Ident::new("Stop", item.ident.span())),
        tries,
        on: &raw.on,
        context: raw.context.get().is_some(),
    })
}

/// The variant that a word stands for: `Stop` for `stop`.
fn choice(slot: &Slot<Ident>) -> Option<Ident> {
    let word = slot.get()?;
    let mut name = word.to_string();
    name[..1].make_ascii_uppercase();
    Some(Ident::new(&name, word.span()))
}

/// What cannot be left out is reported together: without an attribute it is one mistake.
fn check_given(item: &DeriveInput, raw: &RawEvent, errors: &Errors) {
    let ident = item.ident.unraw();
    let name = format!("name = \"{}\"", in_case(Case::Snake, &ident.to_string()));
    let on = format!("on(SomeEvent => {ident}::react)");
    let required = [
        ("name", "under which name is its place in the log kept?", name.as_str()),
        (
            "from",
            "does it also react to what happened before it was first started (`beginning`)?",
            "from = now",
        ),
        ("on_reject", "what if a command is rejected (`stop`, `park`, `ignore`)?", "on_reject = stop"),
        ("on", "which events does it react to?", on.as_str()),
    ];
    let missing: Vec<_> = required.into_iter().filter(|(key, ..)| !raw.given.contains(key)).collect();
    if missing.is_empty() {
        return;
    }
    let questions: Vec<_> = missing.iter().map(|(_, question, _)| *question).collect();
    let keys: Vec<_> = missing.iter().map(|(.., example)| *example).collect();
    let more = if missing.len() < required.len() { ", …" } else { "" };
    errors.at(&item.ident, format_args!("{} `#[policy({}{more})]`", questions.join(" "), keys.join(", ")));
}

fn check_retry(raw: &RawEvent, errors: &Errors) -> Option<u32> {
    let literal = raw.retry.get()?;
    match literal.base10_parse() {
        Ok(tries) if tries > 0 => Some(tries),
        _ => {
            errors.at(literal, "`retry` is how often a reaction is tried in all, at least once: `retry = 5`");
            None
        }
    }
}
