//! The operator of a request.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::http::request::Parts;

/// An operator, as the application knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that is stored with the operator's requests.
    pub name: String,
    /// Whether the operator may rebuild, pause, retry and the like, if the inspector allows actions at all.
    pub may_act: bool,
}

impl Default for Identity {
    /// The operator `inspector`, with the right to act.
    fn default() -> Self {
        Self { name: "inspector".to_owned(), may_act: true }
    }
}

/// The function of the application that authorizes a request.
pub(crate) type Authorize = Arc<dyn Fn(Parts) -> Authorizing + Send + Sync>;
type Authorizing = Pin<Box<dyn Future<Output = Option<Identity>> + Send>>;
