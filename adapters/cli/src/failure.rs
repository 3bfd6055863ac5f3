//! Why a verb failed, and the exit code for it.

use std::io;

use annalist_core::{Error, error::Invalid, transfer::TransferError};
use serde_json::{Value, json};

/// Why a verb did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The store, the log or a file does not allow it.
    #[error(transparent)]
    Failed(#[from] Failed),
    /// Nothing has the given name or position.
    #[error("{0}")]
    NotFound(String),
    /// A verification found defects, which are printed already.
    #[error("{0} defects were found")]
    Defects(u64),
    /// `doctor` found problems, which are printed already.
    #[error("problems: {0}")]
    Problems(u64),
    /// The reader of the output has closed it, as `head` does. This is not an error of the program.
    #[error("the output is closed")]
    OutputClosed,
}

/// The errors of the layers below.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("{place}: {source}")]
    File { place: String, source: io::Error },
    #[error("the output cannot be written: {0}")]
    Output(io::Error),
}

impl Failure {
    /// The error of a file, with its path.
    pub(crate) fn of_file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let place = path.display().to_string();
        |source| Self::Failed(Failed::File { place, source })
    }

    /// The exit code of the process: see the table of [`Program`](crate::Program).
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Failed(_) => 1,
            Self::NotFound(_) => 3,
            Self::Defects(_) | Self::Problems(_) => 4,
        }
    }

    /// The error for programs.
    pub(crate) fn to_json(&self) -> Value {
        let code = match self {
            Self::OutputClosed => "output_closed",
            Self::Failed(_) => "failed",
            Self::NotFound(_) => "not_found",
            Self::Defects(_) => "defects",
            Self::Problems(_) => "problems",
        };
        json!({ "code": code, "message": self.to_string() })
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failed::Store(error).into()
    }
}

impl From<Invalid> for Failure {
    fn from(error: Invalid) -> Self {
        Error::from(error).into()
    }
}

impl From<TransferError> for Failure {
    fn from(error: TransferError) -> Self {
        Failed::Transfer(error).into()
    }
}

/// Errors of files carry their path: see [`Failure::of_file`]. Those without one are errors of the output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Failed::Output(error).into(),
        }
    }
}
