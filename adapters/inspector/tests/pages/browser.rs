//! A browser without a screen: sends requests to the router and remembers the cookie.

use std::sync::{Arc, Mutex};

use annalist::{Memory, inspector::Inspector};
use annalist_doc_tests::*;
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode, header},
};
use tower::ServiceExt;

/// An app with three accounts and six events, with its commands registered.
pub(crate) async fn registered_bank() -> App {
    let app = App::builder(Memory::new()).commands::<Open>().commands::<Deposit>().projection::<Balance>();
    let app = app.start().await.unwrap();
    for (account, cents) in [("a", 10), ("b", 30), ("c", 20)] {
        app.execute(open(account, "Ann")).await.unwrap();
        app.execute(Deposit { account: id(account), cents }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    app
}

#[derive(Clone)]
pub(crate) struct Browser {
    router: Router,
    cookie: Arc<Mutex<Option<String>>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    pub(crate) fn new(router: Router) -> Self {
        Self { router, cookie: Arc::default() }
    }

    pub(crate) fn of(app: &App) -> Self {
        Self::new(Inspector::new(app).router())
    }

    pub(crate) fn acting(app: &App) -> Self {
        Self::new(Inspector::new(app).allow_actions().router())
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    /// The text of a page, which must exist.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.body
    }

    pub(crate) async fn post(&self, path: &str, fields: &str) -> Answer {
        self.send(Request::post(path), Body::from(fields.to_owned())).await
    }

    /// Loads a page with a form, and sends the form with its token.
    pub(crate) async fn submit(&self, page: &str, path: &str, fields: &str) -> Answer {
        let page = self.page(page).await;
        let token = token(&page).expect("the page has a form");
        self.post(path, &format!("token={token}&{fields}")).await
    }

    pub(crate) async fn send(&self, request: axum::http::request::Builder, body: Body) -> Answer {
        let cookie = self.cookie.lock().unwrap().clone();
        let request = match cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
            *self.cookie.lock().unwrap() = Some(cookie);
        }
        let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }
}

/// The token of the first form of a page.
pub(crate) fn token(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("name=\"token\" value=\"")?;
    rest.split('"').next()
}
