//! Reads an event and its attributes.

use syn::{
    Attribute, Data, DeriveInput, Error, ExprPath, Field, Fields, Ident, LitInt, LitStr, Meta, Path, Result,
    Token, Type,
    parse::{Parse, ParseStream},
};

use crate::shared::{Errors, Key, KeyTable, Slot, parse_one, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawEvent<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) serde: RawSerde,
    pub(crate) data: RawData<'a>,
}

pub(crate) enum RawData<'a> {
    Struct(RawFields<'a>),
    Enum(Vec<RawVariant<'a>>),
    Union,
}

pub(crate) struct RawVariant<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) attribute: RawAttribute,
    pub(crate) serde: RawSerde,
    pub(crate) fields: RawFields<'a>,
}

pub(crate) struct RawFields<'a> {
    pub(crate) fields: &'a Fields,
    /// The fields under `#[id]`.
    pub(crate) ids: Vec<RawId<'a>>,
}

/// A field under `#[id]` or `#[id(with = path)]`.
pub(crate) struct RawId<'a> {
    pub(crate) field: &'a Field,
    pub(crate) attribute: RawIdAttribute,
    pub(crate) serde: RawSerde,
}

/// `#[id(with = path)]`
#[derive(Default)]
pub(crate) struct RawIdAttribute {
    pub(crate) with: Slot<ExprPath>,
}

/// `1 => path`, or `1 => _` if the payloads of the next version are read with the same shape.
pub(crate) struct RawStep {
    pub(crate) version: LitInt,
    pub(crate) function: Option<ExprPath>,
}

/// `Made => path`: the retired event, and the function that makes events from it.
pub(crate) struct RawSource {
    pub(crate) event: Type,
    pub(crate) function: ExprPath,
}

/// `#[event(…)]` on the item or on a variant.
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) prefix: Slot<LitStr>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) alias: Slot<Vec<LitStr>>,
    pub(crate) version: Slot<LitInt>,
    /// The steps; `None` if they could not be read, which is reported already.
    pub(crate) upcast: Slot<Option<Vec<RawStep>>>,
    pub(crate) from: Slot<Vec<RawSource>>,
    pub(crate) retired: Slot<()>,
    pub(crate) context: Slot<()>,
    pub(crate) krate: Slot<Path>,
}

impl RawAttribute {
    /// The keys that belong on one event, as far as they are given: not on a set of events.
    pub(crate) fn keys_of_one_event(&self) -> [Option<&Path>; 7] {
        let Self { name, alias, version, upcast, from, retired, context, prefix: _, krate: _ } = self;
        [name.key(), alias.key(), version.key(), upcast.key(), from.key(), retired.key(), context.key()]
    }
}

const EVENT: KeyTable<RawAttribute> = KeyTable {
    attribute: "event",
    note: "",
    keys: &[
        ("prefix", |raw, key| raw.prefix.string(key, "prefix = \"account\"")),
        ("name", |raw, key| raw.name.string(key, "name = \"account.opened\"")),
        ("alias", |raw, key| raw.alias.strings(key, "alias = \"account.created\"")),
        ("version", |raw, key| raw.version.number(key, "version = 2")),
        ("upcast", |raw, key| raw.upcast.steps(key)),
        ("from", |raw, key| raw.from.sources(key)),
        ("retired", |raw, key| raw.retired.flag(key)),
        ("context", |raw, key| raw.context.flag(key)),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

const UPCAST_EXAMPLE: &str = "upcast(1 => Self::from_v1, 2 => _)";

impl Slot<Option<Vec<RawStep>>> {
    /// `upcast(1 => path, 2 => _)`
    fn steps(&mut self, key: &Key<'_>) -> Result<()> {
        let message = format!(
            "`upcast` takes older versions, each with the function that converts it to the next one: `{UPCAST_EXAMPLE}`"
        );
        let steps = key.entries(&message, step);
        let (steps, read) = match steps {
            Ok(steps) => (Some(steps), Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.put(key, steps).and(read)
    }
}

fn step(input: ParseStream<'_>) -> Result<RawStep> {
    let start = input.span();
    let version = input.parse::<LitInt>().map_err(|_| {
        Error::new(start, format!("a step begins with the number of the older version: `{UPCAST_EXAMPLE}`"))
    })?;
    let missing =
        format!("the function that converts this version to the next one is missing: `{UPCAST_EXAMPLE}`");
    if input.parse::<Token![=>]>().is_err() || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(version.span(), missing));
    }
    if input.peek(Token![_]) {
        input.parse::<Token![_]>()?;
        return Ok(RawStep { version, function: None });
    }
    let message = "a step is the path of a function, without quotes, or `_` if the next version reads the same payloads: \
                   `{UPCAST_EXAMPLE}`";
    let message = message.replace("{UPCAST_EXAMPLE}", UPCAST_EXAMPLE);
    Ok(RawStep { version, function: Some(parse_one(input, &message, Parse::parse)?) })
}

const FROM_EXAMPLE: &str = "from(BookingMade => Self::from_made)";

impl Slot<Vec<RawSource>> {
    /// `from(Made => path)`
    fn sources(&mut self, key: &Key<'_>) -> Result<()> {
        let message = format!(
            "`from` takes retired events, each with the function that makes this event from it: `{FROM_EXAMPLE}`"
        );
        let sources = key.entries(&message, source)?;
        self.put(key, sources)
    }
}

fn source(input: ParseStream<'_>) -> Result<RawSource> {
    let start = input.span();
    let message = format!("`from` takes the type of a retired event, without quotes: `{FROM_EXAMPLE}`");
    let event = input.parse::<Type>().map_err(|_| Error::new(start, message))?;
    let missing =
        format!("the function that makes this event from the retired one is missing: `{FROM_EXAMPLE}`");
    if input.parse::<Token![=>]>().is_err() || input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new_spanned(event, missing));
    }
    let message = format!("this is the path of a function, without quotes: `{FROM_EXAMPLE}`");
    Ok(RawSource { event, function: parse_one(input, &message, Parse::parse)? })
}

const ID: KeyTable<RawIdAttribute> = KeyTable {
    attribute: "id",
    note: ". An event's `#[id]` names no aggregate: its tag comes from the type of the field",
    keys: &[
        ("with", |raw, key| raw.with.function(key, "with = Line::products")),
        ("secret", |_, key| Err(key.error(SECRET_ID))),
        ("after_forget", |_, key| Err(key.error(SECRET_ID))),
    ],
};

const SECRET_ID: &str = "an id is personal in every event: write `#[id(secret)]` on the type of the id, which derives `Id`, and \
                         `#[id] email: Secret<Email>` here";

/// The keys of `#[serde(…)]` on an item, a variant or a field. Some of them are not compatible with the codec.
#[derive(Default)]
pub(crate) struct RawSerde(Vec<Path>);

impl RawSerde {
    /// The given keys among these.
    pub(crate) fn find(&self, keys: &[&str]) -> impl Iterator<Item = &Path> {
        self.0.iter().filter(move |path| keys.iter().any(|key| path.is_ident(key)))
    }

    fn read(attributes: &[Attribute]) -> Self {
        let mut keys = Vec::new();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            // serde reports the errors of its own attributes.
            let _ = attribute.parse_nested_meta(|meta| {
                keys.push(meta.path.clone());
                crate::shared::skip_to_comma(meta.input);
                Ok(())
            });
        }
        Self(keys)
    }
}

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawEvent<'a> {
    refuse_misplaced(&item.attrs, "id", "a field that holds an id", errors);
    refuse_misplaced(&item.attrs, "secret", "a field with a secret", errors);
    RawEvent {
        attribute: attribute(&item.attrs, errors),
        serde: RawSerde::read(&item.attrs),
        data: match &item.data {
            Data::Struct(data) => RawData::Struct(fields(&data.fields, errors)),
            Data::Enum(data) => {
                RawData::Enum(data.variants.iter().map(|variant| self::variant(variant, errors)).collect())
            }
            Data::Union(_) => RawData::Union,
        },
    }
}

fn attribute(attributes: &[Attribute], errors: &Errors) -> RawAttribute {
    let mut raw = RawAttribute::default();
    EVENT.read(attributes, &mut raw, errors);
    raw
}

fn variant<'a>(variant: &'a syn::Variant, errors: &Errors) -> RawVariant<'a> {
    refuse_misplaced(&variant.attrs, "id", "a field that holds an id", errors);
    refuse_misplaced(&variant.attrs, "secret", "a field with a secret", errors);
    RawVariant {
        ident: &variant.ident,
        attribute: attribute(&variant.attrs, errors),
        serde: RawSerde::read(&variant.attrs),
        fields: fields(&variant.fields, errors),
    }
}

fn fields<'a>(fields: &'a Fields, errors: &Errors) -> RawFields<'a> {
    for field in fields {
        refuse_misplaced(&field.attrs, "event", "the struct or enum, or on a variant", errors);
    }
    RawFields { fields, ids: fields.iter().filter_map(|field| id(field, errors)).collect() }
}

fn id<'a>(field: &'a Field, errors: &Errors) -> Option<RawId<'a>> {
    let mut raw = None;
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("id")) {
        if raw.is_some() {
            errors.at(attribute, "`#[id]` is given twice");
        }
        let raw = raw.get_or_insert_with(|| RawId {
            field,
            attribute: RawIdAttribute::default(),
            serde: RawSerde::read(&field.attrs),
        });
        if !matches!(attribute.meta, Meta::Path(_)) {
            ID.read_one(attribute, &mut raw.attribute, errors);
        }
    }
    raw
}
