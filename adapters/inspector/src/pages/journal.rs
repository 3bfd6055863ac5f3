//! The journal: commands and their outcomes, the newest first.

use annalist_core::store::{Entry, EventStore, Outcome, PageLimit};
use axum::response::Response;
use maud::{Markup, html};

use crate::{failure::Failure, fragments, layout::Section, text, visit::Visit};

/// The limit of a page.
const PAGE: PageLimit = PageLimit { records: 50, bytes: 4 << 20 };

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Journal", Section::Journal, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let store = visit.site.store();
    let last = last_number(store).await?;
    let before = visit.parsed::<u64>("before", "a whole number such as 7")?;
    let end = before.map_or(last, |before| before.saturating_sub(1)).min(last);
    let after = end.saturating_sub(PAGE.records as u64);
    let mut entries = store.journal(after, PAGE).await?;
    entries.retain(|entry| entry.number <= end);
    entries.reverse();
    Ok(html! {
        h1 { "Journal" }
        @if last == 0 {
            (fragments::empty("The journal is empty.", "An application writes it with `Builder::journal(Journal::All)`."))
        } @else if entries.is_empty() {
            (fragments::empty("No entries in this range.", "They were removed, or a rolled-back append had taken their numbers. Go to older ones."))
        } @else { (table(visit, &entries)) }
        nav.pager aria-label="Pages of the journal" {
            @if end < last { a.button href=(visit.links.to("journal")) { "Newest" } }
            @if after > 0 {
                @let older = (after + 1).to_string();
                a.button rel="next" href=(visit.links.with("journal", [("before", older.as_str())])) { "Older" }
            }
        }
    })
}

/// The number of the last entry, or 0: found by doubling and halving, because a store lists the journal from the beginning alone.
async fn last_number(store: &dyn EventStore) -> Result<u64, Failure> {
    const ONE: PageLimit = PageLimit::records(1);
    let (mut low, mut step) = (0_u64, 1_u64);
    while let Some(entry) = store.journal(low.saturating_add(step - 1), ONE).await?.first() {
        low = entry.number;
        step = step.saturating_mul(2).min(1 << 40);
    }
    let mut high = low.saturating_add(step - 1);
    while low < high {
        let middle = low + (high - low) / 2;
        match store.journal(middle, ONE).await?.first() {
            Some(entry) => low = entry.number,
            None => high = middle,
        }
    }
    Ok(low)
}

fn table(visit: &Visit, entries: &[Entry]) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Journal" {
            table.events {
                caption.visually-hidden { "Commands, the newest first" }
                thead { tr { th scope="col" { "Number" } th scope="col" { "Command" } th scope="col" { "Outcome" } th scope="col" { "Content" } th scope="col" { "Actor" } th scope="col" { "Time" } } }
                tbody { @for entry in entries { (row(visit, entry)) } }
            }
        }
    }
}

fn row(visit: &Visit, entry: &Entry) -> Markup {
    let name = |name: &Option<annalist_core::record::Name>| {
        name.as_ref().map(|name| text::cell(name.as_str())).unwrap_or_default()
    };
    html! {
        tr {
            th scope="row" { (entry.number) }
            td.type { bdi { (name(&entry.metadata.command)) } }
            td { (outcome(visit, &entry.outcome)) }
            td.payload { details { summary { code { bdi { (text::one_line(&entry.body)) } } } pre { (text::visible(text::cut(&text::pretty(&entry.body), text::MAX_TEXT).0)) } } }
            td { bdi { (name(&entry.metadata.actor)) } }
            td.time { (fragments::time(entry.recorded_at, visit.now)) }
        }
    }
}

fn outcome(visit: &Visit, outcome: &Outcome) -> Markup {
    const SHOWN: usize = 5;
    html! {
        @match outcome {
            Outcome::Accepted(positions) => {
                span.state.good { "accepted" }
                @for position in positions.iter().take(SHOWN) { " " a href=(visit.links.event(position)) { (position) } }
                @if positions.len() > SHOWN { " …" }
            },
            Outcome::Rejected(reason) => { span.state.warn { "rejected" } " " (text::cell(reason)) },
        }
    }
}
