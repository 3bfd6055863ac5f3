//! Checks a projection.

mod columns;

use syn::{Data, DeriveInput, Fields, ext::IdentExt};

pub(super) use self::columns::{LOOKUP, is_invalid_key};
use super::{
    model::{Projection, Role},
    parse::{Entry, RawAttribute, RawProjection},
};
use crate::shared::{Case, Errors, check_projection_name, in_case, refuse_lifetimes, refuse_references};

pub(crate) fn check<'a>(
    item: &'a DeriveInput,
    raw: &'a RawProjection<'a>,
    errors: &Errors,
) -> Option<Projection<'a>> {
    refuse_lifetimes(&item.generics, "a projection", errors);
    let attribute = &raw.attribute;
    check_is_struct(item, errors)?;
    check_required(item, attribute, errors);
    let columns = columns::check(item, &raw.fields, errors);
    let has_secrets = columns.iter().any(|column| matches!(column.role, Role::Secret { .. }));
    if let (Some(reads), false) = (attribute.reads_secrets.key(), has_secrets) {
        errors.at(
            reads,
            "remove this: no field of the row has `#[secret(…)]`, so its handlers may read secrets, and its rows are folded again whenever a \
             subject is forgotten",
        );
    }
    if columns.iter().filter(|column| column.role == Role::Key).count() > 1 {
        check_by(&attribute.on, errors);
    }
    if let Some(name) = attribute.name.get() {
        check_projection_name(name, errors);
    }
    Some(Projection {
        ident: &item.ident,
        generics: &item.generics,
        name: attribute.name.get().map(syn::LitStr::value).unwrap_or_default(),
        version: attribute.version.version(errors),
        columns,
        on: &attribute.on,
        reads_secrets: !has_secrets || attribute.reads_secrets.get().is_some(),
        context: attribute.context.get().is_some(),
    })
}

/// Checks that the item is a struct with named fields.
fn check_is_struct(item: &DeriveInput, errors: &Errors) -> Option<()> {
    let name = &item.ident;
    match &item.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(_) => {
                refuse_references(&item.generics, &data.fields, "a projection", errors);
                return Some(());
            }
            Fields::Unnamed(tuple) => {
                let message = format_args!(
                    "the columns of a projection are named fields: `struct {name} {{ #[key] … }}`"
                );
                errors.at(tuple, message);
            }
            Fields::Unit => {
                let message = format_args!("a row needs columns: `struct {name} {{ #[key] … }}`");
                errors.at(name, message);
            }
        },
        Data::Enum(_) | Data::Union(_) => {
            errors.at(
                name,
                format_args!("the row of a projection is a struct: `struct {name} {{ #[key] … }}`"),
            );
        }
    }
    None
}

/// Reports missing required keys together: a missing attribute is one mistake.
fn check_required(item: &DeriveInput, attribute: &RawAttribute, errors: &Errors) {
    let ident = &item.ident;
    let name = format!("name = \"{}\"", in_case(Case::Snake, &ident.unraw().to_string()));
    let on = format!("on({ident}Event => {ident}::apply)");
    let message = match (attribute.has_name, attribute.has_on) {
        (true, true) => return,
        (false, true) => format!("the name of the projection is missing: write `#[projection({name}, …)]`"),
        (true, false) => format!("the events of the projection are missing: write `#[projection({on}, …)]`"),
        (false, false) => format!(
            "the name and the events of the projection are missing: write `#[projection({name}, {on})]`"
        ),
    };
    errors.at(ident, message);
}

/// With a composite key every entry needs `by`, since a tag holds one value.
fn check_by(on: &[Entry], errors: &Errors) {
    for Entry { on, .. } in on.iter().filter(|entry| entry.by.is_none()) {
        errors.at(
            &on.handler,
            "the key has several columns, so a function has to return it: `… by key_of` with \
             `fn key_of(event: &Event) -> (A, B)`",
        );
    }
}
