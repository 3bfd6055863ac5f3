//! Reads a query and its attributes.

use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, Ident, LitInt, Meta, Path, Result, Type,
    ext::IdentExt, parse::ParseStream,
};

use crate::shared::{Errors, KeyTable, Slot, parse_one, refuse_misplaced};

/// The item as the user wrote it.
pub(crate) struct RawQuery<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) fields: Vec<RawField<'a>>,
}

/// `#[query(…)]`
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) from: Slot<Type>,
    /// Whether `from` was given, even with a mistake.
    pub(crate) has_from: bool,
    pub(crate) order: Slot<Ident>,
    /// Whether `order` was given, even with a mistake.
    pub(crate) has_order: bool,
    pub(crate) descending: Slot<()>,
    pub(crate) limit: Slot<LitInt>,
    pub(crate) krate: Slot<Path>,
}

/// A field and its attribute.
pub(crate) struct RawField<'a> {
    pub(crate) field: &'a Field,
    pub(crate) mark: Option<RawMark<'a>>,
}

/// `#[equal]` or `#[equal(owner)]`
pub(crate) struct RawMark<'a> {
    pub(crate) attribute: &'a Attribute,
    pub(crate) mark: Mark,
    /// The column that it names.
    pub(crate) column: Option<Ident>,
}

/// The role of a field of a query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A part of the key.
    Key,
    /// A condition, by the name of its attribute.
    Where(&'static str),
    Limit,
    Cursor,
}

pub(crate) const MARKS: [(&str, Mark); 11] = [
    ("key", Mark::Key),
    ("equal", Mark::Where("equal")),
    ("one_of", Mark::Where("one_of")),
    ("at_least", Mark::Where("at_least")),
    ("at_most", Mark::Where("at_most")),
    ("above", Mark::Where("above")),
    ("below", Mark::Where("below")),
    ("prefix", Mark::Where("prefix")),
    ("prefix_ignore_ascii_case", Mark::Where("prefix_ignore_ascii_case")),
    ("limit", Mark::Limit),
    ("cursor", Mark::Cursor),
];

const KEYS: KeyTable<RawAttribute> = KeyTable {
    attribute: "query",
    note: "",
    keys: &[
        ("from", |raw, key| {
            raw.has_from = true;
            raw.from.ty(key, "from = Balance")
        }),
        ("order", |raw, key| {
            raw.has_order = true;
            raw.order.name(key, "order = cents")
        }),
        ("descending", |raw, key| raw.descending.flag(key)),
        ("limit", |raw, key| raw.limit.number(key, "limit = 50")),
        ("crate", |raw, key| raw.krate.module(key)),
    ],
};

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawQuery<'a> {
    for (name, _) in MARKS {
        refuse_misplaced(&item.attrs, name, "a field of the query", errors);
    }
    let mut raw = RawQuery { attribute: RawAttribute::default(), fields: Vec::new() };
    KEYS.read(&item.attrs, &mut raw.attribute, errors);
    if KEYS.is_without_keys(&item.attrs) {
        raw.attribute.has_from = true;
    }
    if let Data::Struct(data) = &item.data
        && !matches!(data.fields, Fields::Unnamed(_))
    {
        raw.fields = data.fields.iter().map(|field| RawField::read(field, errors)).collect();
    }
    raw
}

impl<'a> RawField<'a> {
    fn read(field: &'a Field, errors: &Errors) -> Self {
        refuse_misplaced(&field.attrs, "query", "the struct", errors);
        let mut marks = field.attrs.iter().filter_map(|attribute| {
            let (name, mark) = MARKS.iter().find(|(name, _)| attribute.path().is_ident(name))?;
            Some((attribute, *name, *mark))
        });
        let first = marks.next().map(|(attribute, name, mark)| {
            let column = column(attribute, name, mark).unwrap_or_else(|error| {
                errors.add(error);
                None
            });
            RawMark { attribute, mark, column }
        });
        for (attribute, ..) in marks {
            errors.at(attribute, "a field has one of these attributes: move this one to another field");
        }
        Self { field, mark: first }
    }
}

/// The column in `#[equal(owner)]`.
fn column(attribute: &Attribute, name: &str, mark: Mark) -> Result<Option<Ident>> {
    let message = match mark {
        Mark::Limit | Mark::Cursor => format!("`#[{name}]` takes no value"),
        Mark::Key | Mark::Where(_) => format!(
            "`#[{name}]` takes the name of one column, without quotes: `#[{name}(owner)]`; a column with the name of \
             the field needs only `#[{name}]`"
        ),
    };
    match &attribute.meta {
        Meta::Path(_) => Ok(None),
        Meta::List(list) if !list.tokens.is_empty() && !matches!(mark, Mark::Limit | Mark::Cursor) => {
            let parse = |input: ParseStream<'_>| {
                let name = parse_one(input, &message, Ident::parse_any)?;
                if input.is_empty() { Ok(Some(name)) } else { Err(input.error(&message)) }
            };
            list.parse_args_with(parse)
        }
        meta => Err(Error::new_spanned(meta, message)),
    }
}
