//! Which requests are answered, and the identity of the operator.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{StatusCode, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::{failure::Failure, layout, links::Links, site::Site};

/// The function of the application that authorizes a request.
pub(crate) type Authorize = Arc<dyn Fn(Parts) -> Authorizing + Send + Sync>;
type Authorizing = Pin<Box<dyn Future<Output = Option<Identity>> + Send>>;

/// The longest time that the authorization of the application may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An operator, as the application knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name that is stored with the operator's requests.
    pub name: String,
    /// Whether the operator may rebuild, pause, retry and the like, if the inspector allows actions at all.
    pub may_act: bool,
}

impl Default for Identity {
    /// The operator `inspector`, who may act.
    fn default() -> Self {
        Self { name: "inspector".to_owned(), may_act: true }
    }
}

/// Answers 404 in builds in which the inspector is off.
pub(crate) async fn serve_if_allowed(
    State(site): State<Arc<Site>>,
    request: Request,
    next: Next,
) -> Response {
    if site.is_served {
        return next.run(request).await;
    }
    site.log_that_it_is_off();
    StatusCode::NOT_FOUND.into_response()
}

/// Asks the application for the identity of the operator, and answers 403 if there is none.
pub(crate) async fn check(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let identity = match &site.authorize {
        None => Some(Identity::default()),
        Some(authorize) => match timeout(TIMEOUT, authorize(parts.clone())).await {
            Ok(identity) => identity,
            Err(_) => {
                return layout::failure_page(&Links::of(&parts), &Failure::AuthorizationTooSlow(TIMEOUT));
            }
        },
    };
    match identity {
        Some(mut identity) => {
            identity.may_act &= site.allows_actions;
            let mut request = Request::from_parts(parts, body);
            request.extensions_mut().insert(identity);
            next.run(request).await
        }
        None => layout::failure_page(&Links::of(&parts), &Failure::Forbidden),
    }
}
