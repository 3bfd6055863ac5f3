//! Reads the attributes of an id.

use syn::{DeriveInput, LitStr, Path};

use crate::shared::{Errors, KeyTable, Slot};

/// `#[id(kind = "…", crate = …)]`
#[derive(Default)]
pub(crate) struct RawId {
    pub(crate) kind: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

const KEYS: KeyTable<RawId> = KeyTable {
    attribute: "id",
    note: "",
    keys: &[
        ("kind", |raw, key| raw.kind.string(key, "kind = \"account\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> RawId {
    let mut raw = RawId::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    raw
}
