//! The event types of the log and of the program.

use std::collections::BTreeMap;

use annalist_core::store::StoredType;
use axum::response::Response;
use maud::{Markup, html};

use crate::{failure::Failure, fragments, layout::Section, text, visit::Visit};

/// The largest number of events of a type that are counted.
const COUNTED: u64 = 1_000;
/// The number of types whose events are counted.
const TYPES: usize = 100;

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Event types", Section::Types, content(&visit)).await
}

/// A stored type, and the number of its events as far as it is counted.
type Stored = (StoredType, Option<u64>);

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let store = visit.site.store();
    let mut names: BTreeMap<String, Option<Stored>> =
        visit.site.model.events.iter().map(|event| (event.name.clone(), None)).collect();
    for (index, stored) in store.stored_types().await?.into_iter().enumerate() {
        let count =
            if index < TYPES { Some(store.count_type(&stored.name, None, COUNTED + 1).await?) } else { None };
        names.insert(stored.name.clone(), Some((stored, count)));
    }
    Ok(html! {
        h1 { "Event types" }
        @if names.is_empty() { (fragments::empty("No event types.", "Register commands or events with the builder of the application.")) }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Event types" {
                table {
                    caption.visually-hidden { "Event types" }
                    thead { tr { th scope="col" { "Type" } th.number scope="col" { "Stored" } th scope="col" { "First" } th scope="col" { "Last" } th scope="col" { "Versions" } th scope="col" { "Program" } } }
                    tbody { @for (name, stored) in &names { (row(visit, name, stored.as_ref())) } }
                }
            }
        }
    })
}

fn row(visit: &Visit, name: &str, stored: Option<&Stored>) -> Markup {
    let event = visit.site.model.event(name);
    html! {
        tr {
            th scope="row" { a href=(visit.links.with("events", [("type", name)])) { (text::cell(name)) } }
            @match stored {
                Some((stored, count)) => {
                    td.number { (count_text(*count)) }
                    td { a href=(visit.links.event(stored.first)) { (stored.first) } }
                    td { a href=(visit.links.event(stored.last)) { (stored.last) } }
                    td { @for version in &stored.later_versions { "v" (version.version) " since " (version.first) " " } }
                },
                None => { td.number { span.muted { "0" } } td {} td {} td {} },
            }
            td {
                @match event {
                    Some(event) => {
                        a href={ (visit.links.to("model")) "#event-" (event.name) } { "v" (event.version) }
                        @if event.retired { " " span.state.calm { "retired" } }
                    },
                    None => span.state.warn { "not read" },
                }
            }
        }
    }
}

fn count_text(count: Option<u64>) -> String {
    match count {
        None => "–".to_owned(),
        Some(count) if count > COUNTED => format!("more than {}", text::number(COUNTED)),
        Some(count) => text::number(count),
    }
}
