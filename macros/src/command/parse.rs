//! Reads a command and its attributes.

use syn::{
    Attribute, Data, DeriveInput, ExprPath, Field, Fields, LitStr, Meta, Path, Type, Variant,
    parse::{Parse, ParseStream},
};

use crate::shared::{Errors, KeyTable, Slot, parse_all, parse_one, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawCommand<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) data: RawData<'a>,
}

pub(crate) enum RawData<'a> {
    Struct {
        fields: &'a Fields,
        /// The fields under `#[id]`.
        ids: Vec<RawId<'a>>,
    },
    Enum(Vec<&'a Variant>),
    Union,
}

/// A field under `#[id]` or `#[id(Account, …)]`.
pub(crate) struct RawId<'a> {
    pub(crate) field: &'a Field,
    pub(crate) attribute: &'a Attribute,
    pub(crate) aggregates: Vec<Type>,
    /// Whether aggregates are named, even with mistakes.
    pub(crate) is_list: bool,
}

/// `#[command(…)]`
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) decide: Slot<ExprPath>,
    /// Whether `decide` was given, even with a mistake.
    pub(crate) has_decide: bool,
    pub(crate) state: Slot<Vec<Type>>,
    /// Whether `state` was given, even with a mistake.
    pub(crate) has_state: bool,
    pub(crate) error: Slot<Type>,
    /// Whether `error` was given, even with a mistake.
    pub(crate) has_error: bool,
    pub(crate) context: Slot<()>,
    pub(crate) name: Slot<LitStr>,
    pub(crate) krate: Slot<Path>,
}

const KEYS: KeyTable<RawAttribute> = KeyTable {
    attribute: "command",
    note: "",
    keys: &[
        ("decide", |raw, key| {
            raw.has_decide = true;
            raw.decide.function(key, "decide = Account::deposit")
        }),
        ("state", |raw, key| {
            raw.has_state = true;
            raw.state.types(key, "state(LastInvoice)")
        }),
        ("error", |raw, key| {
            raw.has_error = true;
            raw.error.ty(key, "error = AccountError")
        }),
        ("context", |raw, key| raw.context.flag(key)),
        ("name", |raw, key| raw.name.string(key, "name = \"deposit\"")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawCommand<'a> {
    refuse_misplaced(&item.attrs, "id", "a field that holds an id", errors);
    refuse_misplaced(&item.attrs, "secret", "a field with a secret", errors);
    let mut attribute = RawAttribute::default();
    KEYS.read(&item.attrs, &mut attribute, errors);
    let data = match &item.data {
        Data::Struct(data) => RawData::Struct { fields: &data.fields, ids: ids(&data.fields, errors) },
        Data::Enum(data) => {
            RawData::Enum(data.variants.iter().inspect(|variant| on_variant(variant, errors)).collect())
        }
        Data::Union(_) => RawData::Union,
    };
    RawCommand { attribute, data }
}

fn on_variant(variant: &Variant, errors: &Errors) {
    refuse_misplaced(&variant.attrs, "command", "the command inside", errors);
    for field in &variant.fields {
        refuse_misplaced(&field.attrs, "id", "a field of the command inside", errors);
        refuse_misplaced(&field.attrs, "secret", "a field of the command inside", errors);
    }
}

fn ids<'a>(fields: &'a Fields, errors: &Errors) -> Vec<RawId<'a>> {
    let mut ids = Vec::new();
    for field in fields {
        refuse_misplaced(&field.attrs, "command", "the struct", errors);
        let attributes = field.attrs.iter().filter(|attribute| attribute.path().is_ident("id"));
        for (i, attribute) in attributes.enumerate() {
            if i > 0 {
                errors.at(attribute, "`#[id]` is given twice: name all aggregates in one, `#[id(A, B)]`");
            } else {
                ids.push(id(field, attribute, errors));
            }
        }
    }
    ids
}

fn id<'a>(field: &'a Field, attribute: &'a Attribute, errors: &Errors) -> RawId<'a> {
    let example = "`#[id]` takes the aggregates that this id loads, without quotes: `#[id(Account)]`";
    let mut raw = RawId { field, attribute, aggregates: Vec::new(), is_list: true };
    match &attribute.meta {
        Meta::Path(_) => raw.is_list = false,
        Meta::NameValue(_) => errors.at(&attribute.meta, example),
        Meta::List(list) if list.tokens.is_empty() => errors.at(&attribute.meta, example),
        Meta::List(list) => {
            let types = list.parse_args_with(|input: ParseStream<'_>| {
                parse_all(input, |input| parse_one(input, example, Parse::parse))
            });
            match types {
                Ok(types) => match types.iter().find(|given| is_secret(given)) {
                    Some(key) => errors.at(key, SECRET_ID),
                    None => raw.aggregates = types,
                },
                Err(error) => errors.add(error),
            }
        }
    }
    raw
}

const SECRET_ID: &str = "an id is personal wherever it is used: write `#[id(secret)]` on the type of the id, which derives `Id`, and \
                         `#[id] email: Email` here";

/// `secret`, which is no type.
fn is_secret(given: &Type) -> bool {
    matches!(given, Type::Path(path) if path.path.is_ident("secret"))
}
