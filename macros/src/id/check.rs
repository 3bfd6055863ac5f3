//! Finds the mistakes of an id.

use syn::{Data, DeriveInput, Fields, LitStr, Type, ext::IdentExt};

use super::{model::Id, parse::Raw};
use crate::shared::{Case, Errors, check_kind, in_case, misplaced, refuse_parameters};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &Raw, errors: &Errors) -> Option<Id<'a>> {
    let why = "an id has no parameters: its kind names one kind of thing, whatever they are";
    refuse_parameters(&item.generics, why, errors);
    let kind = match raw.kind.get() {
        Some(kind) => {
            check_kind(kind, errors);
            kind.value()
        }
        None => derived_kind(item, errors),
    };
    let inner = inner(item, errors)?;
    Some(Id { ident: &item.ident, inner, kind, shared: raw.kind.get().is_some() })
}

/// `AccountId` is the id of an `account`.
fn derived_kind(item: &DeriveInput, errors: &Errors) -> String {
    let name = item.ident.unraw().to_string();
    let kind = in_case(Case::Snake, name.strip_suffix("Id").unwrap_or(&name));
    if kind.is_empty() {
        let message = "an id of what? name the kind: `#[id(kind = \"account\")]`";
        errors.at(&item.ident, message);
    } else {
        check_kind(&LitStr::new(&kind, item.ident.span()), errors);
    }
    kind
}

/// The type of the newtype's only field.
fn inner<'a>(item: &'a DeriveInput, errors: &Errors) -> Option<&'a Type> {
    let name = &item.ident;
    if let Data::Struct(data) = &item.data
        && let Fields::Unnamed(fields) = &data.fields
        && fields.unnamed.len() == 1
    {
        let field = fields.unnamed.first()?;
        misplaced(&field.attrs, "id", "the newtype itself", errors);
        return Some(&field.ty);
    }
    errors.at(name, format_args!("an id is a newtype: `struct {name}(Uuid);`"));
    None
}
