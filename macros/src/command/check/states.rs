//! The states that a decision gets, and the fields with their ids.

use syn::{ExprPath, Ident, Path, Type, TypePath, ext::IdentExt, punctuated::Punctuated};

use super::{RawAttribute, RawId};
use crate::{
    command::model::State,
    shared::{Errors, source_text},
};

/// The length of the longest tuple of states.
const MAX_STATES: usize = 8;

/// The states in the order in which the decision gets them, or `None` if a mistake hides them.
///
/// With neither `#[id(A)]` nor `state(…)`, the type in front of the function's name is the aggregate, and the only
/// `#[id]` its id. Otherwise the path is only called: the states come from the id fields, in the order of the fields,
/// and then from `state(…)`.
pub(super) fn check<'a>(
    command: &Ident,
    attribute: &RawAttribute,
    path: &ExprPath,
    ids: &'a [RawId<'a>],
    errors: &Errors,
) -> Option<Vec<State<'a>>> {
    if attribute.has_state || ids.iter().any(|id| id.is_list) {
        return named_states(attribute, ids, errors);
    }
    match (path_prefix(path, command), ids) {
        (PathPrefix::Type(aggregate), [id]) => Some(vec![State { aggregate: *aggregate, field: field(id) }]),
        (PathPrefix::Type(aggregate), []) => {
            missing_id(path, &aggregate, errors);
            None
        }
        (PathPrefix::Type(aggregate), [_, more @ ..]) => {
            let aggregate = source_text(&aggregate);
            for id in more {
                errors.at(
                    id.attribute,
                    format_args!("each of several ids names its aggregate: write `#[id({aggregate})]`"),
                );
            }
            None
        }
        (PathPrefix::Module(_) | PathPrefix::None, []) => Some(Vec::new()),
        (PathPrefix::Module(module), ids) => {
            for id in ids {
                let message = format_args!(
                    "the aggregate of this id is missing: write `#[id(Account)]`; `{module}` in the path of the decision is a module"
                );
                errors.at(id.attribute, message);
            }
            None
        }
        (PathPrefix::None, ids) => {
            for id in ids {
                let message = "the aggregate of this id is missing: write `#[id(Account)]`; the path of the decision does not name one";
                errors.at(id.attribute, message);
            }
            None
        }
    }
}

/// `#[id(A)]`, `#[id(A, B)]` in the order of the fields, then `state(…)`.
fn named_states<'a>(
    attribute: &RawAttribute,
    ids: &'a [RawId<'a>],
    errors: &Errors,
) -> Option<Vec<State<'a>>> {
    let mut states = Vec::new();
    let mut unread = attribute.has_state && attribute.state.get().is_none();
    for id in ids {
        unread |= id.aggregates.is_empty();
        if !id.is_list {
            errors.at(
                id.attribute,
                "the aggregate of this id is missing: write `#[id(Account)]`, as for the other states",
            );
        }
        states.extend(
            id.aggregates.iter().map(|aggregate| State { aggregate: aggregate.clone(), field: field(id) }),
        );
    }
    let single = attribute.state.get().into_iter().flatten();
    states.extend(single.map(|aggregate| State { aggregate: aggregate.clone(), field: None }));
    if let Some(ninth) = states.get(MAX_STATES) {
        let message = "a decision gets at most eight states: fold their events in one aggregate";
        errors.at(&ninth.aggregate, message);
    }
    (!unread).then_some(states)
}

fn field<'a>(id: &'a RawId<'a>) -> Option<(&'a Ident, &'a Type)> {
    id.field.ident.as_ref().map(|ident| (ident, &id.field.ty))
}

fn missing_id(path: &ExprPath, aggregate: &Type, errors: &Errors) {
    let aggregate = source_text(aggregate);
    errors.at(
        path,
        format_args!(
            "the id of `{aggregate}` is missing: write `#[id]` on the field that holds it, or `state({aggregate})` if it has \
             none; a decision without states is a free function"
        ),
    );
}

/// The part of the path before the name of the function.
enum PathPrefix {
    /// `Account::deposit`
    Type(Box<Type>),
    /// `bank::transfer`
    Module(String),
    /// `transfer`, or a function of the command itself.
    None,
}

fn path_prefix(path: &ExprPath, command: &Ident) -> PathPrefix {
    if let Some(qself) = &path.qself {
        return PathPrefix::Type(qself.ty.clone());
    }
    let segments = &path.path.segments;
    let Some(path_prefix) = segments.len().checked_sub(2).and_then(|i| segments.get(i)) else {
        return PathPrefix::None;
    };
    let name = path_prefix.ident.unraw().to_string();
    if path_prefix.ident == "Self" || path_prefix.ident == *command {
        return PathPrefix::None;
    }
    if !name.starts_with(char::is_uppercase) {
        return PathPrefix::Module(name);
    }
    let segments: Punctuated<_, _> = segments.iter().take(segments.len() - 1).cloned().collect();
    let path = Path { leading_colon: path.path.leading_colon, segments };
    PathPrefix::Type(Box::new(Type::Path(TypePath { attrs: Vec::new(), qself: None, path })))
}
