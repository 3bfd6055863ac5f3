//! Reads an aggregate and its attributes.

use syn::{Attribute, Data, DeriveInput, Expr, Field, LitInt, Meta, Path, Result, Type};

use crate::shared::{Errors, Key, KeyTable, On, Slot, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawAggregate<'a> {
    pub(crate) attribute: RawAttribute,
    /// The fields under `#[id]`, each with its attribute.
    pub(crate) ids: Vec<(&'a Field, &'a Attribute)>,
}

/// `#[aggregate(…)]`
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) on: Vec<On>,
    /// Whether `on` was given, even with mistakes.
    pub(crate) has_on: bool,
    pub(crate) error: Slot<Type>,
    pub(crate) context: Slot<()>,
    pub(crate) snapshot: Option<RawSnapshot>,
    pub(crate) krate: Slot<Path>,
}

/// `snapshot(every = 100, version = 2, name = "account")`
pub(crate) struct RawSnapshot {
    pub(crate) key: Path,
    pub(crate) every: Slot<LitInt>,
    pub(crate) version: Slot<LitInt>,
    /// A string literal, or the path of a constant.
    pub(crate) name: Slot<Expr>,
}

const EXAMPLE: &str = "on(AccountEvent => Account::apply)";

const KEYS: KeyTable<RawAttribute> = KeyTable {
    attribute: "aggregate",
    note: "",
    keys: &[
        ("on", |raw, key| raw.read_on(key)),
        ("error", |raw, key| raw.error.ty(key, "error = AccountError")),
        ("context", |raw, key| raw.context.flag(key)),
        ("snapshot", |raw, key| raw.read_snapshot(key)),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawAggregate<'a> {
    refuse_misplaced(&item.attrs, "id", "the field that holds the id of the aggregate", errors);
    let mut raw = RawAggregate { attribute: RawAttribute::default(), ids: Vec::new() };
    KEYS.read(&item.attrs, &mut raw.attribute, errors);
    if let Data::Struct(data) = &item.data {
        for field in &data.fields {
            refuse_misplaced(&field.attrs, "aggregate", "the struct", errors);
            raw.read_id(field, errors);
        }
    }
    raw
}

impl RawAttribute {
    /// `on(…)` may be repeated: the lists are joined.
    fn read_on(&mut self, key: &Key<'_>) -> Result<()> {
        self.has_on = true;
        self.on.extend(On::read_entries(key, EXAMPLE, |input| On::parse(input, EXAMPLE))?);
        Ok(())
    }

    /// `snapshot(every = 100)`, with an optional version and name.
    fn read_snapshot(&mut self, key: &Key<'_>) -> Result<()> {
        const HELP: &str =
            "`snapshot` takes the number of events between two snapshots: `snapshot(every = 100)`";
        if self.snapshot.is_some() {
            return Err(key.error("`snapshot` is given twice"));
        }
        let mut snapshot = RawSnapshot {
            key: key.path.clone(),
            every: Slot::default(),
            version: Slot::default(),
            name: Slot::default(),
        };
        key.entries(HELP, |input| {
            let key = Key { path: input.call(Path::parse_mod_style)?, input };
            match key.name().as_str() {
                "every" => snapshot.every.number(&key, "every = 100"),
                "version" => snapshot.version.number(&key, "version = 2"),
                "name" => snapshot.name.text_or_constant(&key, "name = \"account\""),
                _ => Err(key.error(HELP)),
            }
        })?;
        self.snapshot = Some(snapshot);
        Ok(())
    }
}

impl<'a> RawAggregate<'a> {
    fn read_id(&mut self, field: &'a Field, errors: &Errors) {
        let attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident("id"));
        for (i, attribute) in attributes.enumerate() {
            if i > 0 {
                errors.at(attribute, "`#[id]` is given twice");
                continue;
            }
            if !matches!(attribute.meta, Meta::Path(_)) {
                errors.at(&attribute.meta, "the `#[id]` of an aggregate takes no value");
            }
            self.ids.push((field, attribute));
        }
    }
}
