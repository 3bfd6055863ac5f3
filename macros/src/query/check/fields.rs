//! Checks the fields of a query.

use syn::Ident;

use super::super::{
    model::{Listing, QueryField},
    parse::{MARKS, Mark, RawField, RawMark},
};
use crate::shared::{Errors, is_marker, list_inner, nearest, option_inner, source_text};

/// The fields of a query that finds one row.
pub(super) fn key<'a>(fields: &'a [RawField<'a>], errors: &Errors) -> Vec<QueryField<'a>> {
    let mut key = Vec::new();
    for (raw, mark, field) in marked(fields) {
        if mark.mark != Mark::Key {
            let message =
                "a row is found by its key alone: to list rows, write `#[equal]` instead of `#[key]`";
            errors.at(mark.attribute, message);
            continue;
        }
        let query_field = query_field(raw, mark, field);
        if query_field.optional {
            errors.at(&raw.field.ty, "a key always has a value: use the type inside the `Option`");
        }
        key.push(query_field);
    }
    key
}

/// The fields of a query that lists rows.
pub(super) fn listing<'a>(fields: &'a [RawField<'a>], errors: &Errors) -> Listing<'a> {
    let mut listing = Listing::default();
    for (raw, mark, field) in marked(fields) {
        let query_field = query_field(raw, mark, field);
        match mark.mark {
            Mark::Key => {}
            Mark::Where("one_of") => listing.conditions.push(("one_of", of_list(query_field, errors))),
            Mark::Where(how) => listing.conditions.push((how, query_field)),
            Mark::Limit => set_once(&mut listing.limit_field, query_field, mark, errors),
            Mark::Cursor => set_once(&mut listing.cursor_field, query_field, mark, errors),
        }
    }
    listing
}

/// The fields that have an attribute.
fn marked<'a>(
    fields: &'a [RawField<'a>],
) -> impl Iterator<Item = (&'a RawField<'a>, &'a RawMark<'a>, &'a Ident)> {
    fields.iter().filter_map(|raw| Some((raw, raw.mark.as_ref()?, raw.field.ident.as_ref()?)))
}

/// Reports fields without an attribute.
pub(super) fn check_all_marked(fields: &[RawField<'_>], errors: &Errors) {
    let unmarked =
        fields.iter().filter(|raw| raw.mark.is_none() && !is_marker(&raw.field.ty) && !is_misspelt(raw));
    for field in unmarked.filter_map(|raw| raw.field.ident.as_ref()) {
        let message = "this field needs an attribute: `#[key]`, `#[equal]`, `#[one_of]`, `#[at_least]`, `#[at_most]`, \
                       `#[above]`, `#[below]`, `#[prefix]` and `#[prefix_ignore_ascii_case]` compare a column, `#[limit]` \
                       and `#[cursor]` are for pages";
        errors.at(field, message);
    }
}

fn query_field<'a>(raw: &'a RawField<'a>, mark: &'a RawMark<'a>, field: &'a Ident) -> QueryField<'a> {
    let (ty, optional) = match option_inner(&raw.field.ty) {
        Some(inner) => (inner, true),
        None => (&raw.field.ty, false),
    };
    QueryField { field, ty, optional, column: mark.column.as_ref().unwrap_or(field) }
}

/// A field with a list of values: its type is that of one of them.
fn of_list<'a>(query_field: QueryField<'a>, errors: &Errors) -> QueryField<'a> {
    match list_inner(query_field.ty) {
        Some(ty) => QueryField { ty, ..query_field },
        None => {
            let ty = source_text(query_field.ty);
            errors.at(query_field.ty, format_args!("`#[one_of]` takes a list of values: write `Vec<{ty}>`"));
            query_field
        }
    }
}

fn set_once<'a>(
    slot: &mut Option<QueryField<'a>>,
    field: QueryField<'a>,
    mark: &RawMark<'_>,
    errors: &Errors,
) {
    if slot.is_some() {
        errors.at(mark.attribute, "another field already has this attribute");
    }
    *slot = Some(field);
}

/// Whether a field has an attribute with a misspelt name, which the compiler reports.
fn is_misspelt(raw: &RawField<'_>) -> bool {
    raw.field
        .attrs
        .iter()
        .filter_map(|attribute| attribute.path().get_ident())
        .any(|name| nearest(&name.to_string(), MARKS.iter().map(|(known, _)| *known)).is_some())
}
