//! Why a case failed, and the macros that say so.

use std::{fmt, panic::Location};

use annalist_core::{BoxError, Error, Invalid};
use tokio::task::JoinError;

/// Why a case failed: what was expected, what happened instead, and where the case asked.
#[derive(Clone, Debug)]
pub struct Failure {
    message: String,
    at: &'static Location<'static>,
}

/// What a case returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this message, at the line that calls it.
    #[track_caller]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: Location::caller() }
    }

    /// The same, asked at another line.
    pub(crate) fn asked_at(self, at: &'static Location<'static>) -> Self {
        Self { at, ..self }
    }

    /// The same, told as a part of something larger.
    pub(crate) fn within(self, whole: impl fmt::Display) -> Self {
        Self { message: format!("{whole}: {}", self.message), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  asked at {}", self.message, self.at)
    }
}

impl std::error::Error for Failure {}

impl From<Error> for Failure {
    #[track_caller]
    fn from(error: Error) -> Self {
        Self::new(format!("the store answered with an error: {}", chain(&error)))
    }
}

impl From<Invalid> for Failure {
    #[track_caller]
    fn from(invalid: Invalid) -> Self {
        Self::new(format!("the core refused what the case made: {}", chain(&invalid)))
    }
}

impl From<BoxError> for Failure {
    #[track_caller]
    fn from(error: BoxError) -> Self {
        Self::new(format!("the log could not be made or opened: {}", chain(error.as_ref())))
    }
}

/// An error with its causes, none of them said twice.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
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

/// Fails the case unless both sides are equal; the message says what was compared.
macro_rules! ensure_eq {
    ($got:expr, $wanted:expr, $($what:tt)+) => {
        match (&$got, &$wanted) {
            (got, wanted) => ensure!(
                *got == *wanted,
                "{}\n  expected {}\n  got      {}",
                format!($($what)+),
                $crate::failure::short(&wanted),
                $crate::failure::short(&got)
            ),
        }
    };
}

/// What a value looks like, cut to what a person can read: payloads of a megabyte are compared too.
pub(crate) fn short(value: &dyn fmt::Debug) -> String {
    let text = format!("{value:?}");
    match text.char_indices().nth(2_000) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}
