//! The pages of the bank for a browser.

use annalist::{
    App,
    inspector::{Inspector, health_routes},
};
use axum::Router;
use tokio::{net::TcpListener, signal};

use crate::operate::Failure;

/// Serves the inspector of the bank, with its actions, until Ctrl-C. The listener should have an address that only operators reach, since no page
/// asks for their name.
///
/// # Errors
/// Returns an error if the server fails.
pub async fn serve(app: &App, listener: TcpListener) -> Result<(), Failure> {
    let inspector = Inspector::new(app).allow_release_builds().allow_actions().router();
    let routes = Router::new().merge(health_routes(app)).fallback_service(inspector);
    let interrupted = async {
        // Without a signal handler the process ends at once, which is right, too.
        let _ = signal::ctrl_c().await;
    };
    axum::serve(listener, routes).with_graceful_shutdown(interrupted).await?;
    Ok(())
}
