//! One projection or policy: its builds, what to do with it, and its rows.

use annalist_core::{
    app::Overview,
    error::Error,
    query::{BrowsedRows, Cursor},
    rows::{Build, Column, ColumnType, Role, Row, Value},
};
use axum::{extract::Path, response::Response};
use maud::{Markup, html};

use super::projections::find;
use crate::{failure::Failure, fragments, layout::Section, text, visit::Visit};

/// The number of rows on a page.
const PAGE: usize = 50;

pub(crate) async fn show(Path(name): Path<String>, visit: Visit) -> Response {
    visit.page(&text::cell(&name), Section::Projections, content(&visit, &name)).await
}

async fn content(visit: &Visit, name: &str) -> Result<Markup, Failure> {
    let overview = find(visit, name).await?;
    let is_projection = visit.site.model.projections.iter().any(|one| one.name == name && !one.custom);
    let rows = if is_projection { Some(rows(visit, name).await?) } else { None };
    Ok(html! {
        p.crumbs { a href=(visit.links.to("projections")) { "Projections" } " / " (overview.name) }
        h1 { (overview.name) " " (fragments::state(&overview)) }
        (status(visit, &overview))
        (actions(visit, &overview, is_projection))
        h2 { "Builds" }
        (builds(visit, &overview.builds))
        @if let Some(rows) = rows { h2 id="rows" { "Rows" } (rows) }
    })
}

fn status(visit: &Visit, overview: &Overview) -> Markup {
    html! {
        @if let Some(reason) = fragments::reason(overview) {
            div.panel.failure role="status" { p { (text::visible(text::cut(&reason, 4000).0)) } }
        }
        dl.cards {
            div { dt { "Position" } dd { (text::number(overview.status.position.get())) } }
            div { dt { "Behind" } dd { (fragments::lag(overview)) } dd.note { "events, age of the first" } }
            div.attention[overview.status.parked > 0] { dt { "Parked" } dd { (text::number(overview.status.parked)) }
                @if overview.status.parked > 0 { dd.note { a href=(visit.links.with("parked", [("name", overview.name)])) { "Why" } } } }
        }
        @if let Some(progress) = overview.building() {
            div.panel {
                p { (progress) }
                @if let Some(total) = progress.total { progress value=(progress.done) max=(total.max(1)) aria-label="Events of the new build" {} }
            }
        }
        @if let Some(conversions) = &overview.other_conversions {
            p.muted { "Folded with other conversions than those of this program: " (text::cell(conversions)) ". A rebuild folds them again." }
        }
    }
}

fn actions(visit: &Visit, overview: &Overview, is_projection: bool) -> Markup {
    if !visit.identity.may_act {
        return html! {};
    }
    let name = overview.name;
    let target = |action: &str| format!("projections/{name}/{action}");
    let is_paused = overview.requests.pause.is_some();
    let can_resume = is_paused || fragments::reason(overview).is_some();
    let has_newer = overview.builds.last().is_some_and(|build| !build.live);
    html! {
        section.actions aria-label="Actions" {
            @if can_resume { (visit.action(&target("resume"), "Resume", false, &html! {})) }
            @if !is_paused {
                details { summary { "Pause" } p.muted { "All processes end their current batch and handle no events until it is resumed." }
                    (visit.action(&target("pause"), "Pause", false, &html! { label { span { "Reason" } input name="reason" required maxlength="1000"; } })) }
            }
            @if is_projection {
                details { summary { "Rebuild" } p.muted { "Folds the rows from all events beside the ones that are read, and then reads the new ones." }
                    (visit.action(&target("rebuild"), "Rebuild", false, &html! {})) }
                @if has_newer {
                    details { summary { "Promote" } p.muted { "Reads the newest build as it is, complete or not, without comparing it." }
                        (visit.action(&target("promote"), "Promote", true, &html! {})) }
                }
                @if overview.builds.len() > 1 {
                    details { summary { "Delete older builds" } p.muted { "Programs of older versions that still run lose the rows that they read." }
                        (visit.action(&target("discard-old"), "Delete older builds", true, &html! {})) }
                }
            }
        }
    }
}

fn builds(visit: &Visit, builds: &[Build]) -> Markup {
    if builds.is_empty() {
        return fragments::empty(
            "No process has built it yet.",
            "Start the application with its projections and policies.",
        );
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Builds" {
            table {
                caption.visually-hidden { "Builds" }
                thead { tr { th scope="col" { "Build" } th scope="col" { "State" } th.number scope="col" { "Position" } th.number scope="col" { "Parked" } th scope="col" { "Changed" } th scope="col" { "Run by" } } }
                tbody {
                    @for build in builds {
                        tr {
                            th scope="row" { (build.version) "." (build.build) }
                            td { (build_state(build)) }
                            td.number { (text::number(build.checkpoint.position.get())) }
                            td.number { (build.checkpoint.parked) }
                            td.time { (fragments::time(build.updated_at, visit.now)) }
                            td { @if let Some(claim) = &build.claim { (fragments::short_uuid(&claim.holder.to_string())) } }
                        }
                    }
                }
            }
        }
    }
}

fn build_state(build: &Build) -> Markup {
    let (class, word) = match (&build.checkpoint.stopped, build.live, build.inline) {
        (Some(_), ..) => ("bad", "stopped"),
        (None, true, true) => ("good", "live, inline"),
        (None, true, false) => ("good", "live"),
        (None, false, _) => ("calm", "not live"),
    };
    html! { span class={ "state " (class) } { (word) } }
}

/// The rows that match the query, or why they cannot be read.
async fn rows(visit: &Visit, name: &str) -> Result<Markup, Failure> {
    match page_of_rows(visit, name).await {
        Ok(page) => Ok(table(visit, name, &page)),
        Err(error @ (Error::Invalid(_) | Error::Unusable { .. })) => Ok(html! {
            div.panel.failure role="alert" { p { (text::visible(text::cut(&error.to_string(), 1000).0)) } }
            p { a.button href=(visit.links.projection(name)) { "All rows" } }
        }),
        Err(error) => Err(error.into()),
    }
}

async fn page_of_rows(visit: &Visit, name: &str) -> Result<BrowsedRows, Error> {
    let mut browse = visit.site.app.browse(name).limit(PAGE);
    let (column, value) = (visit.field("column"), visit.field("value"));
    if !column.is_empty() && !value.is_empty() {
        browse = browse.equal(column, value);
    }
    let order = visit.field("order");
    if !order.is_empty() {
        browse = browse.order_by(order, visit.field("descending") == "1");
    }
    if !visit.field("cursor").is_empty() {
        browse = browse.from(visit.field("cursor").parse::<Cursor>()?);
    }
    browse.await
}

fn table(visit: &Visit, name: &str, page: &BrowsedRows) -> Markup {
    html! {
        (search(visit, name, page.columns))
        @if page.rows.is_empty() { (fragments::empty("No rows.", "Choose another value, or execute commands whose events it folds.")) }
        @else {
            div.scroll tabindex="0" role="region" aria-label="Rows" {
                table {
                    caption.visually-hidden { "Rows of " (name) }
                    thead { tr { @for column in page.columns { th.number[is_number(column)] scope="col" { (heading(visit, name, column)) } } } }
                    tbody { @for row in &page.rows { (row_of(page.columns, row)) } }
                }
            }
        }
        @if let Some(next) = &page.next {
            nav.pager aria-label="Pages of rows" { a.button rel="next" href=(link(visit, name, &[("cursor", next.to_string())])) { "Next rows" } }
        }
    }
}

fn is_number(column: &Column) -> bool {
    matches!(column.kind, ColumnType::Int | ColumnType::Float | ColumnType::Decimal)
}

fn row_of(columns: &[Column], row: &Row) -> Markup {
    html! {
        tr {
            @for (column, value) in columns.iter().zip(row) {
                @match column.role {
                    Role::Key => th scope="row" { code { bdi { (value_text(value)) } } },
                    Role::Encrypted | Role::Lookup => td { span.muted { "secret" } },
                    _ => td.number[is_number(column)] { bdi { (value_text(value)) } },
                }
            }
        }
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Text(text) => text::cell(text),
        other => text::cell(&other.to_text()),
    }
}

/// The name of a column; a link that sorts by it, if the store can.
fn heading(visit: &Visit, name: &str, column: &Column) -> Markup {
    if !matches!(column.role, Role::Key | Role::Index) {
        return html! { (column.name) };
    }
    let is_sorted = visit.field("order") == column.name;
    let is_descending = is_sorted && visit.field("descending") == "1";
    let next = if is_sorted && !is_descending { "1" } else { "" };
    let target = link(visit, name, &[("order", column.name.to_owned()), ("descending", next.to_owned())]);
    html! { a href=(target) { (column.name) @if is_sorted { @if is_descending { " ↓" } @else { " ↑" } } } }
}

fn search(visit: &Visit, name: &str, columns: &[Column]) -> Markup {
    let searchable = columns.iter().filter(|column| matches!(column.role, Role::Key | Role::Index));
    html! {
        form.filter method="get" action={ (visit.links.projection(name)) "#rows" } role="search" {
            label { span { "Column" } select name="column" {
                @for column in searchable { option value=(column.name) selected[visit.field("column") == column.name] { (column.name) } }
            } }
            label { span { "Value" } input name="value" value=(visit.field("value")) autocomplete="off" spellcheck="false"; }
            div.buttons { button { "Find rows" } a.button.quiet href={ (visit.links.projection(name)) "#rows" } { "All rows" } }
        }
    }
}

/// A link to rows with the same conditions and order, unless the fields say otherwise.
fn link(visit: &Visit, name: &str, fields: &[(&str, String)]) -> String {
    let current = ["column", "value", "order", "descending"].map(|field| (field, visit.field(field)));
    let replaced = |field: &str| fields.iter().any(|(name, _)| *name == field);
    let all = current.into_iter().filter(|(field, _)| !replaced(field));
    let all = all.chain(fields.iter().map(|(field, value)| (*field, value.as_str())));
    visit.links.with(&format!("projections/{name}"), all) + "#rows"
}
