//! What operators do with forms, and which forms are refused.

use annalist::projection::ProjectionOptions;
use annalist_doc_tests::*;
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};

use crate::browser::{Browser, token};

const PROJECTION: &str = "/projections/balances";

#[tokio::test]
async fn pause_is_stored_with_operator_and_reason_and_ends_with_resume() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    let answer = browser.submit(PROJECTION, "/projections/balances/pause", "reason=disk+is+full").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    assert_eq!(answer.headers[header::LOCATION], "../../projections/balances?done=pause");
    let pause = app.overview().await.unwrap()[0].requests.pause.clone().unwrap();
    assert_eq!((pause.actor.as_deref(), pause.reason.as_str()), (Some("inspector"), "disk is full"));
    let page = browser.page("/projections/balances?done=pause").await;
    assert!(page.contains("The pause is requested.") && page.contains("paused"), "{page}");

    let answer = browser.submit(PROJECTION, "/projections/balances/resume", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(app.overview().await.unwrap()[0].requests.pause, None);
}

#[tokio::test]
async fn rebuild_makes_a_new_build_and_old_ones_can_be_deleted() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    let answer = browser.submit(PROJECTION, "/projections/balances/rebuild", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    app.wait_until("balances", |status| status.reads.is_some_and(|table| table.build == 1)).await.unwrap();
    assert!(browser.page(PROJECTION).await.contains("Delete older builds"));
    let answer = browser.submit(PROJECTION, "/projections/balances/discard-old", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(app.overview().await.unwrap()[0].builds.len(), 1);
    let answer = browser.submit(PROJECTION, "/projections/balances/promote", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

/// One test, because the bug of the projection is repaired for the whole process.
#[tokio::test]
async fn parked_events_are_shown_discarded_once_and_retried() {
    let app = savings(ProjectionOptions::new().park()).await.unwrap();
    app.execute(open("bob", "Bob")).await.unwrap();
    for account in ["ann", "bob"] {
        app.execute(Deposit { account: id(account), cents: -5 }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    let position = app.parked("savings").await.unwrap()[0].position;
    let browser = Browser::acting(&app);
    let page = browser.page("/parked").await;
    assert!(page.contains("negative deposit") && page.contains("Retry all"), "{page}");

    let fields = format!("position={position}");
    let without_reason = browser.submit("/parked", "/parked/savings/discard", &fields).await;
    assert_eq!(without_reason.status, StatusCode::BAD_REQUEST);
    let token = token(&page).unwrap().to_owned();
    for expected in ["../../parked?done=discard", "../../parked?done=gone"] {
        let fields = format!("token={token}&{fields}&reason=a+test");
        let answer = browser.post("/parked/savings/discard", &fields).await;
        assert_eq!(answer.headers[header::LOCATION], expected);
    }
    assert_eq!(app.parked("savings").await.unwrap().len(), 1);

    repair();
    let answer = browser.submit("/parked", "/parked/savings/retry", "").await;
    assert_eq!(answer.headers[header::LOCATION], "../../parked?done=retry");
    app.wait_until("savings", |status| status.parked == 0).await.unwrap();
    assert!(browser.page("/parked").await.contains("No event is parked."));
}

#[tokio::test]
async fn foreign_forms_change_nothing() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    let token = token(&browser.page(PROJECTION).await).unwrap().to_owned();
    let other = "ab".repeat(32);
    let pause = "/projections/balances/pause";
    for fields in ["reason=x".to_owned(), "token=&reason=x".to_owned(), format!("token={other}&reason=x")] {
        let answer = browser.post(pause, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{fields}");
        assert!(answer.body.contains("token"), "{}", answer.body);
    }
    let with_token = Body::from(format!("token={token}&reason=x"));
    let foreign = Request::post(pause).header("sec-fetch-site", "cross-site");
    assert_eq!(browser.send(foreign, with_token).await.status, StatusCode::FORBIDDEN);
    // Another browser has another cookie.
    let stranger = Browser::acting(&app);
    assert_eq!(stranger.post(pause, &format!("token={token}&reason=x")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.overview().await.unwrap()[0].requests.pause, None);
    // The same form from the page itself is accepted.
    assert_eq!(browser.post(pause, &format!("token={token}&reason=x")).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn reader_cannot_act_with_a_valid_token() {
    let app = bank().await.unwrap();
    let reader = Browser::of(&app);
    let token = "ab".repeat(32);
    let cookie = format!("annalist_inspector_token={token}");
    let request = Request::post("/projections/balances/pause").header(header::COOKIE, cookie);
    let answer = reader.send(request, Body::from(format!("token={token}&reason=x"))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("allow_actions"), "{}", answer.body);
    assert_eq!(app.overview().await.unwrap()[0].requests.pause, None);
}

#[tokio::test]
async fn actions_on_unknown_names_are_refused_with_a_reason() {
    let app = bank().await.unwrap();
    let browser = Browser::acting(&app);
    for (path, status) in [
        ("/projections/unknown/rebuild", StatusCode::UNPROCESSABLE_ENTITY),
        ("/projections/balances/explode", StatusCode::NOT_FOUND),
        ("/parked/unknown/retry", StatusCode::UNPROCESSABLE_ENTITY),
        ("/parked/balances/explode", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(browser.submit(PROJECTION, path, "").await.status, status, "{path}");
    }
    assert_eq!(browser.get("/projections/balances/pause").await.status, StatusCode::NOT_FOUND);
}
