//! Parked events: why they failed, and what to do with them.

use annalist_core::{app::Overview, rows::Parked};
use axum::response::Response;
use maud::{Markup, html};

use crate::{failure::Failure, fragments, layout::Section, text, visit::Visit};

/// The largest number of parked events of one projection on the page.
const SHOWN: usize = 100;

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Parked events", Section::Parked, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let name = visit.field("name");
    let mut parts = Vec::new();
    for one in visit.site.app.overview().await? {
        let is_parked = one.builds.iter().any(|build| build.checkpoint.parked > 0);
        if is_parked && (name.is_empty() || name == one.name) {
            let parked = visit.site.app.parked(one.name).await?;
            if !parked.is_empty() {
                parts.push((one, parked));
            }
        }
    }
    Ok(html! {
        h1 { "Parked events" }
        @if parts.is_empty() {
            (fragments::empty("No event is parked.", "Events that keep failing appear here, if the projection or policy parks them instead of stopping: `ProjectionOptions::park`."))
        }
        @for (one, parked) in &parts { (part(visit, one, parked)) }
    })
}

fn part(visit: &Visit, one: &Overview, parked: &[Parked]) -> Markup {
    let name = one.name;
    html! {
        section {
            h2 { a href=(visit.links.projection(name)) { (name) } span.muted { " " (parked.len()) } }
            (visit.action(&format!("parked/{name}/retry"), "Retry all", false, &html! {}))
            @if let Some(retry) = &one.requests.retry {
                p.muted { "Last retry: " (retry_state(&retry.state)) ", requested " (fragments::time(retry.at, visit.now)) @if let Some(actor) = &retry.actor { " by " bdi { (text::cell(actor)) } } }
            }
            ul.parked { @for event in parked.iter().take(SHOWN) { (entry(visit, name, event)) } }
            @if parked.len() > SHOWN { p.muted { "The first " (SHOWN) " are shown. Retry or discard them to see the others." } }
        }
    }
}

fn entry(visit: &Visit, name: &str, event: &Parked) -> Markup {
    let position = event.position.to_string();
    let keys: Vec<String> = event.keys.iter().take(8).map(|key| text::cell(key)).collect();
    html! {
        li.panel {
            h3 { a href=(visit.links.event(event.position)) { "Position " (event.position) } }
            pre tabindex="0" role="region" aria-label={ "Error at position " (position) } { (text::visible(text::cut(&event.error, 4000).0)) }
            p.muted {
                (event.attempts) @if event.attempts == 1 { " attempt" } @else { " attempts" }
                @if !keys.is_empty() { ", keys: " bdi { (keys.join(" ")) } }
                @if event.needs_newer { ". It waits for a newer program." }
            }
            @if visit.identity.may_act {
                details { summary { "Discard" } p.muted { "The event is never handled here. Later events with its keys are handled." }
                    (visit.action(&format!("parked/{name}/discard"), "Discard", true, &html! {
                        input type="hidden" name="position" value=(position);
                        label { span { "Reason" } input name="reason" required maxlength="1000"; }
                    })) }
            }
        }
    }
}

fn retry_state(state: &annalist_core::rows::RetryState) -> Markup {
    use annalist_core::rows::RetryState::{Done, Failed, Running, Waiting};
    html! {
        @match state {
            Waiting => "waits for a process",
            Running { .. } => "is running",
            Done { done, parked } => { (done) " handled, " (parked) " still parked" },
            Failed { error } => { "failed: " (text::cell(error)) },
        }
    }
}
