//! Reads the attributes of an id as they stand.

use syn::{DeriveInput, LitStr, Path};

use crate::shared::{Errors, Slot, Table};

/// `#[id(kind = "…", crate = …)]`
#[derive(Default)]
pub(crate) struct RawEvent {
    pub(crate) kind: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

const KEYS: Table<RawEvent> = Table {
    attribute: "id",
    note: "",
    keys: &[
        ("kind", |raw, key| raw.kind.string(key, "kind = \"account\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> RawEvent {
    let mut raw = RawEvent::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    raw
}
