//! Projections: the runner of the core on the store's own log and rows. Whatever fails, the rows must equal the fold of
//! the log: every event counted once, in order.

mod balances;
mod engine;
mod faults;
mod faulty_stores;
mod folds;
mod logs;
mod long_logs;
mod poison_events;
mod read_models;
mod row_cache;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[
    folds::CASES,
    row_cache::CASES,
    long_logs::CASES,
    faults::CASES,
    poison_events::CASES,
    logs::CASES,
    read_models::CASES,
];
