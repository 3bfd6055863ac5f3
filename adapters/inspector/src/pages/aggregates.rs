//! The aggregates of the program, and a form for the id of one.

use annalist_core::model::AggregateModel;
use axum::response::Response;
use maud::{Markup, html};

use crate::{fragments, layout::Section, visit::Visit};

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Aggregates", Section::Aggregates, async { Ok(content(&visit)) }).await
}

fn content(visit: &Visit) -> Markup {
    let aggregates = &visit.site.model.aggregates;
    html! {
        h1 { "Aggregates" }
        @if aggregates.is_empty() {
            (fragments::empty("The program has no aggregates.", "Register commands with `Builder::commands`; the aggregates that they read appear here."))
        }
        div.cards.wide { @for one in aggregates { (card(visit, one)) } }
    }
}

fn card(visit: &Visit, one: &AggregateModel) -> Markup {
    html! {
        section {
            h2 { (one.name) }
            form.inline method="get" action=(visit.links.to("aggregate")) {
                input type="hidden" name="name" value=(one.name);
                @if let Some(kind) = &one.id {
                    label { span { "Id of the kind " code { (kind) } } input name="id" required autocomplete="off" spellcheck="false"; }
                }
                button { "Show its history" }
            }
            p.muted { "Events: " @for (index, name) in one.events.iter().enumerate() {
                @if index > 0 { ", " }
                a href=(visit.links.with("events", [("type", name.as_str())])) { (name) }
            } }
        }
    }
}
