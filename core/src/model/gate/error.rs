//! The reasons why a check of the gate fails.

use std::{fmt, io, path::PathBuf};

use crate::error::Invalid;

/// The environment variable that says what a check does besides.
pub(super) const VARIABLE: &str = "ANNALIST_GATE";

/// The reason why a check failed. Its `Debug` is its text, so that the failure of a test can be read.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GateError {
    /// The file cannot be read or written.
    #[error("{}: {source}; write it with {VARIABLE}=update", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// A line of the file cannot be read.
    #[error("{}, line {line}: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// The model has lost something that was released.
    #[error("{}: {} change(s) of what was released:{}", path.display(), problems.len(), list(problems))]
    Refused {
        /// The file.
        path: PathBuf,
        /// Each change, with what it concerns and what to write.
        problems: Vec<String>,
    },
    /// The file lacks something, and the check is strict; or an event has no sample, and the file is to be written.
    #[error("{}: the file is not complete:{}", path.display(), list(missing))]
    Incomplete {
        /// The file.
        path: PathBuf,
        /// Each line or sample that it lacks, with what to do.
        missing: Vec<String>,
    },
    /// A sample that the application gives cannot be encoded.
    #[error("a sample is not valid: {0}")]
    Sample(#[from] Invalid),
    /// The environment variable has an unknown value.
    #[error("{VARIABLE} is `{0}`; it can be `update` or `strict`")]
    Mode(String),
}

impl fmt::Debug for GateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn list(items: &[String]) -> String {
    items.iter().map(|item| format!("\n- {item}")).collect()
}
