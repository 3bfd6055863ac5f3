//! Events, the newest first, with filters.

use annalist_core::{criteria::Item, record::Position, tag::Tag, time::Timestamp};
use axum::response::Response;
use maud::{Markup, html};

use crate::{
    failure::Failure,
    fragments,
    layout::Section,
    search::{self, Found, MAX_EXAMINED, Wanted},
    visit::Visit,
};

/// The number of events on a page.
const PAGE: usize = 50;
/// The fields of the filter, which the links to other pages repeat.
const FIELDS: [&str; 4] = ["type", "tag", "correlation", "actor"];

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Events", Section::Events, content(&visit)).await
}

/// The filter of the query.
///
/// # Errors
/// [`Failure::BadInput`] if a tag is not one.
pub(crate) fn wanted(visit: &Visit) -> Result<Wanted, Failure> {
    let mut item = Item::any();
    if !visit.field("type").is_empty() {
        item = item.types([visit.field("type").to_owned()]);
    }
    for text in visit.field("tag").split_whitespace() {
        let tag = Tag::parse(text).map_err(|error| {
            Failure::BadInput(format!("{error}. A tag is a kind and a value, such as account:ann."))
        })?;
        item = item.tag(tag);
    }
    let (correlation, actor) = (visit.field("correlation").to_owned(), visit.field("actor").to_owned());
    Ok(Wanted { criteria: item.into(), correlation, actor })
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let wanted = wanted(visit)?;
    let store = visit.site.store();
    let end = store.settled().await?.position;
    let mut page = match visit.position("after")? {
        Some(after) => newer(visit, &wanted, after).await?,
        None => {
            let up_to = start(visit, end).await?;
            let found = search::backward(store, &wanted, up_to, PAGE, MAX_EXAMINED).await?;
            EventPage { newest: up_to, found, is_first: up_to >= end }
        }
    };
    if visit.position("after")?.is_some() && page.found.records.is_empty() && page.is_first {
        // There are no newer events: the page of the newest ones.
        let found = search::backward(store, &wanted, end, PAGE, MAX_EXAMINED).await?;
        page = EventPage { newest: end, found, is_first: true };
    }
    Ok(html! {
        h1 { "Events" }
        (filter(visit))
        @if page.found.records.is_empty() { (nothing(&page, end)) }
        @else { (fragments::events(&page.found.records, "Events, the newest first", visit)) }
        (pager(visit, &page))
    })
}

/// A page of events, the newest first.
struct EventPage {
    found: Found,
    /// The position above which the page has no events.
    newest: Position,
    /// Whether no newer events exist.
    is_first: bool,
}

/// The page of the events after a position.
async fn newer(visit: &Visit, wanted: &Wanted, after: Position) -> Result<EventPage, Failure> {
    let mut found = search::forward(visit.site.store(), wanted, after, PAGE, MAX_EXAMINED).await?;
    found.records.reverse();
    let (newest, is_first) = (found.reached, !found.has_more);
    Ok(EventPage {
        found: Found { reached: after, has_more: after > Position::START, ..found },
        newest,
        is_first,
    })
}

/// The position at which the page begins: the end of the log, or what the operator jumps to.
async fn start(visit: &Visit, end: Position) -> Result<Position, Failure> {
    let at = match visit.parsed::<Timestamp>("time", "a time such as 2026-01-31T12:00:00Z")? {
        Some(time) => search::position_at(visit.site.store(), time, end).await?,
        None => end,
    };
    let position = visit.position("at")?.unwrap_or(end);
    let before =
        visit.position("before")?.map_or(end, |before| Position::new(before.get().saturating_sub(1)));
    Ok(at.min(position).min(before))
}

fn filter(visit: &Visit) -> Markup {
    let field = |name: &str, label: &str, hint: &str| {
        html! {
            label { span { (label) } input name=(name) value=(visit.field(name)) placeholder=(hint) autocomplete="off" spellcheck="false"; }
        }
    };
    html! {
        form.filter method="get" action=(visit.links.to("events")) role="search" {
            (field("type", "Type", "account.opened"))
            (field("tag", "Tag", "account:ann"))
            (field("actor", "Actor", ""))
            (field("correlation", "Correlation", ""))
            (field("at", "Up to position", "7"))
            (field("time", "Up to time", "2026-01-31T12:00:00Z"))
            div.buttons { button { "Show" } a.button.quiet href=(visit.links.to("events")) { "Clear" } }
        }
    }
}

fn nothing(page: &EventPage, end: Position) -> Markup {
    if end == Position::START {
        return fragments::empty(
            "The log has no events yet.",
            "Execute a command of the application; its events appear here.",
        );
    }
    if page.found.has_more {
        let advice =
            format!("Nothing was found down to position {}. Search older events below.", page.found.reached);
        return fragments::empty("No event found so far.", &advice);
    }
    fragments::empty("No event matches.", "Remove a part of the filter, or begin at a later position.")
}

fn pager(visit: &Visit, page: &EventPage) -> Markup {
    let fields = |name: &'static str, position: Position| {
        let mut fields: Vec<(&str, String)> =
            FIELDS.map(|field| (field, visit.field(field).to_owned())).into();
        fields.push((name, position.to_string()));
        fields
    };
    let link = |fields: Vec<(&str, String)>| {
        visit.links.with("events", fields.iter().map(|(name, value)| (*name, value.as_str())))
    };
    let older = Position::new(page.found.reached.get().saturating_add(1));
    html! {
        nav.pager aria-label="Pages of events" {
            @if !page.is_first {
                a.button href=(visit.links.with("events", FIELDS.map(|field| (field, visit.field(field))))) { "Newest" }
                a.button rel="prev" href=(link(fields("after", page.newest))) { "Newer" }
            }
            @if page.found.has_more { a.button rel="next" href=(link(fields("before", older))) { "Older" } }
        }
    }
}
