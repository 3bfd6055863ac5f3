//! Long logs, and stores that do not answer.

use annalist::{
    Memory, Sqlite, Tag,
    manual::Payload,
    store::{Append, AppendOutcome, Draft},
};
use annalist_doc_tests::*;
use axum::http::StatusCode;

use crate::browser::Browser;

/// Appends so many events, a thousand in each append.
async fn fill(app: &App, events: usize) {
    let draft = |number: usize| {
        let data = Payload::parse(format!(r#"{{"account":"a{number}","owner":"Ann"}}"#)).unwrap();
        Draft::new("account.opened", 1, [Tag::new("account", format!("a{number}")).unwrap()], data).unwrap()
    };
    for start in (0..events).step_by(1_000) {
        let events = (start..events.min(start + 1_000)).map(draft).collect();
        let append = Append { events, ..Append::default() };
        assert!(matches!(app.store().append_one(append).await.unwrap(), AppendOutcome::Appended(_)));
    }
}

#[tokio::test]
async fn long_log_is_paged_in_both_directions_without_gaps() {
    let app = App::builder(Memory::new()).commands::<Open>().start().await.unwrap();
    fill(&app, 10_000).await;
    let browser = Browser::of(&app);
    let links = |page: &str| -> Vec<u64> {
        let links =
            page.split("<a href=\"./events/").skip(1).filter_map(|rest| rest.split('"').next()?.parse().ok());
        links.collect()
    };
    let next = |page: &str, rel: &str| -> Option<String> {
        let rest = page.split_once(&format!("rel=\"{rel}\" href=\"."))?.1;
        Some(rest.split('"').next()?.replace("&amp;", "&"))
    };
    let (mut path, mut wanted) = ("/events".to_owned(), 10_000);
    for _ in 0..5 {
        let page = browser.page(&path).await;
        assert_eq!(links(&page), (wanted - 49..=wanted).rev().collect::<Vec<_>>());
        wanted -= 50;
        path = next(&page, "next").unwrap();
    }
    let page = browser.page(&path).await;
    let newer = browser.page(&next(&page, "prev").unwrap()).await;
    assert_eq!(links(&newer), (wanted + 1..=wanted + 50).rev().collect::<Vec<_>>());
    let first = browser.page("/events?at=60").await;
    let oldest = browser.page(&next(&first, "next").unwrap()).await;
    assert_eq!(links(&oldest), (1..=10).rev().collect::<Vec<_>>());
    assert_eq!(next(&oldest, "next"), None);
    // A rare tag is found from the end.
    assert_eq!(links(&browser.page("/events?tag=account:a7").await), [8]);
}

#[tokio::test]
async fn search_without_an_index_stops_and_continues() {
    let app = App::builder(Memory::new()).commands::<Open>().start().await.unwrap();
    app.execute(open("first", "Ann")).actor("rare").await.unwrap();
    fill(&app, 21_000).await;
    let browser = Browser::of(&app);
    let page = browser.page("/events?actor=rare").await;
    assert!(page.contains("No event found so far."), "{page}");
    let rest = page.split_once("rel=\"next\" href=\".").unwrap().1.split('"').next().unwrap();
    let page = browser.page(&rest.replace("&amp;", "&")).await;
    assert!(page.contains("./events/1\""), "{page}");
}

#[tokio::test]
async fn store_that_goes_away_gets_a_page_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("log.db")).await.unwrap();
    let app = App::builder(store.clone()).commands::<Open>().start().await.unwrap();
    app.execute(open("ann", "Ann")).await.unwrap();
    let browser = Browser::of(&app);
    browser.page("/events").await;
    store.close().await;
    let answer = browser.get("/events").await;
    assert!(answer.status.is_server_error(), "{}", answer.status);
    assert!(answer.body.contains("The store does not answer"), "{}", answer.body);
    assert_ne!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
}
