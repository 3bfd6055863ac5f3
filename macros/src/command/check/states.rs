//! Which states a decision gets, and from where.

use syn::{ExprPath, Ident, Path, Type, TypePath, ext::IdentExt, punctuated::Punctuated};

use super::{RawAttribute, RawId};
use crate::{
    command::model::State,
    shared::{Errors, shown},
};

/// The longest tuple of states.
const MOST: usize = 8;

/// The states in the order in which the decision gets them; none if a mistake hides them.
///
/// With neither `#[id(A)]` nor `state(…)`, the type in front of the function's name is the aggregate, and the only
/// `#[id]` its id. Otherwise the path is only called: the states are those of the id fields, in the order of the fields,
/// and then those of `state(…)`.
pub(super) fn check<'a>(
    command: &Ident,
    attribute: &RawAttribute,
    path: &ExprPath,
    ids: &'a [RawId<'a>],
    errors: &Errors,
) -> Option<Vec<State<'a>>> {
    if attribute.has_state || ids.iter().any(|id| id.is_list) {
        return named(attribute, ids, errors);
    }
    match (owner(path, command), ids) {
        (Owner::Type(aggregate), [id]) => Some(vec![State { aggregate: *aggregate, field: field(id) }]),
        (Owner::Type(aggregate), []) => {
            missing_id(path, &aggregate, errors);
            None
        }
        (Owner::Type(aggregate), [_, more @ ..]) => {
            let aggregate = shown(&aggregate);
            for id in more {
                errors.at(
                    id.attribute,
                    format_args!("which aggregate does each id load? write `#[id({aggregate})]`"),
                );
            }
            None
        }
        (Owner::Module(_) | Owner::Nothing, []) => Some(Vec::new()),
        (Owner::Module(module), ids) => {
            for id in ids {
                let message = format_args!(
                    "which aggregate does this id load? `{module}` is a module: write `#[id(Account)]`"
                );
                errors.at(id.attribute, message);
            }
            None
        }
        (Owner::Nothing, ids) => {
            for id in ids {
                let message = "which aggregate does this id load? the path of the decision names none: write `#[id(Account)]`";
                errors.at(id.attribute, message);
            }
            None
        }
    }
}

/// `#[id(A)]`, `#[id(A, B)]` in the order of the fields, then `state(…)`.
fn named<'a>(attribute: &RawAttribute, ids: &'a [RawId<'a>], errors: &Errors) -> Option<Vec<State<'a>>> {
    let mut states = Vec::new();
    let mut unread = attribute.has_state && attribute.state.get().is_none();
    for id in ids {
        unread |= id.aggregates.is_empty();
        if !id.is_list {
            errors.at(
                id.attribute,
                "which aggregate does this id load? write `#[id(Account)]`: other states are named too",
            );
        }
        states.extend(
            id.aggregates.iter().map(|aggregate| State { aggregate: aggregate.clone(), field: field(id) }),
        );
    }
    let single = attribute.state.get().into_iter().flatten();
    states.extend(single.map(|aggregate| State { aggregate: aggregate.clone(), field: None }));
    if let Some(ninth) = states.get(MOST) {
        let message = "a decision gets at most eight states: fold what it needs together in one aggregate";
        errors.at(&ninth.aggregate, message);
    }
    (!unread).then_some(states)
}

fn field<'a>(id: &'a RawId<'a>) -> Option<(&'a Ident, &'a Type)> {
    id.field.ident.as_ref().map(|ident| (ident, &id.field.ty))
}

fn missing_id(path: &ExprPath, aggregate: &Type, errors: &Errors) {
    let aggregate = shown(aggregate);
    errors.at(
        path,
        format_args!(
            "no field is marked `#[id]`: mark the one that holds the id of `{aggregate}`, or write `state({aggregate})` \
             if it has none; a decision without state is a free function"
        ),
    );
}

/// What stands in front of the function's name.
enum Owner {
    /// `Account::deposit`
    Type(Box<Type>),
    /// `bank::transfer`
    Module(String),
    /// `transfer`, or a function of the command itself.
    Nothing,
}

fn owner(path: &ExprPath, command: &Ident) -> Owner {
    if let Some(qself) = &path.qself {
        return Owner::Type(qself.ty.clone());
    }
    let segments = &path.path.segments;
    let Some(owner) = segments.len().checked_sub(2).and_then(|i| segments.get(i)) else {
        return Owner::Nothing;
    };
    let name = owner.ident.unraw().to_string();
    if owner.ident == "Self" || owner.ident == *command {
        return Owner::Nothing;
    }
    if !name.starts_with(char::is_uppercase) {
        return Owner::Module(name);
    }
    let segments: Punctuated<_, _> = segments.iter().take(segments.len() - 1).cloned().collect();
    let path = Path { leading_colon: path.path.leading_colon, segments };
    Owner::Type(Box::new(Type::Path(TypePath { attrs: Vec::new(), qself: None, path })))
}
