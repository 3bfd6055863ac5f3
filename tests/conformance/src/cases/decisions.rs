//! Decisions across entities, after the examples of <https://dcb.events>.

mod courses;
mod decide;
mod invoices;
mod tokens;
mod usernames;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[courses::CASES, usernames::CASES, tokens::CASES, invoices::CASES];
