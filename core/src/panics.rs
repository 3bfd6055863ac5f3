//! Runs user code, such as decisions, folds and handlers, and turns its panics into errors.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures_util::FutureExt;

use crate::error::{Error, Invalid};

/// A panic that was caught. Prints its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    message: String,
}

impl Panic {
    /// The [`Error::Panicked`] that names the function which panicked, as in "the code of `deposit`".
    pub fn into_error(self, function: impl Into<String>) -> Error {
        Error::Panicked { function: function.into(), message: self.message }
    }
}

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Runs a function and catches its panic.
///
/// # Errors
/// [`Panic`] if the function panicked.
pub fn catch<T>(function: impl FnOnce() -> T) -> Result<T, Panic> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| Panic { message: panic_message(&*panic) })
}

/// Runs a future and catches its panic.
///
/// # Errors
/// [`Panic`] if the future panicked.
pub async fn catch_future<F: Future>(future: F) -> Result<F::Output, Panic> {
    let result = AssertUnwindSafe(future).catch_unwind().await;
    result.map_err(|panic| Panic { message: panic_message(&*panic) })
}

/// Runs the code of a command, an aggregate, an event or a projection, which the error names if the code panics.
///
/// # Errors
/// [`Error::Panicked`] if the code panicked, [`Error::Invalid`] if it failed.
pub fn run_user_code<T>(name: &str, code: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Error> {
    match catch(code) {
        Ok(result) => result.map_err(Error::from),
        Err(panic) => Err(panic.into_error(format!("the code of `{name}`"))),
    }
}

/// The message of a caught panic.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn panics_of_functions_and_futures_become_errors_with_their_message() {
        let number = 7;
        let errors = [
            catch(|| panic!("function {number}")).unwrap_err(),
            catch_future(async { panic!("future") }).await.unwrap_err(),
            catch(|| std::panic::panic_any(number)).unwrap_err(),
        ];
        assert_eq!(errors.map(|panic| panic.to_string()), ["function 7", "future", "no message"]);
        let error = run_user_code::<()>("deposit", || panic!("no")).unwrap_err();
        assert_eq!(error.to_string(), "the code of `deposit` panicked: no");
        assert_eq!((catch(|| 1), catch_future(async { 2 }).await), (Ok(1), Ok(2)));
    }
}
