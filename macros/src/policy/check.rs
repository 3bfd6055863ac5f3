//! Checks a policy.

use syn::{DeriveInput, Ident, ext::IdentExt};

use super::{model::Policy, parse::RawPolicy};
use crate::shared::{Case, Errors, Slot, check_policy_name, in_case, positive, refuse_lifetimes};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &'a RawPolicy, errors: &Errors) -> Option<Policy<'a>> {
    refuse_lifetimes(&item.generics, "a policy", errors);
    check_required(item, raw, errors);
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
        order_by: raw.order_by.get(),
        tries,
        everywhere: raw.everywhere.get().is_some(),
        on: &raw.on,
        context: raw.context.get().is_some(),
    })
}

/// The enum variant for a word: `Stop` for `stop`.
fn choice(slot: &Slot<Ident>) -> Option<Ident> {
    let word = slot.get()?;
    let mut name = word.to_string();
    name[..1].make_ascii_uppercase();
    Some(Ident::new(&name, word.span()))
}

/// Reports missing required keys together: a missing attribute is one mistake.
fn check_required(item: &DeriveInput, raw: &RawPolicy, errors: &Errors) {
    let ident = item.ident.unraw();
    let name = format!("name = \"{}\"", in_case(Case::Snake, &ident.to_string()));
    let on = format!("on(SomeEvent => {ident}::react)");
    let required = [
        ("name", "its stored name", name.as_str()),
        ("from", "where it starts the first time (`now` or `beginning`)", "from = now"),
        ("on_reject", "what follows a rejected command (`stop`, `park` or `ignore`)", "on_reject = stop"),
        ("on", "the events that it reacts to", on.as_str()),
    ];
    let missing: Vec<_> = required.into_iter().filter(|(key, ..)| !raw.keys_source.contains(key)).collect();
    if missing.is_empty() {
        return;
    }
    let keys: Vec<_> = missing.iter().map(|(key, meaning, _)| format!("`{key}`, {meaning}")).collect();
    let examples: Vec<_> = missing.iter().map(|(.., example)| *example).collect();
    let more = if missing.len() < required.len() { ", …" } else { "" };
    errors.at(
        &item.ident,
        format_args!(
            "the policy needs {}: write `#[policy({}{more})]`",
            keys.join("; "),
            examples.join(", ")
        ),
    );
}

fn check_retry(raw: &RawPolicy, errors: &Errors) -> Option<u32> {
    let message = "`retry` is the total number of tries, from 1 to 4294967295: `retry = 5`";
    positive(raw.retry.get()?, message, errors)
}
