//! Reads a type of a column and its attributes.

use syn::{Attribute, Data, DeriveInput, Fields, Ident, LitStr, Path};

use crate::shared::{Errors, KeyTable, Slot, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawField<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) variants: Vec<RawVariant<'a>>,
}

pub(crate) struct RawVariant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) name: Slot<LitStr>,
    pub(crate) fields: &'a Fields,
}

/// `#[field(…)]` on the item.
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) rename_all: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

/// `#[field(…)]` on a variant.
#[derive(Default)]
struct RawVariantAttribute {
    name: Slot<LitStr>,
}

const ITEM: KeyTable<RawAttribute> = KeyTable {
    attribute: "field",
    note: "; on a variant `name = \"open\"`",
    keys: &[
        ("rename_all", |raw, key| raw.rename_all.string(key, "rename_all = \"snake_case\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

const VARIANT: KeyTable<RawVariantAttribute> = KeyTable {
    attribute: "field",
    note: ": write `name = \"open\"`",
    keys: &[("name", |raw, key| raw.name.string(key, "name = \"open\""))],
};

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawField<'a> {
    let mut attribute = RawAttribute::default();
    ITEM.read(&item.attrs, &mut attribute, errors);
    let variants = match &item.data {
        Data::Enum(data) => data.variants.iter().map(|variant| self::variant(variant, errors)).collect(),
        Data::Struct(data) => {
            data.fields.iter().for_each(|field| misplaced(&field.attrs, errors));
            Vec::new()
        }
        Data::Union(_) => Vec::new(),
    };
    RawField { attribute, variants }
}

fn variant<'a>(variant: &'a syn::Variant, errors: &Errors) -> RawVariant<'a> {
    let mut raw = RawVariantAttribute::default();
    VARIANT.read(&variant.attrs, &mut raw, errors);
    variant.fields.iter().for_each(|field| misplaced(&field.attrs, errors));
    RawVariant { ident: &variant.ident, name: raw.name, fields: &variant.fields }
}

fn misplaced(attributes: &[Attribute], errors: &Errors) {
    refuse_misplaced(attributes, "field", "the struct or enum, or on a variant", errors);
}
