//! The web inspector: pages that show a running application, and operate it.
//!
//! The router can be nested at any path of an axum server, which also serves the routes of the application. The pages are rendered on the
//! server, bring their own style, and load nothing from elsewhere.
//!
//! ```
//! # use annalist_doc_tests::*;
//! # run(async {
//! # let app = bank().await?;
//! use annalist::inspector::{Inspector, health_routes};
//!
//! let inspector = Inspector::new(&app).allow_actions().router();
//! let routes = axum::Router::new().nest("/inspector", inspector).merge(health_routes(&app));
//! # drop::<axum::Router>(routes);
//! # Ok(())
//! # });
//! ```
//!
//! `docs/inspector.md` of the repository describes the pages, the rights and the limits.

#[doc(inline)]
pub use annalist_inspector::{Identity, Inspector, health_routes, router};
