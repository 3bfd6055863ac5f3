//! Which requests are answered.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::time::timeout;

use crate::{failure::Failure, identity::Identity, layout, links::Links, site::Site};

/// The longest time that the authorization of the application may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Responds with 404 in builds in which the inspector is off.
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

/// Asks the application for the identity of the operator, and responds with 403 if there is none.
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
