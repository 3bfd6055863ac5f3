//! Inline builds: rows that change in the transaction of the append.

mod append_batch;
mod appends;
mod model;
mod notes;
mod races;
mod successors;
mod support;
mod transitions;
mod verify;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[
    appends::CASES,
    transitions::CASES,
    races::CASES,
    model::CASES,
    append_batch::CASES,
    successors::CASES,
    verify::CASES,
];
