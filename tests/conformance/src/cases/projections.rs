//! Projections: the engine of the core over the store's own log and rows.
//!
//! Whatever happens on the way, the rows have to be the plain fold of the log: every event counted once, in order.

mod balances;
mod doubles;
mod engine;

mod faults;
mod folds;
mod kept;
mod logs;
mod long;
mod poison;
mod reads;

pub(super) const THEMES: [&[crate::Case]; 7] =
    [folds::CASES, kept::CASES, long::CASES, faults::CASES, poison::CASES, logs::CASES, reads::CASES];
