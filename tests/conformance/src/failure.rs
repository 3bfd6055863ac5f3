//! Why a case failed, and the macros that check and fail.

use std::{fmt, panic::Location};

use annalist_core::{BoxError, Error, Invalid};
use tokio::task::JoinError;

/// Why a case failed: what was expected, what was found, and the line of the case.
#[derive(Clone, Debug)]
pub struct Failure {
    message: String,
    location: &'static Location<'static>,
}

/// What a case returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// Creates a failure at the line of the caller.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), location: Location::caller() }
    }

    /// Puts a context in front of the message.
    pub(crate) fn in_context(self, context: impl fmt::Display) -> Self {
        Self { message: format!("{context}: {}", self.message), ..self }
    }
}

/// Runs a check; a failure reports this location instead of its own.
pub(crate) async fn located<T>(
    location: &'static Location<'static>,
    check: impl Future<Output = Outcome<T>>,
) -> Outcome<T> {
    check.await.map_err(|failure| Failure { location, ..failure })
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  at {}", self.message, self.location)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format!("the store returned an error: {}", with_causes(&error)))
    }
}

impl From<Invalid> for Failure {
    #[track_caller]
    fn from(invalid: Invalid) -> Self {
        Self::new(format!("the core refused the input of the case: {}", with_causes(&invalid)))
    }
}

impl From<BoxError> for Failure {
    #[track_caller]
    fn from(error: BoxError) -> Self {
        Self::new(format!("the log could not be created or opened: {}", with_causes(error.as_ref())))
    }
}

/// The text of an error and of its causes, without repetitions.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

/// The failure of a task that panicked.
pub(crate) fn panicked(error: JoinError) -> Failure {
    let message = match error.try_into_panic() {
        Ok(panic) => match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
            (Some(text), _) => (*text).to_owned(),
            (_, Some(text)) => text.clone(),
            _ => "a panic without a message".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    Failure::new(format!("the case or the store panicked: {message}"))
}

/// Fails the case with a formatted message unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::Failure::new(format!($($message)+)));
        }
    };
}

/// Fails the case unless both values are equal; the message names what was compared.
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($what:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => ensure!(
                *found == *expected,
                "{}\n  expected {}\n  found    {}",
                format!($($what)+),
                $crate::failure::shortened(&expected),
                $crate::failure::shortened(&found)
            ),
        }
    };
}

/// The debug text of a value, cut to a readable length: payloads of a megabyte are compared too.
pub(crate) fn shortened(value: &dyn fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(2_000) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
