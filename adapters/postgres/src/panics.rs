//! Runs user code and turns its panics into errors.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use annalist_core::error::Error;
use futures_util::FutureExt;

/// Calls a function. A panic becomes an error that names `function`.
pub(crate) fn catch<T>(function: impl FnOnce() -> String, code: impl FnOnce() -> T) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(code)).map_err(|panic| panicked(function(), &*panic))
}

/// Awaits a future. A panic becomes an error that names `function`.
pub(crate) async fn catch_future<T>(
    function: impl FnOnce() -> String,
    code: impl Future<Output = T>,
) -> Result<T, Error> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|panic| panicked(function(), &*panic))
}

fn panicked(function: String, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::Panicked { function, message: text.unwrap_or_else(|| "no message".to_owned()) }
}
