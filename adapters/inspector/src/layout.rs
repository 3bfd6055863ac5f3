//! The frame of all pages.

use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, html};

use crate::{
    assets::{SCRIPT, STYLE},
    failure::Failure,
    links::Links,
};

/// An entry of the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Events,
    Live,
    Aggregates,
    Projections,
    Parked,
    Journal,
    Types,
    Model,
}

const SECTIONS: [(Section, &str, &str); 9] = [
    (Section::Overview, "Overview", ""),
    (Section::Events, "Events", "events"),
    (Section::Live, "Live", "live"),
    (Section::Aggregates, "Aggregates", "aggregates"),
    (Section::Projections, "Projections", "projections"),
    (Section::Parked, "Parked", "parked"),
    (Section::Journal, "Journal", "journal"),
    (Section::Types, "Event types", "types"),
    (Section::Model, "Model", "model"),
];

/// A page of the inspector.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    pub(crate) section: Section,
    pub(crate) links: &'a Links,
    /// What the form before this page has done, if it was one.
    pub(crate) done: &'a str,
    pub(crate) content: &'a Markup,
    pub(crate) foot: &'a Markup,
}

pub(crate) fn page(page: &Page<'_>) -> Markup {
    let Page { title, section, links, done, content, foot } = page;
    let main = html! {
        (notice(done))
        (content)
    };
    frame(title, links, Some(*section), &main, foot)
}

/// The answer to a request that fails.
pub(crate) fn failure_page(links: &Links, failure: &Failure) -> Response {
    let content = html! {
        h1 { (failure.title()) }
        div.panel.failure role="alert" {
            p { (crate::text::visible(crate::text::cut(&failure.message(), 4000).0)) }
            p.muted { (failure.advice()) }
        }
        p { a.button href=(links.to("")) { "Overview" } }
    };
    (failure.status(), frame(failure.title(), links, None, &content, &html! {})).into_response()
}

fn frame(title: &str, links: &Links, section: Option<Section>, main: &Markup, foot: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Annalist" }
                link rel="stylesheet" href=(links.to(&format!("assets/{}", STYLE.name)));
                script src=(links.to(&format!("assets/{}", SCRIPT.name))) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                header.side {
                    a.brand href=(links.to("")) { "Annalist" }
                    nav aria-label="Pages" {
                        ul {
                            @for (one, name, path) in SECTIONS {
                                li { a href=(links.to(path)) aria-current=[(section == Some(one)).then_some("page")] { (name) } }
                            }
                        }
                    }
                    div.foot { (foot) }
                }
                main id="main" tabindex="-1" { (main) }
            }
        }
    }
}

/// What the form before this page has done. Only these words: the address of a page cannot put others into it.
fn notice(done: &str) -> Markup {
    let text = match done {
        "rebuild" => {
            "The rebuild is requested. The rows are read from the old build until the new one is complete."
        }
        "pause" => "The pause is requested. Every process ends its current batch within about a second.",
        "resume" => "It is resumed, in all processes.",
        "promote" => "The newest build is read now.",
        "discard-old" => "The older builds are deleted.",
        "retry" => "The retry is requested. A process that runs it handles the parked events again.",
        "discard" => "The event is discarded. It is never handled here.",
        "gone" => "The event was not parked any more: another operator or a retry was first.",
        _ => return html! {},
    };
    html! { p.notice role="status" { (text) } }
}
