//! Checks an id.

use syn::{Data, DeriveInput, Fields, Type, ext::IdentExt};

use super::{
    model::{AfterForget, Id},
    parse::RawId,
};
use crate::shared::{Case, Errors, check_kind, in_case, kind_fault, refuse_misplaced, refuse_parameters};

pub(crate) fn check<'a>(item: &'a DeriveInput, raw: &RawId, errors: &Errors) -> Option<Id<'a>> {
    let why = "an id has no generic parameters: write a newtype for each kind of thing";
    refuse_parameters(&item.generics, why, errors);
    let kind = match raw.kind.get() {
        Some(kind) => {
            check_kind(kind, errors);
            kind.value()
        }
        None => derived_kind(item, errors),
    };
    for attribute in item.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        errors.at(
            attribute,
            "remove this, and `Serialize` and `Deserialize` from the derives: `Id` implements both, and serializes the \
             value that it wraps",
        );
    }
    let secret = secret(raw, errors);
    let inner = inner(item, errors)?;
    Some(Id { ident: &item.ident, inner, kind, shared: raw.kind.get().is_some(), secret })
}

/// Whether the id is personal. By default it stays taken when it is forgotten: no other person gets it by mistake.
fn secret(raw: &RawId, errors: &Errors) -> Option<AfterForget> {
    let after = match raw.after_forget.get() {
        None => AfterForget::StaysTaken,
        Some(text) => match text.value().as_str() {
            "taken" => AfterForget::StaysTaken,
            "free" => AfterForget::Free,
            other => {
                let message = format_args!(
                    "{other:?} is neither \"taken\" (nothing is read or written by a forgotten id) nor \"free\" (as if it had never been used)"
                );
                errors.at(text, message);
                AfterForget::StaysTaken
            }
        },
    };
    if raw.secret.key().is_none() {
        if let Some(key) = raw.after_forget.key() {
            errors.at(key, "only a personal id can be forgotten: `#[id(secret, after_forget = \"free\")]`");
        }
        return None;
    }
    Some(after)
}

/// The kind of `AccountId` is `account`.
fn derived_kind(item: &DeriveInput, errors: &Errors) -> String {
    let name = item.ident.unraw().to_string();
    let kind = in_case(Case::Snake, name.strip_suffix("Id").unwrap_or(&name));
    if kind.is_empty() {
        errors.at(&item.ident, "the kind of the id is missing, since the type is only named `Id`: write `#[id(kind = \"account\")]`");
    } else if let Some(fault) = kind_fault(&kind) {
        let message =
            format_args!("{kind:?} is not a valid kind: {fault}; write one: `#[id(kind = \"account\")]`");
        errors.at(&item.ident, message);
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
        refuse_misplaced(&field.attrs, "id", "the newtype itself", errors);
        return Some(&field.ty);
    }
    errors.at(name, format_args!("an id is a newtype: `struct {name}(Uuid);`"));
    None
}
