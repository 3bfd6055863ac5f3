//! The health of an application, for orchestrators.

use annalist_core::app::App;
use axum::{
    Router,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};

/// The routes `health/live` and `health/ready`, which need no authorization: 200 or 503, and the problems as lines of text.
///
/// They belong on a port or a path that only the orchestrator reaches, because the lines may name projections and errors.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::inspector::health_routes;
///
/// let routes = axum::Router::new().merge(health_routes(&app));
/// # drop::<axum::Router>(routes);
/// # Ok(())
/// # });
/// ```
pub fn health_routes(app: &App) -> Router {
    Router::new().route("/health/live", get(live)).route("/health/ready", get(ready)).with_state(app.clone())
}

async fn live(State(app): State<App>) -> Response {
    let health = app.health().await;
    answer(health.is_live(), &health.problems)
}

async fn ready(State(app): State<App>) -> Response {
    let health = app.health().await;
    answer(health.is_ready(), &health.problems)
}

fn answer(is_well: bool, problems: &[impl std::fmt::Display]) -> Response {
    let status = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let text = if lines.is_empty() { "ok\n".to_owned() } else { lines.join("\n") + "\n" };
    (status, text).into_response()
}
