//! The overview: the log, what is wrong, projections and policies, and the last events.

use annalist_core::{
    app::{Health, Overview},
    record::Record,
    store::Settled,
};
use axum::response::Response;
use maud::{Markup, html};

use super::projections;
use crate::{
    failure::Failure,
    fragments,
    layout::Section,
    search::{self, MAX_EXAMINED, Wanted},
    text,
    visit::Visit,
};

/// The number of the last events.
const LAST: usize = 10;

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Overview", Section::Overview, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let site = &visit.site;
    let settled = site.store().settled().await?;
    let health = site.app.health().await;
    let overview = site.app.overview().await?;
    let last = search::backward(site.store(), &Wanted::all(), settled.position, LAST, MAX_EXAMINED).await?;
    Ok(html! {
        h1 { "Overview" }
        (cards(visit, &settled, &overview, &last.records))
        (problems(&health))
        h2 { "Projections and policies" }
        (projections::table(&overview, visit))
        h2 { "Last events" }
        @if last.records.is_empty() {
            (fragments::empty("The log has no events yet.", "Execute a command of the application; its events appear here."))
        } @else {
            (fragments::events(&last.records, "The last events", visit))
            p { a href=(visit.links.to("events")) { "All events" } }
        }
    })
}

fn cards(visit: &Visit, settled: &Settled, overview: &[Overview], last: &[Record]) -> Markup {
    let stopped = overview.iter().filter(|one| fragments::reason(one).is_some()).count();
    let parked: u64 = overview.iter().map(|one| one.status.parked).sum();
    let behind = overview.iter().map(|one| one.lag.events).max().unwrap_or_default();
    html! {
        dl.cards {
            div { dt { "Last position" } dd { (text::number(settled.position.get())) }
                @if let Some(gap) = &settled.gap { dd.note { "A gap at " (gap.position) " is open: " (text::cell(&gap.reason)) } } }
            div { dt { "Last event" } dd { @if let Some(record) = last.first() { (fragments::time(record.recorded_at, visit.now)) } @else { "none" } } }
            div { dt { "Events behind" } dd { (text::number(behind)) } dd.note { "of the slowest projection" } }
            div.attention[stopped > 0] { dt { "Stopped or waiting" } dd { (stopped) } dd.note { "of " (overview.len()) } }
            div.attention[parked > 0] { dt { "Parked events" } dd { (text::number(parked)) } @if parked > 0 { dd.note { a href=(visit.links.to("parked")) { "Why" } } } }
        }
    }
}

fn problems(health: &Health) -> Markup {
    html! {
        @if !health.problems.is_empty() {
            section.panel.failure aria-label="Problems" {
                h2 { "Problems" }
                ul { @for problem in &health.problems { li { (text::visible(text::cut(&problem.to_string(), 1000).0)) } } }
            }
        }
    }
}
