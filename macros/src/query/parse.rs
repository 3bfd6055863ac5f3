//! Reads a query and its attributes as they stand.

use syn::{
    Attribute, Data, DeriveInput, Error, Field, Fields, Ident, LitInt, Meta, Path, Result, Type,
    ext::IdentExt, parse::ParseStream,
};

use crate::shared::{Errors, Slot, Table, misplaced, one};

/// The item as it was written.
pub(crate) struct RawEvent<'a> {
    pub(crate) attribute: RawAttribute,
    pub(crate) fields: Vec<RawField<'a>>,
}

/// `#[query(…)]`
#[derive(Default)]
pub(crate) struct RawAttribute {
    pub(crate) from: Slot<Type>,
    /// Whether `from` was given, be it with a mistake.
    pub(crate) has_from: bool,
    pub(crate) order: Slot<Ident>,
    /// Whether `order` was given, be it with a mistake.
    pub(crate) has_order: bool,
    pub(crate) descending: Slot<()>,
    pub(crate) limit: Slot<LitInt>,
    pub(crate) krate: Slot<Path>,
}

/// A field and what it is marked with.
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

/// What a field of a question is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// A part of the key.
    Key,
    /// A condition, by the name of its function.
    Where(&'static str),
    Limit,
    Cursor,
}

pub(crate) const MARKS: [(&str, Mark); 9] = [
    ("key", Mark::Key),
    ("equal", Mark::Where("equal")),
    ("at_least", Mark::Where("at_least")),
    ("at_most", Mark::Where("at_most")),
    ("above", Mark::Where("above")),
    ("below", Mark::Where("below")),
    ("prefix", Mark::Where("prefix")),
    ("limit", Mark::Limit),
    ("cursor", Mark::Cursor),
];

const KEYS: Table<RawAttribute> = Table {
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

pub(crate) fn read<'a>(item: &'a DeriveInput, errors: &Errors) -> RawEvent<'a> {
    for (name, _) in MARKS {
        misplaced(&item.attrs, name, "a field of the question", errors);
    }
    let mut raw = RawEvent { attribute: RawAttribute::default(), fields: Vec::new() };
    KEYS.read(&item.attrs, &mut raw.attribute, errors);
    if item.attrs.iter().any(|one| one.path().is_ident("query") && !matches!(one.meta, Meta::List(_))) {
        // The attribute has been told what goes into it.
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
        misplaced(&field.attrs, "query", "the struct", errors);
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
            errors.at(attribute, "a field asks one thing: give this a field of its own");
        }
        Self { field, mark: first }
    }
}

/// The column in `#[equal(owner)]`.
fn column(attribute: &Attribute, name: &str, mark: Mark) -> Result<Option<Ident>> {
    let message = match mark {
        Mark::Limit | Mark::Cursor => format!("`#[{name}]` stands alone, without a value"),
        Mark::Key | Mark::Where(_) => format!(
            "`#[{name}]` names one field of the rows, without quotes: `#[{name}(owner)]`; it stands alone where the \
             field of the question has the same name"
        ),
    };
    match &attribute.meta {
        Meta::Path(_) => Ok(None),
        Meta::List(list) if !list.tokens.is_empty() && !matches!(mark, Mark::Limit | Mark::Cursor) => {
            let parse = |input: ParseStream<'_>| {
                let name = one(input, &message, Ident::parse_any)?;
                if input.is_empty() { Ok(Some(name)) } else { Err(input.error(&message)) }
            };
            list.parse_args_with(parse)
        }
        meta => Err(Error::new_spanned(meta, message)),
    }
}
