//! The keys of subjects: one for each, shared by all processes, and gone when the subject is erased.

mod erasures;
mod lists;
mod lookups;
mod stored;
mod support;

use crate::Case;

pub(super) const THEMES: &[&[Case]] = &[stored::CASES, erasures::CASES, lists::CASES, lookups::CASES];
