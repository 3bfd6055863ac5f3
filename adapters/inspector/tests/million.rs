//! The time of the first page with a million events in SQLite.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a measurement

use std::time::{Duration, Instant};

use annalist::{
    Sqlite, Tag,
    manual::Payload,
    store::{Append, AppendOutcome, Draft},
};
use annalist_doc_tests::*;
use axum::{body::Body, http::Request};
use tower::ServiceExt;

const EVENTS: usize = 1_000_000;
const PER_APPEND: usize = 5_000;

#[tokio::test]
#[ignore = "a measurement of about a minute: --ignored --nocapture"]
async fn first_page_of_a_million_events() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("log.db")).await.unwrap();
    let app = App::builder(store).commands::<Open>().start().await.unwrap();
    let draft = |number: usize| {
        let account = format!("a{}", number % 50_000);
        let data = Payload::parse(format!(r#"{{"account":"{account}","owner":"Ann"}}"#)).unwrap();
        Draft::new("account.opened", 1, [Tag::new("account", account).unwrap()], data).unwrap()
    };
    for start in (0..EVENTS).step_by(PER_APPEND) {
        let append = Append { events: (start..start + PER_APPEND).map(draft).collect(), ..Append::default() };
        assert!(matches!(app.store().append_one(append).await.unwrap(), AppendOutcome::Appended(_)));
    }
    let router = annalist::inspector::router(&app);
    let pages = [
        "/",
        "/events",
        "/events?tag=account:a7",
        "/events?at=500000",
        "/events/500000",
        "/types",
        "/journal",
    ];
    for path in pages {
        let mut times: Vec<Duration> = Vec::new();
        for _ in 0..5 {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let start = Instant::now();
            let response = router.clone().oneshot(request).await.unwrap();
            times.push(start.elapsed());
            assert!(response.status().is_success(), "{path}");
        }
        let milliseconds: Vec<String> =
            times.iter().map(|time| format!("{:.1}", time.as_secs_f64() * 1e3)).collect();
        println!("{path:<28} first {} ms, then {} ms", milliseconds[0], milliseconds[1..].join(", "));
    }
}
