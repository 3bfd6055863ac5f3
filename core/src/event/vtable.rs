//! The properties of the Rust type of an event, for code that does not know the type.

use super::{
    Event,
    schema::{MakeSchema, VariantNames},
};

/// Functions and properties of the Rust type of an event. A variant of an enum has those of the enum.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct EventVTable {
    /// Makes the JSON Schema of the Rust type, if it has one.
    pub(crate) schema: Option<MakeSchema>,
    /// Returns the names of the variants by their numbers, as in the JSON Schema.
    pub(crate) variants: Option<VariantNames>,
    /// The number that `Deserialize` gives to the variant; `None` for a struct.
    pub(crate) variant: Option<u32>,
    /// Whether it has no fields.
    pub(crate) is_unit: bool,
    /// Reads a stored event, and writes what it is read as.
    #[cfg(feature = "gate")]
    pub(crate) decode: fn(&crate::record::Record) -> Result<Vec<crate::record::Draft>, crate::error::Invalid>,
}

impl EventVTable {
    /// Of a struct with fields, or of an enum.
    pub const fn of<E: Event>(schema: Option<MakeSchema>, variants: Option<VariantNames>) -> Self {
        Self {
            schema,
            variants,
            variant: None,
            is_unit: false,
            #[cfg(feature = "gate")]
            decode: super::drafts::decode::<E>,
        }
    }

    /// Of a struct without fields.
    pub const fn of_unit<E: Event>() -> Self {
        Self { is_unit: true, ..Self::of::<E>(None, None) }
    }

    /// Of the variant to which `Deserialize` gives the number `index`.
    pub const fn of_variant(enumeration: Option<Self>, index: u32) -> Option<Self> {
        match enumeration {
            Some(vtable) => Some(Self { variant: Some(index), ..vtable }),
            None => None,
        }
    }
}

/// A step from an older version of an event to the next one.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct VersionStep {
    /// The older version.
    pub(crate) version: u32,
    /// The function, as it is written in the attribute; empty if the next version reads the same payloads.
    pub(crate) function: &'static str,
    /// Returns what makes the JSON Schema of the type that the function takes, if it has one.
    pub(crate) schema: fn() -> Option<MakeSchema>,
}

impl VersionStep {
    /// A step by a function.
    pub const fn new(version: u32, function: &'static str, schema: fn() -> Option<MakeSchema>) -> Self {
        Self { version, function, schema }
    }

    /// A step without a function: the next version reads the same payloads.
    pub const fn same(version: u32) -> Self {
        Self { version, function: "", schema: || None }
    }
}
