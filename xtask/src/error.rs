//! The error of every command.

/// The result of a command: any error can be printed.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
