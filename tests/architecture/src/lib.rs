//! The rules that keep this workspace readable, as checks over its sources and manifests.
//!
//! Each check takes text and gives back what breaks the rule, so that it can be shown a violation of each kind
//! (`tests/controls.rs`). `tests/workspace.rs` runs all of them over the workspace.

pub mod files;
pub mod floors;
pub mod packages;
pub mod source;

use std::fmt;

/// A rule, and the place that breaks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// The file, with the line where there is one; or the package.
    pub place: String,
    /// What stands there.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n    rule: {}", self.place, self.found, self.rule)
    }
}
