//! New events as they are appended, by server-sent events.

use std::{convert::Infallible, time::Duration};

use annalist_core::{
    feed::Feed,
    record::{Position, Record},
    store::PageLimit,
};
use axum::{
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, Sse},
    },
};
use futures_util::{Stream, stream};
use maud::{Markup, html};
use serde_json::json;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

use super::events::wanted;
use crate::{
    failure::Failure,
    fragments,
    layout::{self, Section},
    search::Wanted,
    text,
    visit::Visit,
};

/// How long one answer lasts, after which the browser asks again: so a server that shuts down does not wait for browsers.
const LIFETIME: Duration = Duration::from_secs(30);
/// The limit of the events of one message.
const PAGE: PageLimit = PageLimit { records: 100, bytes: 1 << 20 };

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Live", Section::Live, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    wanted(visit)?;
    let end = visit.site.store().settled().await?.position.to_string();
    let source = visit.links.with(
        "live/stream",
        [("type", visit.field("type")), ("tag", visit.field("tag")), ("after", end.as_str())],
    );
    Ok(html! {
        h1 { "Live" }
        form.filter method="get" action=(visit.links.to("live")) role="search" {
            label { span { "Type" } input name="type" value=(visit.field("type")) autocomplete="off" spellcheck="false"; }
            label { span { "Tag" } input name="tag" value=(visit.field("tag")) autocomplete="off" spellcheck="false"; }
            div.buttons { button { "Follow" } a.button.quiet href=(visit.links.to("live")) { "Clear" } }
        }
        noscript { p.notice { "Without JavaScript, load the " a href=(visit.links.to("events")) { "page of the events" } " again." } }
        p.muted role="status" data-live-state="" { "New events appear here, the newest first." }
        div.scroll tabindex="0" role="region" aria-label="New events" {
            table.events data-live=(source) data-events=(visit.links.to("events/")) {
                caption.visually-hidden { "New events, the newest first" }
                thead { tr { th scope="col" { "Position" } th scope="col" { "Type" } th scope="col" { "Tags" } th scope="col" { "Payload" } th scope="col" { "Actor" } th scope="col" { "Time" } } }
                tbody {}
            }
        }
    })
}

/// The events after a position, each as a message with its position as id.
pub(crate) async fn stream(headers: HeaderMap, visit: Visit) -> Response {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let start = match last {
        Some(last) => Ok(Some(Position::new(last).min(Position::END))),
        None => visit.position("after"),
    };
    let opened = start.and_then(|start| Ok((start.unwrap_or(Position::START), wanted(&visit)?)));
    let (start, wanted) = match opened {
        Ok(opened) => opened,
        Err(failure) => return layout::failure_page(&visit.links, &failure),
    };
    let Ok(permit) = visit.site.streams.clone().try_acquire_owned() else {
        return layout::failure_page(&visit.links, &Failure::TooManyStreams);
    };
    Sse::new(messages(Tail::new(visit, wanted, start, permit))).into_response()
}

/// The state of an answer.
struct Tail {
    visit: Visit,
    wanted: Wanted,
    feed: Feed,
    after: Position,
    end: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Tail {
    fn new(visit: Visit, wanted: Wanted, start: Position, permit: OwnedSemaphorePermit) -> Self {
        let feed = visit.site.app.feed(wanted.criteria.clone()).after(start).pages_of(PAGE.records);
        Self { visit, wanted, feed, after: start, end: Instant::now() + LIFETIME, _permit: permit }
    }

    /// The next events, as they are stored. The feed of the app says only that there are some, because it decrypts secrets.
    async fn next(&mut self) -> Option<Vec<Record>> {
        let page = timeout_at(self.end, self.feed.next()).await.ok()?.ok()?;
        let mut records = Vec::new();
        while self.after < page.up_to {
            let stored = self.visit.site.bounded(async {
                Ok(self.visit.site.store().feed(&self.wanted.criteria, self.after, PAGE).await?)
            });
            let stored = stored.await.ok()?;
            let is_complete = !stored.is_full;
            self.after = if is_complete { page.up_to } else { stored.up_to.min(page.up_to) };
            records.extend(stored.records.into_iter().filter(|record| record.position <= page.up_to));
        }
        Some(records)
    }
}

fn messages(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    let pages = stream::unfold(Some(tail), |tail| async {
        let mut tail = tail?;
        match tail.next().await {
            Some(records) => Some((records.iter().map(message).collect(), Some(tail))),
            // The last message says when to ask again.
            None => Some((vec![Event::default().retry(Duration::from_secs(1)).comment("again")], None)),
        }
    });
    use futures_util::StreamExt;
    pages.flat_map(|events: Vec<Event>| stream::iter(events.into_iter().map(Ok)))
}

/// An event for the script, which puts its parts into the page as texts.
fn message(record: &Record) -> Event {
    let tags: Vec<String> = record.tags.iter().take(4).map(|tag| text::cell(tag.as_str())).collect();
    let data = json!({
        "position": record.position.get(),
        "type": text::cell(&record.name),
        "tags": tags.join(" "),
        "payload": text::one_line(&record.data),
        "actor": fragments::actor(record),
        "time": record.recorded_at.to_string(),
    });
    Event::default().id(record.position.to_string()).data(data.to_string())
}
