//! The errors of this package.

use std::error::Error;

/// The result of a step, with any error.
pub type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;
