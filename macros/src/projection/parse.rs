//! Reads a projection and its attributes.

use syn::{
    Attribute, Data, DeriveInput, Error, ExprPath, Field, Ident, LitInt, LitStr, Meta, Path, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream},
};

use crate::shared::{Errors, Key, KeyTable, On, Slot, parse_one, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawProjection<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) fields: Vec<RawField<'a>>,
}

/// `#[projection(…)]`
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) name: Slot<LitStr>,
    /// Whether `name` was given, even with mistakes.
    pub(crate) has_name: bool,
    pub(crate) version: Slot<LitInt>,
    pub(crate) on: Vec<Entry>,
    /// Whether `on` was given, even with mistakes.
    pub(crate) has_on: bool,
    pub(crate) context: Slot<()>,
    pub(crate) reads_secrets: Slot<()>,
    pub(crate) krate: Slot<Path>,
}

/// `AccountEvent => Balance::apply by owner_of`
pub(crate) struct Entry {
    pub(crate) on: On,
    /// The function that returns the key.
    pub(crate) by: Option<ExprPath>,
}

/// A field and its attributes.
pub(crate) struct RawField<'a> {
    pub(crate) field: &'a Field,
    pub(crate) key: Option<&'a Attribute>,
    pub(crate) index: Option<&'a Attribute>,
    pub(crate) json: Option<&'a Attribute>,
    pub(crate) secret: Option<&'a Attribute>,
}

const EXAMPLE: &str = "on(AccountEvent => Balance::apply)";
const BY_EXAMPLE: &str = "on(AccountEvent => Balance::apply by key_of)";

const KEYS: KeyTable<RawAttribute> = KeyTable {
    attribute: "projection",
    note: "",
    keys: &[
        ("name", |raw, key| {
            raw.has_name = true;
            raw.name.string(key, "name = \"balances\"")
        }),
        ("version", |raw, key| raw.version.number(key, "version = 2")),
        ("on", |raw, key| raw.read_on(key)),
        ("context", |raw, key| raw.context.flag(key)),
        ("reads_secrets", |raw, key| raw.reads_secrets.flag(key)),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawProjection<'a> {
    for (mark, belongs) in [
        ("key", "the fields that are the key of the row"),
        ("index", "a field that queries use"),
        ("json", "a field that is stored as JSON"),
        ("secret", "a field of the type `Secret<…>`"),
    ] {
        refuse_misplaced(&item.attrs, mark, belongs, errors);
    }
    let mut raw = RawProjection { attribute: RawAttribute::default(), fields: Vec::new() };
    KEYS.read(&item.attrs, &mut raw.attribute, errors);
    if KEYS.is_without_keys(&item.attrs) {
        (raw.attribute.has_name, raw.attribute.has_on) = (true, true);
    }
    if let Data::Struct(data) = &item.data {
        raw.fields = data.fields.iter().map(|field| RawField::read(field, errors)).collect();
    }
    raw
}

impl RawAttribute {
    /// `on(…)` may be repeated: the lists are joined.
    fn read_on(&mut self, key: &Key<'_>) -> Result<()> {
        self.has_on = true;
        self.on.extend(On::read_entries(key, EXAMPLE, entry)?);
        Ok(())
    }
}

/// `AccountEvent => Balance::apply`, or the same with `by owner_of`
fn entry(input: ParseStream<'_>) -> Result<Entry> {
    let on = On::parse_before(input, EXAMPLE, |input| input.peek(Ident::peek_any))?;
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(Entry { on, by: None });
    }
    let word = input.call(Ident::parse_any)?;
    let message = format!("write `by` and the path of the function that returns the key: `{BY_EXAMPLE}`");
    if word != "by" || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(word.span(), message));
    }
    let by = parse_one(input, &message, Parse::parse)?;
    Ok(Entry { on, by: Some(by) })
}

impl<'a> RawField<'a> {
    fn read(field: &'a Field, errors: &Errors) -> Self {
        refuse_misplaced(&field.attrs, "projection", "the struct", errors);
        let mark = |name| mark(field, name, errors);
        let secret = field.attrs.iter().find(|attribute| attribute.path().is_ident("secret"));
        Self { field, key: mark("key"), index: mark("index"), json: mark("json"), secret }
    }
}

/// `#[key]`, `#[index]` or `#[json]`
fn mark<'a>(field: &'a Field, name: &str, errors: &Errors) -> Option<&'a Attribute> {
    let mut attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident(name));
    let first = attributes.next()?;
    if !matches!(first.meta, Meta::Path(_)) {
        errors.at(&first.meta, format_args!("`#[{name}]` takes no value"));
    }
    for again in attributes {
        errors.at(again, format_args!("`#[{name}]` is given twice"));
    }
    Some(first)
}
