//! The pages, one in each file.

pub(crate) mod aggregate;
pub(crate) mod aggregates;
pub(crate) mod correlation;
pub(crate) mod event;
pub(crate) mod events;
pub(crate) mod journal;
pub(crate) mod live;
pub(crate) mod model;
pub(crate) mod overview;
pub(crate) mod parked;
pub(crate) mod projection;
pub(crate) mod projections;
pub(crate) mod types;

use axum::response::Response;

use crate::{failure::Failure, layout, visit::Visit};

/// The answer to a request for a page that does not exist.
pub(crate) async fn missing(visit: Visit) -> Response {
    let failure = Failure::NotFound("The inspector has no such page.".to_owned());
    layout::failure_page(&visit.links, &failure)
}
