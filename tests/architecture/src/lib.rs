//! The rules that keep this workspace readable, as checks of its sources and manifests.
//!
//! Each check is a function from text to the violations in it, so that `tests/controls` can show that it finds each
//! kind of violation. `tests/workspace.rs` runs all checks on the workspace. Names and phrases that the checks look
//! for, and exceptions, are in `lists`.

pub mod allowed;
pub mod boundaries;
pub mod comments;
pub mod cycles;
pub mod examples;
pub mod files;
pub mod floors;
pub mod names;
pub mod packages;
pub mod phrases;
pub mod source;
pub mod walkthrough;

use std::{borrow::Cow, fmt};

/// A rule and the place that violates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: Cow<'static, str>,
    /// The file, with a line if there is one; or the package.
    pub place: String,
    /// What violates the rule.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    rule: {}", self.place, self.found, self.rule)
    }
}
