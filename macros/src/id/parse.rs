//! Reads the attributes of an id.

use syn::{DeriveInput, LitStr, Path};

use crate::shared::{Errors, KeyTable, Slot};

/// `#[id(kind = "…", secret, after_forget = "…", crate = …)]`
#[derive(Default)]
pub(crate) struct RawId {
    pub(crate) kind: Slot<LitStr>,
    pub(crate) secret: Slot<()>,
    pub(crate) after_forget: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

const KEYS: KeyTable<RawId> = KeyTable {
    attribute: "id",
    note: "",
    keys: &[
        ("kind", |raw, key| raw.kind.string(key, "kind = \"account\"")),
        ("secret", |raw, key| raw.secret.flag(key)),
        ("after_forget", |raw, key| raw.after_forget.string(key, "after_forget = \"free\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> RawId {
    let mut raw = RawId::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    raw
}
