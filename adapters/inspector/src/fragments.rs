//! Parts of several pages.

use annalist_core::{
    app::Overview,
    projection::{State, Status},
    record::{Metadata, Record},
    tag::Tag,
    time::Timestamp,
};
use maud::{Markup, html};

use crate::{
    text::{self, MAX_TEXT, age, cell, cut, one_line, visible},
    visit::Visit,
};

/// A time in words, with the exact one.
pub(crate) fn time(time: Timestamp, now: Timestamp) -> Markup {
    let exact = time.to_string();
    html! { time datetime=(exact) title=(exact) { (age(time, now)) } }
}

/// An id in a fixed width; the script adds a button that copies all of it.
pub(crate) fn id(id: &str) -> Markup {
    let (start, is_cut) = cut(id, 64);
    let shown = if is_cut { format!("{}…", visible(start)) } else { visible(id) };
    html! { code.id data-copy=(id) title=[is_cut.then_some(visible(cut(id, 1000).0))] { bdi { (shown) } } }
}

/// A UUID: the part that differs between neighbours.
pub(crate) fn short_uuid(uuid: &str) -> Markup {
    let end = uuid.rsplit('-').next().unwrap_or(uuid);
    html! { code.id data-copy=(uuid) title=(uuid) { "…" (visible(end)) } }
}

/// A text of any size in its own lines, cut unless the query asks for all of it.
pub(crate) fn block(text: &str, visit: &Visit, all: &str) -> Markup {
    let is_full = visit.field("full") == "1";
    let (shown, is_cut) = if is_full { (text, false) } else { cut(text, MAX_TEXT) };
    html! {
        pre tabindex="0" role="region" aria-label="Text" { code { (visible(shown)) @if is_cut { "…" } } }
        @if is_cut {
            p.muted { (text::number(text.len() as u64)) " bytes. " a href=(all) { "Show all" } }
        }
    }
}

/// Tags as links to their events.
pub(crate) fn tags(tags: &[Tag], visit: &Visit) -> Markup {
    const SHOWN: usize = 4;
    html! {
        span.tags {
            @for tag in tags.iter().take(SHOWN) {
                a.tag href=(visit.links.with("events", [("tag", tag.as_str())])) { bdi { (cell(tag.as_str())) } }
            }
            @if tags.len() > SHOWN { span.muted { "+" (tags.len() - SHOWN) } }
        }
    }
}

/// The name of an event type, with its version if it is not the first.
pub(crate) fn event_name(record: &Record) -> Markup {
    html! {
        bdi { (cell(&record.name)) }
        @if record.version > 1 { span.muted { " v" (record.version) } }
    }
}

/// A table of events, the newest first.
pub(crate) fn events(records: &[Record], caption: &str, visit: &Visit) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table.events {
                caption.visually-hidden { (caption) }
                thead {
                    tr { th scope="col" { "Position" } th scope="col" { "Type" } th scope="col" { "Tags" } th scope="col" { "Payload" } th scope="col" { "Actor" } th scope="col" { "Time" } }
                }
                tbody {
                    @for record in records {
                        tr {
                            th scope="row" { a href=(visit.links.event(record.position)) { (record.position) } }
                            td.type { (event_name(record)) }
                            td { (tags(&record.tags, visit)) }
                            td.payload { code { bdi { (one_line(&record.data)) } } }
                            td { bdi { (actor(record)) } }
                            td.time { (time(record.recorded_at, visit.now)) }
                        }
                    }
                }
            }
        }
    }
}

/// The actor of an event; empty if there is none or the metadata are damaged.
pub(crate) fn actor(record: &Record) -> String {
    metadata(record)
        .and_then(|metadata| metadata.actor.as_ref())
        .map(|actor| cell(actor.as_str()))
        .unwrap_or_default()
}

pub(crate) fn metadata(record: &Record) -> Option<&Metadata> {
    record.metadata().ok()
}

/// What a page without content says.
pub(crate) fn empty(what: &str, advice: &str) -> Markup {
    html! { div.empty { p { b { (what) } } p.muted { (advice) } } }
}

/// The state of a projection or policy in a word.
pub(crate) fn state(overview: &Overview) -> Markup {
    let (class, word) = state_word(&overview.status, overview);
    html! { span class={ "state " (class) } { (word) } }
}

fn state_word(status: &Status, overview: &Overview) -> (&'static str, &'static str) {
    if overview.requests.pause.is_some() {
        return ("warn", "paused");
    }
    match &status.state {
        State::Paused(_) => ("warn", "paused"),
        State::Stopped(_) => ("bad", "stopped"),
        State::Waiting { .. } => ("warn", "waiting"),
        _ if status.promotion_blocked.is_some() => ("warn", "promotion blocked"),
        _ if status.building.is_some() => ("busy", "building"),
        State::CatchingUp => ("busy", "catching up"),
        State::CaughtUp => ("good", "caught up"),
        State::Inline => ("good", "inline"),
        State::Standby => ("calm", "standby"),
    }
}

/// Why a projection or policy does not handle events, if it does not.
pub(crate) fn reason(overview: &Overview) -> Option<String> {
    match &overview.status.state {
        State::Stopped(stopped) => Some(stopped.to_string()),
        State::Paused(pause) => Some(pause.to_string()),
        State::Waiting { reason } => Some(reason.clone()),
        _ => overview.status.promotion_blocked.clone(),
    }
}

/// The lag in events and in time.
pub(crate) fn lag(overview: &Overview) -> Markup {
    let annalist_core::app::Lag { events, time } = overview.lag;
    html! {
        @if events == 0 { span.muted { "0" } }
        @else { b { (text::number(events)) } span.muted { " · " (text::duration(u128::from(time.as_secs()))) } }
    }
}
