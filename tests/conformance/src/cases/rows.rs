//! Row stores: tables, builds, changes and queries.

mod builds;
mod claims;
mod commits;
mod comparisons;
mod discards;
mod keys;
mod model;
mod names;
mod pages;
mod parked_events;
mod promotions;
mod queries;
mod races;
mod requests;
mod tables;
mod totals;
mod values;
mod verify;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[
    tables::CASES,
    names::CASES,
    commits::CASES,
    races::CASES,
    parked_events::CASES,
    builds::CASES,
    claims::CASES,
    requests::CASES,
    promotions::CASES,
    comparisons::CASES,
    discards::CASES,
    values::CASES,
    totals::CASES,
    keys::CASES,
    queries::CASES,
    pages::CASES,
    model::CASES,
    verify::CASES,
];
