//! Why a page cannot be shown, and what to do.

use std::time::Duration;

use annalist_core::error::{Error, Invalid};
use axum::http::StatusCode;

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The URL or a field of a form is wrong.
    BadInput(String),
    /// Nothing has the given name or position.
    NotFound(String),
    /// The application does not let the operator in.
    Forbidden,
    /// The form did not come from a page of the inspector.
    ForeignForm,
    /// The operator may only look.
    ReadOnly,
    /// The content took too long.
    TooSlow { store: String, limit: Duration },
    /// The authorization of the application took too long.
    AuthorizationTooSlow(Duration),
    /// Too many browsers follow the log.
    TooManyStreams,
    /// The application refused it, or the store did not answer.
    App(Error),
}

impl Failure {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::BadInput(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden | Self::ForeignForm | Self::ReadOnly => StatusCode::FORBIDDEN,
            Self::TooSlow { .. } | Self::AuthorizationTooSlow(_) | Self::TooManyStreams => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::App(error) => match error {
                Error::Invalid(_) | Error::Unusable { .. } => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Panicked { .. } => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    pub(crate) fn title(&self) -> &'static str {
        match self {
            Self::BadInput(_) => "This cannot be read",
            Self::NotFound(_) => "Not found",
            Self::Forbidden => "No access",
            Self::ForeignForm => "The form was not accepted",
            Self::ReadOnly => "Read only",
            Self::TooSlow { .. } => "This took too long",
            Self::AuthorizationTooSlow(_) => "No answer about your access",
            Self::TooManyStreams => "Too many browsers follow the log",
            Self::App(error) => match error {
                Error::Invalid(_) | Error::Unusable { .. } => "The application refused this",
                Error::Panicked { .. } => "The code of the application panicked",
                _ => "The store does not answer",
            },
        }
    }

    /// What happened, in a sentence.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::BadInput(message) | Self::NotFound(message) => message.clone(),
            Self::Forbidden => "The application does not give you access to the inspector.".to_owned(),
            Self::ForeignForm => "Its token is missing or wrong, so nothing was changed.".to_owned(),
            Self::ReadOnly => "Nothing was changed: you may look, but not act.".to_owned(),
            Self::TooSlow { store, limit } => {
                format!(
                    "The page was not complete within {} seconds. The store is the {store}.",
                    limit.as_secs()
                )
            }
            Self::AuthorizationTooSlow(limit) => {
                format!("The application did not decide within {} seconds.", limit.as_secs())
            }
            Self::TooManyStreams => {
                "Each open live page is one connection, and their number is limited.".to_owned()
            }
            Self::App(error) => error.to_string(),
        }
    }

    /// What to do.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::BadInput(_) => "Correct the field or the address, and load the page again.",
            Self::NotFound(_) => "Follow a link of the navigation to see what exists.",
            Self::Forbidden => "Sign in to the application as an operator, or ask for the right.",
            Self::ForeignForm => {
                "Go back, load the page again, and submit the form again. The browser must accept the cookie."
            }
            Self::ReadOnly => {
                "The application allows actions with `Inspector::allow_actions`, and grants them with the identity of the operator."
            }
            Self::TooSlow { .. } => {
                "Load the page again, choose a shorter range, or look at the load of the database. Commands are not affected."
            }
            Self::AuthorizationTooSlow(_) => "Load the page again in a while.",
            Self::TooManyStreams => "Close live pages that are not needed, and load the page again.",
            Self::App(Error::Invalid(_) | Error::Unusable { .. }) => {
                "Read the reason above; nothing was changed."
            }
            Self::App(Error::Panicked { .. }) => {
                "Correct the code of the application. The log is not affected."
            }
            Self::App(_) => "See whether the database runs and can be reached, and load the page again.",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::App(error)
    }
}

impl From<Invalid> for Failure {
    fn from(error: Invalid) -> Self {
        Self::App(error.into())
    }
}
