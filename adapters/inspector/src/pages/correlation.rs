//! What belongs together: the events of a correlation, in a lane for the caller and one for each policy.

use std::collections::HashMap;

use annalist_core::record::{Position, Record};
use axum::response::Response;
use maud::{Markup, html};
use uuid::Uuid;

use crate::{
    failure::Failure,
    fragments,
    layout::Section,
    search::{self, Wanted},
    text,
    visit::Visit,
};

/// The largest number of events on the page.
const SHOWN: usize = 200;
/// The number of events before and after a position that one request looks at. No index has correlations.
const EXAMINED: usize = 10_000;
/// The largest number of lanes; later ones share the last.
const LANES: usize = 8;

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Correlation", Section::Events, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let correlation = visit.field("id").to_owned();
    if correlation.is_empty() {
        return Err(Failure::BadInput("The address has no id of a correlation.".to_owned()));
    }
    let store = visit.site.store();
    let end = store.settled().await?.position;
    let near = visit.position("near")?.unwrap_or(end).min(end);
    let wanted = Wanted { correlation: correlation.clone(), ..Wanted::all() };
    let before = search::backward(store, &wanted, near, SHOWN, EXAMINED).await?;
    let after = search::forward(store, &wanted, near, SHOWN, EXAMINED).await?;
    let (first, last) = (before.reached, after.reached);
    let records: Vec<Record> = before.records.into_iter().rev().chain(after.records).collect();
    Ok(html! {
        p.crumbs { a href=(visit.links.to("events")) { "Events" } " / Correlation" }
        h1 { "What belongs together" }
        p.lead { "Correlation " (fragments::id(&correlation)) }
        @if records.is_empty() {
            (fragments::empty("No event of this correlation was found.", "Search further below, or follow the link of an event of it."))
        } @else { (swimlane(visit, &records)) }
        nav.pager aria-label="Search further" {
            span.muted { "Searched: positions " (text::number(first.get() + 1)) " to " (text::number(last.get())) }
            @if before.has_more { a.button href=(further(visit, first)) { "Search earlier" } }
            @if after.has_more { a.button href=(further(visit, last)) { "Search later" } }
        }
    })
}

fn further(visit: &Visit, near: Position) -> String {
    let near = near.to_string();
    visit.links.with("correlation", [("id", visit.field("id")), ("near", near.as_str())])
}

fn swimlane(visit: &Visit, records: &[Record]) -> Markup {
    let mut lanes: Vec<String> = Vec::new();
    let mut rows = Vec::new();
    let positions: HashMap<Uuid, Position> =
        records.iter().map(|record| (record.id, record.position)).collect();
    for record in records {
        let lane = lane(record);
        let index = lanes.iter().position(|one| *one == lane).unwrap_or_else(|| {
            if lanes.len() < LANES {
                lanes.push(lane);
            }
            lanes.len() - 1
        });
        rows.push((index, record));
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Swimlanes" {
            table.swimlane {
                caption.visually-hidden { "The events in the order of the log, in a column for the caller and each policy" }
                thead { tr { th scope="col" { "Time" } @for lane in &lanes { th scope="col" { (text::cell(lane)) } } } }
                tbody {
                    @for (index, record) in rows {
                        tr {
                            th scope="row" { (fragments::time(record.recorded_at, visit.now)) }
                            @for lane in 0..lanes.len() {
                                td { @if lane == index { (event(visit, record, &positions)) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn event(visit: &Visit, record: &Record, positions: &HashMap<Uuid, Position>) -> Markup {
    let metadata = fragments::metadata(record);
    let command = metadata.and_then(|metadata| metadata.command.as_ref());
    let cause = metadata.and_then(|metadata| metadata.causation.as_ref());
    let cause =
        cause.and_then(|cause| Uuid::parse_str(cause.as_str()).ok()).and_then(|cause| positions.get(&cause));
    html! {
        div.step {
            a href=(visit.links.event(record.position)) { b { (fragments::event_name(record)) } }
            span.muted { "position " (record.position) @if let Some(command) = command { ", by " code { (text::cell(command.as_str())) } } }
            @if let Some(cause) = cause { span.muted { "because of " a href=(visit.links.event(cause)) { (cause) } } }
            (fragments::tags(&record.tags, visit))
        }
    }
}

/// The policy whose command wrote an event, or its caller.
fn lane(record: &Record) -> String {
    let Some(metadata) = fragments::metadata(record) else { return "damaged metadata".to_owned() };
    let id = metadata.command_id.as_ref().map_or("", |id| id.as_str());
    match id.strip_prefix("policy/").and_then(|rest| rest.split('/').next()) {
        Some(policy) => format!("policy {policy}"),
        None => {
            metadata.actor.as_ref().map_or_else(|| "caller".to_owned(), |actor| actor.as_str().to_owned())
        }
    }
}
