//! Checks that each older version of an event has one step to the next version.

use std::collections::BTreeMap;

use syn::ExprPath;

use crate::{
    event::{
        model::Step,
        parse::{RawAttribute, RawStep},
    },
    shared::{Errors, positive, source_text},
};

/// The steps from version 1 to the current one, in order.
pub(super) fn steps(version: u32, attribute: &RawAttribute, errors: &Errors) -> Vec<Step> {
    let mut steps = BTreeMap::new();
    let given = attribute.upcast.get().map(Option::as_deref);
    let Some(given) = given.unwrap_or(Some(&[])) else { return Vec::new() };
    for RawStep { version: literal, function } in given {
        let Some(older) = positive(literal, "the versions of an event are numbers from 1 on", errors) else {
            continue;
        };
        if older >= version {
            let message = format_args!(
                "version {older} has no next version: the current one is {version}, which `version = …` sets"
            );
            errors.at(literal, message);
        } else if steps.insert(older, function.clone()).is_some() {
            errors.at(literal, format_args!("version {older} already has a step above"));
        }
    }
    report_missing(version, &steps, attribute, errors);
    if attribute.from.key().is_none() {
        report_context(&steps, attribute, errors);
    }
    steps.into_iter().map(|(version, function)| Step { version, function }).collect()
}

fn report_missing(
    version: u32,
    steps: &BTreeMap<u32, Option<ExprPath>>,
    attribute: &RawAttribute,
    errors: &Errors,
) {
    let (Some(literal), Some(missing)) =
        (attribute.version.get(), (1..version).find(|older| !steps.contains_key(older)))
    else {
        return;
    };
    let next = missing + 1;
    errors.at(
        literal,
        format_args!(
            "version {missing} has no step to version {next}: add `upcast({missing} => path)` with the function that converts it, \
             or `{missing} => _` if its payloads are read as version {next}"
        ),
    );
}

fn report_context(steps: &BTreeMap<u32, Option<ExprPath>>, attribute: &RawAttribute, errors: &Errors) {
    if let Some(key) = attribute.context.key()
        && steps.values().all(Option::is_none)
    {
        let message = format_args!(
            "`{}` is for the functions of `upcast` and `from`, and there is none",
            source_text(key)
        );
        errors.at(key, message);
    }
}
