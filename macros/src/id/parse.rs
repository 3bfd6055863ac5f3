//! Reads the attributes of an id as they stand.

use syn::{DeriveInput, LitStr, Path};

use crate::shared::{Errors, Slot, Table};

/// `#[id(kind = "…", crate = …)]`
#[derive(Default)]
pub(crate) struct Raw {
    pub(crate) kind: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

const KEYS: Table<Raw> = Table {
    attribute: "id",
    note: "",
    keys: &[
        ("kind", |raw, key| raw.kind.string(key, "kind = \"account\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read(item: &DeriveInput, errors: &Errors) -> Raw {
    let mut raw = Raw::default();
    KEYS.read(&item.attrs, &mut raw, errors);
    raw
}
