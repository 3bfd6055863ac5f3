//! The options of the inspector, and its router.

use std::{future::Future, sync::Arc};

use annalist_core::app::App;
use axum::{
    Router,
    http::request::Parts,
    middleware,
    routing::{get, post},
};

use crate::{
    access, actions, assets, headers,
    identity::{Authorize, Identity},
    pages,
    site::Site,
};

/// The pages of an application that only show: `Inspector::new(app).router()`.
pub fn router(app: &App) -> Router {
    Inspector::new(app).router()
}

/// The pages of an application, with their options.
///
/// Without options they show and change nothing, and a build without debug assertions does not serve them.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::inspector::Inspector;
///
/// let pages = Inspector::new(&app).allow_release_builds().allow_actions().router();
/// let routes = axum::Router::new().nest("/inspector", pages);
/// # drop::<axum::Router>(routes);
/// # Ok(())
/// # });
/// ```
#[must_use = "the pages are served by the router"]
pub struct Inspector {
    app: App,
    allows_actions: bool,
    is_served: bool,
    authorize: Option<Authorize>,
}

impl Inspector {
    /// The inspector of an application, which may be started with or without its projections.
    pub fn new(app: &App) -> Self {
        Self { app: app.clone(), allows_actions: false, is_served: cfg!(debug_assertions), authorize: None }
    }

    /// Allows to operate projections, policies and parked events: to rebuild, pause, resume, promote, retry and discard.
    pub fn allow_actions(self) -> Self {
        Self { allows_actions: true, ..self }
    }

    /// Serves the pages in release builds, too. Without it, a build without debug assertions answers every request with 404, and logs why
    /// once.
    pub fn allow_release_builds(self) -> Self {
        Self { is_served: true, ..self }
    }

    /// Behaves as a build with or without debug assertions, for tests of both.
    #[doc(hidden)]
    pub fn with_debug_assertions(self, debug_assertions: bool) -> Self {
        Self { is_served: debug_assertions, ..self }
    }

    /// Asks the application about each request. The function gets the head of the request, and returns the identity of the operator;
    /// without one the answer is 403. Its name is stored with the requests to projections. Without a function, every request is that of
    /// the operator `inspector`, with the right to act if [actions are allowed](Inspector::allow_actions).
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::inspector::{Identity, Inspector};
    ///
    /// let inspector = Inspector::new(&app).allow_actions().authorize(|request| async move {
    ///     let name = request.headers.get("x-user")?.to_str().ok()?.to_owned();
    ///     Some(Identity { may_act: name == "ada", name })
    /// });
    /// # drop(inspector.router());
    /// # Ok(())
    /// # });
    /// ```
    pub fn authorize<F, I>(self, authorize: F) -> Self
    where
        F: Fn(Parts) -> I + Send + Sync + 'static,
        I: Future<Output = Option<Identity>> + Send + 'static,
    {
        let authorize: Authorize = Arc::new(move |parts| Box::pin(authorize(parts)));
        Self { authorize: Some(authorize), ..self }
    }

    /// The routes, to [nest](Router::nest) at any path or to serve at the root.
    pub fn router(self) -> Router {
        let Self { app, allows_actions, is_served, authorize } = self;
        let site = Arc::new(Site::new(app, allows_actions, is_served, authorize));
        Router::new()
            .route("/", get(pages::overview::show))
            .route("/events", get(pages::events::show))
            .route("/events/{position}", get(pages::event::show))
            .route("/aggregates", get(pages::aggregates::show))
            .route("/aggregate", get(pages::aggregate::show))
            .route("/correlation", get(pages::correlation::show))
            .route("/projections", get(pages::projections::show))
            .route("/projections/{name}", get(pages::projection::show))
            .route("/projections/{name}/{action}", post(actions::on_projection))
            .route("/parked", get(pages::parked::show))
            .route("/parked/{name}/{action}", post(actions::on_parked))
            .route("/journal", get(pages::journal::show))
            .route("/types", get(pages::types::show))
            .route("/model", get(pages::model::show))
            .route("/live", get(pages::live::show))
            .route("/live/stream", get(pages::live::stream))
            .fallback(pages::missing)
            .method_not_allowed_fallback(pages::missing)
            .layer(middleware::from_fn_with_state(Arc::clone(&site), access::check))
            .route("/assets/{file}", get(assets::serve))
            .layer(middleware::from_fn_with_state(Arc::clone(&site), access::serve_if_allowed))
            .layer(middleware::map_response(headers::protect))
            .with_state(site)
    }
}

impl std::fmt::Debug for Inspector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspector")
            .field("app", &self.app)
            .field("allows_actions", &self.allows_actions)
            .field("is_served", &self.is_served)
            .field("has_authorization", &self.authorize.is_some())
            .finish()
    }
}
