//! What an operator may see and do, and the headers of the answers.

use annalist::inspector::{Identity, Inspector};
use annalist_doc_tests::*;
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};

use crate::browser::Browser;

#[tokio::test]
async fn release_builds_serve_nothing_unless_they_are_allowed_to() {
    let app = bank().await.unwrap();
    let release = || Inspector::new(&app).with_debug_assertions(false);
    for path in ["/", "/events", "/assets/x", "/unknown"] {
        let answer = Browser::new(release().router()).get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (StatusCode::NOT_FOUND, ""), "{path}");
    }
    assert_eq!(Browser::new(release().allow_release_builds().router()).get("/").await.status, StatusCode::OK);
    let debug = Inspector::new(&app).with_debug_assertions(true);
    assert_eq!(Browser::new(debug.router()).get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn request_without_identity_gets_403() {
    let app = bank().await.unwrap();
    let inspector = Inspector::new(&app).allow_actions().authorize(|parts| async move {
        let name = parts.headers.get("x-operator")?.to_str().ok()?.to_owned();
        Some(Identity { may_act: name == "ada", name })
    });
    let browser = Browser::new(inspector.router());
    for path in ["/", "/events", "/live/stream", "/unknown"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert!(!answer.body.contains("account"), "{}", answer.body);
    }
    let as_operator = async |name: &str, path: &str| {
        browser.send(Request::get(path).header("x-operator", name), Body::empty()).await
    };
    let page = as_operator("bob", "/projections/balances").await;
    assert!(
        page.body.contains("read only") && !page.body.contains("<form class=\"action\""),
        "{}",
        page.body
    );
    assert!(page.headers.get(header::SET_COOKIE).is_none());
    let page = as_operator("ada", "/projections/balances").await;
    assert!(page.body.contains("may act") && page.body.contains("<form class=\"action\""), "{}", page.body);
}

#[tokio::test]
async fn every_answer_has_the_headers() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    for path in ["/", "/events/1", "/events/999", "/unknown", "/live/stream?tag=%00", "/assets/none"] {
        let headers = browser.get(path).await.headers;
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert_eq!(
            policy,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
            "{path}"
        );
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn cookie_is_strict_and_not_for_scripts() {
    let app = bank().await.unwrap();
    let cookie = Browser::acting(&app).get("/projections/balances").await.headers[header::SET_COOKIE].clone();
    let cookie = cookie.to_str().unwrap();
    assert!(cookie.contains("SameSite=Strict") && cookie.contains("HttpOnly"), "{cookie}");
    let reader = Browser::of(&app);
    assert!(reader.get("/projections/balances").await.headers.get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn pages_have_nothing_inline_and_nothing_from_elsewhere() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    for path in
        ["/", "/events", "/events/1", "/aggregates", "/projections/balances", "/model", "/live", "/types"]
    {
        let page = browser.page(path).await;
        for inline in [" style=", "<style", "onclick=", "http://", "https://", "javascript:"] {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
    }
}

#[tokio::test]
async fn style_and_script_are_stored_by_the_browser() {
    let app = bank().await.unwrap();
    let browser = Browser::of(&app);
    let page = browser.page("/").await;
    for start in ["href=\"./assets/style-", "src=\"./assets/script-"] {
        let rest = page.split_once(start).unwrap().1.split('"').next().unwrap();
        let name = start.rsplit('/').next().unwrap();
        let file = browser.get(&format!("/assets/{name}{rest}")).await;
        assert_eq!(file.status, StatusCode::OK);
        assert!(file.headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
}

#[tokio::test]
async fn links_work_wherever_the_router_is_nested() {
    let app = bank().await.unwrap();
    let nested = Router::new().nest("/deep/inspector", annalist::inspector::router(&app));
    let browser = Browser::new(nested);
    assert!(browser.page("/deep/inspector").await.contains("href=\"inspector/events\""));
    assert!(browser.page("/deep/inspector/events").await.contains("href=\"./events/1\""));
    assert!(browser.page("/deep/inspector/events/1").await.contains("href=\"../events\""));
}
