//! The model of the program: which commands write which events, and what follows from them.

use annalist_core::model::{CommandModel, EventModel, Model, PolicyModel, ProjectionModel};
use axum::response::Response;
use maud::{Markup, html};

use crate::{fragments, layout::Section, visit::Visit};

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Model", Section::Model, async { Ok(content(&visit)) }).await
}

fn content(visit: &Visit) -> Markup {
    let model = &visit.site.model;
    let is_empty = model.events.is_empty() && model.commands.is_empty();
    html! {
        h1 { "Model" }
        @if is_empty { (fragments::empty("The program has no commands and no events.", "Register them with the builder of the application.")) }
        @else {
            p.lead { (model.commands.len()) " commands, " (model.events.len()) " event types, " (model.aggregates.len()) " aggregates, " (model.projections.len()) " projections, " (model.policies.len()) " policies" }
            h2 { "Flow" }
            (flow(visit, model))
            h2 { "Commands" }
            @for command in &model.commands { (command_entry(command)) }
            h2 { "Events" }
            @for event in &model.events { (event_entry(event)) }
            h2 { "Projections" }
            @for projection in &model.projections { (projection_entry(visit, projection)) }
            h2 { "Policies" }
            @for policy in &model.policies { (policy_entry(policy)) }
            @if model.policies.is_empty() { p.muted { "None." } }
        }
    }
}

/// A table with a row for each event: what writes it, and what reads it.
fn flow(visit: &Visit, model: &Model) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label="Flow" {
            table.flow {
                caption.visually-hidden { "What writes and what reads each event" }
                thead { tr { th scope="col" { "Commands" } th scope="col" { "write the event" } th scope="col" { "read by aggregates" } th scope="col" { "projections" } th scope="col" { "policies" } } }
                tbody {
                    @for event in &model.events {
                        tr {
                            td { (names("command", &event.written_by)) }
                            th scope="row" { a.node href={ "#event-" (event.name) } { (event.name) } }
                            td { (names("aggregate", &event.aggregates)) }
                            td { @for name in &event.projections { a.node href=(visit.links.projection(name)) { (name) } " " } }
                            td { (names("policy", &event.policies)) }
                        }
                    }
                }
            }
        }
    }
}

/// Links to entries of the page.
fn names(kind: &str, names: &[String]) -> Markup {
    html! { @for name in names {
        @if kind == "aggregate" { span.node { (name) } " " } @else { a.node href={ "#" (kind) "-" (name) } { (name) } " " }
    } }
}

fn command_entry(command: &CommandModel) -> Markup {
    let reads: Vec<&str> = command.reads.iter().map(|state| state.aggregate.as_str()).collect();
    html! {
        section.entry id={ "command-" (command.name) } {
            h3 { (command.name) }
            dl.facts {
                dt { "Rust" } dd { code { (command.rust) } }
                @if !reads.is_empty() { dt { "Decides on" } dd { (reads.join(", ")) } }
                dt { "Writes" } dd { (names("event", &command.writes)) }
                @if !command.sent_by.is_empty() { dt { "Sent by" } dd { (names("policy", &command.sent_by)) } }
            }
        }
    }
}

fn event_entry(event: &EventModel) -> Markup {
    let ids: Vec<String> = event
        .ids
        .iter()
        .map(|id| format!("{}: {}", id.field, id.kind.as_deref().unwrap_or("by a function")))
        .collect();
    let secrets: Vec<&str> = event.secrets.iter().map(|secret| secret.field.as_str()).collect();
    html! {
        section.entry id={ "event-" (event.name) } {
            h3 { (event.name) " " span.muted { "v" (event.version) } @if event.retired { " " span.state.calm { "retired" } } }
            dl.facts {
                dt { "Rust" } dd { code { (event.rust) } }
                @if !ids.is_empty() { dt { "Ids" } dd { (ids.join(", ")) } }
                @if !secrets.is_empty() { dt { "Secrets" } dd { (secrets.join(", ")) } }
                @if !event.aliases.is_empty() { dt { "Former names" } dd { (event.aliases.join(", ")) } }
            }
            @if let Some(schema) = &event.schema {
                details { summary { "JSON Schema" } pre { (serde_json::to_string_pretty(schema).unwrap_or_default()) } }
            }
        }
    }
}

fn projection_entry(visit: &Visit, projection: &ProjectionModel) -> Markup {
    let columns: Vec<String> = projection
        .columns
        .iter()
        .map(|column| match column.role.as_str() {
            "plain" => format!("{} {}", column.name, column.kind),
            role => format!("{} {} ({role})", column.name, column.kind),
        })
        .collect();
    html! {
        section.entry id={ "projection-" (projection.name) } {
            h3 { a href=(visit.links.projection(&projection.name)) { (projection.name) } " " span.muted { "v" (projection.version) @if projection.inline { ", inline" } @if projection.custom { ", own tables" } } }
            dl.facts {
                dt { "Rust" } dd { code { (projection.rust) } }
                @if !columns.is_empty() { dt { "Columns" } dd { (columns.join(", ")) } }
                dt { "Folds" } dd { (names("event", &projection.events.iter().map(|event| event.event.clone()).collect::<Vec<_>>())) }
                @if !projection.queries.is_empty() { dt { "Queries" } dd { (projection.queries.join(", ")) } }
            }
        }
    }
}

fn policy_entry(policy: &PolicyModel) -> Markup {
    html! {
        section.entry id={ "policy-" (policy.name) } {
            h3 { (policy.name) }
            dl.facts {
                dt { "Rust" } dd { code { (policy.rust) } }
                dt { "Reacts to" } dd { (names("event", &policy.events)) }
                dt { "Sends" } dd { (names("command", &policy.sends)) @if policy.sends_others { " and others" } }
                dt { "If rejected" } dd { (policy.on_reject) }
                dt { "If it fails" } dd { (policy.on_error) ", after " (policy.tries) " tries" }
            }
        }
    }
}
