//! Reads a policy and its attributes.

use syn::{Data, DeriveInput, Fields, Ident, LitInt, LitStr, Path, Result, Type};

use crate::shared::{Errors, Key, KeyTable, On, Slot, refuse_misplaced};

/// `#[policy(…)]` as the user wrote it.
#[derive(Default)]
pub(crate) struct RawPolicy {
    pub(crate) name: Slot<LitStr>,
    pub(crate) from: Slot<Ident>,
    pub(crate) on_reject: Slot<Ident>,
    pub(crate) on_error: Slot<Ident>,
    pub(crate) order_by: Slot<Type>,
    pub(crate) retry: Slot<LitInt>,
    pub(crate) everywhere: Slot<()>,
    pub(crate) on: Vec<On>,
    pub(crate) context: Slot<()>,
    pub(crate) krate: Slot<Path>,
    /// The keys that were given, even with mistakes.
    pub(crate) keys_source: Vec<&'static str>,
}

const EXAMPLE: &str = "on(AccountEvent => WelcomeBonus::react)";

const KEYS: KeyTable<RawPolicy> = KeyTable {
    attribute: "policy",
    note: "",
    keys: &[
        ("name", |raw, key| {
            raw.keys_source.push("name");
            raw.name.string(key, "name = \"welcome_bonus\"")
        }),
        ("from", |raw, key| {
            raw.keys_source.push("from");
            raw.from.choice(key, &["beginning", "now"])
        }),
        ("on_reject", |raw, key| {
            raw.keys_source.push("on_reject");
            raw.on_reject.choice(key, &["stop", "park", "ignore"])
        }),
        ("on_error", |raw, key| raw.on_error.choice(key, &["stop", "park"])),
        ("order_by", |raw, key| raw.order_by.ty(key, "order_by = AccountId")),
        ("retry", |raw, key| raw.retry.number(key, "retry = 5")),
        ("everywhere", |raw, key| raw.everywhere.flag(key)),
        ("on", |raw, key| raw.read_on(key)),
        ("context", |raw, key| raw.context.flag(key)),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> RawPolicy {
    let mut raw = RawPolicy::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    if KEYS.is_without_keys(&item.attrs) {
        raw.keys_source = vec!["name", "from", "on_reject", "on"];
    }
    for fields in fields(item) {
        for field in fields {
            refuse_misplaced(&field.attrs, "policy", "the policy itself", errors);
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

impl RawPolicy {
    /// `on(…)` may be repeated: the lists are joined.
    fn read_on(&mut self, key: &Key<'_>) -> Result<()> {
        self.keys_source.push("on");
        self.on.extend(On::read_entries(key, EXAMPLE, |input| On::parse(input, EXAMPLE))?);
        Ok(())
    }
}
