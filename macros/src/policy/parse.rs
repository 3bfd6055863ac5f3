//! Reads a policy and its attributes as they stand.

use syn::{Data, DeriveInput, Fields, Ident, LitInt, LitStr, Meta, Path, Result};

use crate::shared::{Errors, Key, On, Slot, Table, misplaced};

/// `#[policy(…)]` as it was written.
#[derive(Default)]
pub(crate) struct RawEvent {
    pub(crate) name: Slot<LitStr>,
    pub(crate) from: Slot<Ident>,
    pub(crate) on_reject: Slot<Ident>,
    pub(crate) on_error: Slot<Ident>,
    pub(crate) retry: Slot<LitInt>,
    pub(crate) on: Vec<On>,
    pub(crate) context: Slot<()>,
    pub(crate) krate: Slot<Path>,
    /// The keys that were given, be it with mistakes.
    pub(crate) given: Vec<&'static str>,
}

const EXAMPLE: &str = "on(AccountEvent => WelcomeBonus::react)";

const KEYS: Table<RawEvent> = Table {
    attribute: "policy",
    note: "",
    keys: &[
        ("name", |raw, key| {
            raw.given.push("name");
            raw.name.string(key, "name = \"welcome_bonus\"")
        }),
        ("from", |raw, key| {
            raw.given.push("from");
            raw.from.choice(key, &["beginning", "now"])
        }),
        ("on_reject", |raw, key| {
            raw.given.push("on_reject");
            raw.on_reject.choice(key, &["stop", "park", "ignore"])
        }),
        ("on_error", |raw, key| raw.on_error.choice(key, &["stop", "park"])),
        ("retry", |raw, key| raw.retry.number(key, "retry = 5")),
        ("on", |raw, key| raw.read_on(key)),
        ("context", |raw, key| raw.context.flag(key)),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> RawEvent {
    let mut raw = RawEvent::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    if item.attrs.iter().any(|one| one.path().is_ident("policy") && !matches!(one.meta, Meta::List(_))) {
        // The attribute has been told what goes into it.
        raw.given = vec!["name", "from", "on_reject", "on"];
    }
    for fields in fields(item) {
        for field in fields {
            misplaced(&field.attrs, "policy", "the policy itself", errors);
        }
    }
    raw
}

fn fields(item: &DeriveInput) -> Vec<&Fields> {
    match &item.data {
        Data::Struct(data) => vec![&data.fields],
        Data::Enum(data) => data.variants.iter().map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    }
}

impl RawEvent {
    /// `on(…)` may be repeated: the lists add up.
    fn read_on(&mut self, key: &Key<'_>) -> Result<()> {
        self.given.push("on");
        let message = format!("`on` takes events with their handlers: `{EXAMPLE}`");
        self.on.extend(key.entries(&message, |input| On::parse(input, EXAMPLE))?);
        Ok(())
    }
}
