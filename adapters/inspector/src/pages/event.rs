//! One event: its payload, its metadata, what caused it, and what followed from it.

use annalist_core::{
    model::AggregateModel,
    record::{Metadata, Position, Record},
};
use axum::{extract::Path, response::Response};
use maud::{Markup, html};
use uuid::Uuid;

use crate::{
    failure::Failure,
    fragments,
    layout::Section,
    search::{self, Wanted},
    text,
    visit::{Visit, parse},
};

/// The number of events before and after this one among which its cause and its effects are searched.
const NEIGHBOURS: usize = 2_000;
/// The largest number of effects.
const EFFECTS: usize = 50;

pub(crate) async fn show(Path(position): Path<String>, visit: Visit) -> Response {
    let title = format!("Event {}", text::cell(&position));
    visit.page(&title, Section::Events, content(&visit, &position)).await
}

async fn content(visit: &Visit, position: &str) -> Result<Markup, Failure> {
    let number = parse::<u64>("position", position, "a whole number such as 7")?.unwrap_or_default();
    let position = Position::new(number).min(Position::END);
    let store = visit.site.store();
    let Some(record) = search::at(store, position).await? else {
        return Err(missing(visit, position).await?);
    };
    let metadata = record.metadata();
    let (cause, effects) = match metadata {
        Ok(metadata) => (cause(visit, &record, metadata).await?, effects(visit, &record, metadata).await?),
        Err(_) => (None, Vec::new()),
    };
    let all = visit.links.with(&format!("events/{position}"), [("full", "1")]);
    Ok(html! {
        p.crumbs { a href=(visit.links.to("events")) { "Events" } " / " (position) }
        h1 { (fragments::event_name(&record)) }
        p.lead { "Position " b { (position) } ", recorded " (fragments::time(record.recorded_at, visit.now)) }
        (neighbours(visit, position))
        div.columns {
            section { h2 { "Payload" } (fragments::block(&text::pretty(&record.data), visit, &all)) (aggregates(visit, &record)) }
            section {
                h2 { "Metadata" }
                @match metadata {
                    Ok(metadata) => (facts(visit, &record, metadata)),
                    Err(error) => div.panel.failure { p { "The metadata are damaged: " (text::cell(&error.to_string())) } p.muted { "Run `verify` of the command line." } },
                }
            }
        }
        h2 { "Cause" }
        @match &cause {
            Some(cause) => (fragments::events(std::slice::from_ref(cause), "The event that caused this one", visit)),
            None => p.muted { "A call of the application, or an event further back than " (NEIGHBOURS) " events." },
        }
        h2 { "Effects" }
        @if effects.is_empty() { p.muted { "No event among the next " (NEIGHBOURS) " was caused by this one." } }
        @else { (fragments::events(&effects, "The events that this one caused", visit)) }
    })
}

/// Why there is no event at a position.
async fn missing(visit: &Visit, position: Position) -> Result<Failure, Failure> {
    let end = visit.site.store().settled().await?.position;
    let reason = if position > end {
        format!("the log ends at {end}")
    } else {
        "an append was rolled back, or the event was archived".to_owned()
    };
    Ok(Failure::NotFound(format!("There is no event at position {position}: {reason}.")))
}

fn neighbours(visit: &Visit, position: Position) -> Markup {
    html! {
        nav.pager aria-label="Neighbours" {
            @if position > Position::new(1) { a.button rel="prev" href=(visit.links.event(position.get() - 1)) { "Previous" } }
            a.button rel="next" href=(visit.links.event(position.get().saturating_add(1))) { "Next" }
        }
    }
}

/// The aggregates of the program that fold the event, by its tags.
fn aggregates(visit: &Visit, record: &Record) -> Markup {
    let folds = |one: &&AggregateModel| one.events.iter().any(|name| *name == *record.name);
    let position = record.position.to_string();
    let mut found = Vec::new();
    for one in visit.site.model.aggregates.iter().filter(folds) {
        match &one.id {
            None => found.push((one.name.as_str(), "")),
            Some(kind) => found.extend(
                record
                    .tags
                    .iter()
                    .filter(|tag| tag.kind() == kind)
                    .map(|tag| (one.name.as_str(), tag.value())),
            ),
        }
    }
    html! {
        @if !found.is_empty() {
            h2 { "State after it" }
            ul.links {
                @for (name, id) in found {
                    li { a href=(visit.links.with("aggregate", [("name", name), ("id", id), ("at", position.as_str())])) { (name) " " bdi { (text::cell(id)) } } }
                }
            }
        }
    }
}

fn facts(visit: &Visit, record: &Record, metadata: &Metadata) -> Markup {
    let position = record.position.to_string();
    let texts = [
        ("Command", &metadata.command),
        ("Command id", &metadata.command_id),
        ("Causation", &metadata.causation),
        ("Trace", &metadata.trace),
    ];
    html! {
        dl.facts {
            dt { "Id" } dd { (fragments::id(&record.id.to_string())) }
            dt { "Recorded" } dd { code { (record.recorded_at) } }
            dt { "Version" } dd { (record.version) }
            dt { "Tags" } dd { (fragments::tags(&record.tags, visit)) }
            @if let Some(actor) = &metadata.actor {
                dt { "Actor" } dd { a href=(visit.links.with("events", [("actor", actor.as_str())])) { bdi { (text::cell(actor.as_str())) } } }
            }
            @for (name, value) in texts {
                @if let Some(value) = value { dt { (name) } dd { (fragments::id(value.as_str())) } }
            }
            @if let Some(correlation) = &metadata.correlation {
                dt { "Correlation" }
                dd { (fragments::id(correlation.as_str())) " "
                    a href=(visit.links.with("correlation", [("id", correlation.as_str()), ("near", position.as_str())])) { "What belongs together" } }
            }
            @if metadata.hops > 0 { dt { "Policies before it" } dd { (metadata.hops) } }
        }
    }
}

/// The event that caused this one, if it is near.
async fn cause(visit: &Visit, record: &Record, metadata: &Metadata) -> Result<Option<Record>, Failure> {
    let Some(cause) = metadata.causation.as_ref().and_then(|cause| Uuid::parse_str(cause.as_str()).ok())
    else {
        return Ok(None);
    };
    let before = Position::new(record.position.get().saturating_sub(1));
    let found = search::backward(visit.site.store(), &same(metadata), before, NEIGHBOURS, NEIGHBOURS).await?;
    Ok(found.records.into_iter().find(|record| record.id == cause))
}

/// The events that this one caused, if they are near.
async fn effects(visit: &Visit, record: &Record, metadata: &Metadata) -> Result<Vec<Record>, Failure> {
    let found =
        search::forward(visit.site.store(), &same(metadata), record.position, NEIGHBOURS, NEIGHBOURS).await?;
    let id = record.id.to_string();
    let is_caused = |record: &Record| {
        fragments::metadata(record)
            .and_then(|metadata| metadata.causation.as_ref())
            .is_some_and(|cause| cause.as_str() == id)
    };
    Ok(found.records.into_iter().filter(|record| is_caused(record)).take(EFFECTS).collect())
}

/// The events of the same correlation.
fn same(metadata: &Metadata) -> Wanted {
    let correlation = metadata.correlation.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default();
    Wanted { correlation, ..Wanted::all() }
}
