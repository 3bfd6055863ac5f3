//! One aggregate: its timeline, the state at any position, and what each event changed.

use annalist_core::{
    app::{ChangedState, StateHistory},
    error::Error,
    record::Position,
    time::Timestamp,
};
use axum::response::Response;
use maud::{Markup, html};

use crate::{
    failure::Failure,
    fragments,
    layout::Section,
    text::{self, changed_lines, visible},
    visit::Visit,
};

/// The number of events of the timeline.
const SHOWN: usize = 50;
/// The largest number of changed lines of one event.
const LINES: usize = 200;

pub(crate) async fn show(visit: Visit) -> Response {
    let title = format!("{} {}", text::cell(visit.field("name")), text::cell(visit.field("id")));
    visit.page(title.trim_end(), Section::Aggregates, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let (name, id) = (visit.field("name"), visit.field("id"));
    let app = &visit.site.app;
    if !app.aggregates().any(|one| one == name) {
        return Err(Failure::NotFound(format!("The program has no aggregate “{}”.", text::cell(name))));
    }
    let states = app.states_of(name, id).last(SHOWN);
    let time = visit.parsed::<Timestamp>("time", "a time such as 2026-01-31T12:00:00Z")?;
    let history = match (visit.position("at")?, time) {
        (Some(position), _) => states.at(until(visit, position).await?).await,
        (None, Some(time)) => states.at(time).await,
        (None, None) => states.await,
    };
    let history = match history {
        Err(Error::Invalid(invalid)) => return Err(Failure::BadInput(format!("{invalid}."))),
        history => history?,
    };
    Ok(html! {
        p.crumbs { a href=(visit.links.to("aggregates")) { "Aggregates" } " / " (name) }
        h1 { (name) " " bdi { (text::cell(id)) } }
        (jump(visit, name, id))
        @if history.events == 0 {
            (fragments::empty("No event has this id up to then.", "Look whether the id is written as in the events, or choose a later position."))
        } @else { (timeline(visit, &history)) }
    })
}

/// A position of the log: a later one is the end, since the future is not known.
async fn until(visit: &Visit, position: Position) -> Result<Position, Failure> {
    Ok(position.min(visit.site.store().settled().await?.position))
}

fn jump(visit: &Visit, name: &str, id: &str) -> Markup {
    html! {
        form.filter method="get" action=(visit.links.to("aggregate")) {
            input type="hidden" name="name" value=(name);
            input type="hidden" name="id" value=(id);
            label { span { "At position" } input name="at" inputmode="numeric" value=(visit.field("at")) placeholder="7"; }
            label { span { "At time" } input name="time" value=(visit.field("time")) placeholder="2026-01-31T12:00:00Z"; }
            div.buttons {
                button { "Show the state" }
                a.button.quiet href=(visit.links.with("aggregate", [("name", name), ("id", id)])) { "Now" }
            }
        }
    }
}

fn timeline(visit: &Visit, history: &StateHistory) -> Markup {
    let shown = history.changes.len() as u64;
    let state = history.changes.last().map_or(history.before.as_str(), |change| &change.state);
    let all = state_link(visit, None, &[("full", "1")]);
    let before = std::iter::once(&history.before).chain(history.changes.iter().map(|change| &change.state));
    let changes: Vec<(&ChangedState, &String)> = history.changes.iter().zip(before).collect();
    html! {
        p.lead {
            (text::number(history.events)) @if history.events == 1 { " event" } @else { " events" }
            @if shown < history.events { ", the last " (shown) " are shown" }
        }
        div.columns.timeline-page {
            section {
                h2 { "Timeline" }
                ol.timeline reversed {
                    @for (index, (change, before)) in changes.iter().rev().enumerate() { (step(visit, change, before, index == 0)) }
                }
                (earlier(visit, history))
            }
            section.sticky {
                h2 { "State" @if let Some(change) = history.changes.last() { " after " (change.record.position) } }
                (fragments::block(state, visit, &all))
            }
        }
    }
}

fn step(visit: &Visit, change: &ChangedState, before: &str, is_current: bool) -> Markup {
    let record = &change.record;
    let actor = fragments::actor(record);
    html! {
        li aria-current=[is_current.then_some("step")] {
            div.head {
                a.name href=(visit.links.event(record.position)) { (fragments::event_name(record)) }
                span.muted { "position " (record.position) @if !actor.is_empty() { ", by " bdi { (actor) } } ", " (fragments::time(record.recorded_at, visit.now)) }
            }
            (diff(record.position, before, &change.state))
            @if !is_current {
                p { a href=(state_link(visit, Some(record.position), &[])) { "State at " (record.position) } }
            }
        }
    }
}

fn diff(position: Position, before: &str, after: &str) -> Markup {
    let Some(lines) = changed_lines(before, after) else {
        return html! { p.muted { "The states are too long to compare." } };
    };
    let shown = lines.len().min(LINES);
    html! {
        @if lines.is_empty() { p.muted { "The state is the same." } }
        @else {
            pre.diff tabindex="0" role="region" aria-label={ "What the event at position " (position) " changed" } {
                @for line in &lines[..shown] {
                    @match line.sign {
                        "+" => ins { "+ " (visible(&line.text)) "\n" },
                        "-" => del { "- " (visible(&line.text)) "\n" },
                        _ => span { "  " (visible(&line.text)) "\n" },
                    }
                }
            }
            @if shown < lines.len() { p.muted { (lines.len() - shown) " more lines changed." } }
        }
    }
}

/// The link to the events before the first one that is shown.
fn earlier(visit: &Visit, history: &StateHistory) -> Markup {
    let first = history.changes.first().filter(|_| (history.changes.len() as u64) < history.events);
    html! {
        @if let Some(first) = first {
            @let before = Position::new(first.record.position.get().saturating_sub(1));
            p { a.button href=(state_link(visit, Some(before), &[])) { "Earlier events" } }
        }
    }
}

/// A link to this aggregate, at a position or as it is shown now.
fn state_link(visit: &Visit, at: Option<Position>, more: &[(&str, &str)]) -> String {
    let at = at.map_or_else(|| visit.field("at").to_owned(), |at| at.to_string());
    let time = if at.is_empty() { visit.field("time") } else { "" };
    let fields =
        [("name", visit.field("name")), ("id", visit.field("id")), ("at", at.as_str()), ("time", time)];
    visit.links.with("aggregate", fields.into_iter().chain(more.iter().copied()))
}
