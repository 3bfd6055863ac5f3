//! All projections and policies.

use annalist_core::app::Overview;
use axum::response::Response;
use maud::{Markup, html};

use crate::{failure::Failure, fragments, layout::Section, text, visit::Visit};

pub(crate) async fn show(visit: Visit) -> Response {
    visit.page("Projections", Section::Projections, content(&visit)).await
}

async fn content(visit: &Visit) -> Result<Markup, Failure> {
    let overview = visit.site.app.overview().await?;
    Ok(html! { h1 { "Projections and policies" } (table(&overview, visit)) })
}

/// A table of projections and policies.
pub(crate) fn table(overview: &[Overview], visit: &Visit) -> Markup {
    if overview.is_empty() {
        return fragments::empty(
            "The program has no projections and no policies.",
            "Register them with `Builder::projection` and `Builder::policy`.",
        );
    }
    html! {
        div.scroll tabindex="0" role="region" aria-label="Projections and policies" {
            table {
                caption.visually-hidden { "Projections and policies" }
                thead { tr { th scope="col" { "Name" } th scope="col" { "State" } th.number scope="col" { "Position" } th.number scope="col" { "Behind" } th.number scope="col" { "Parked" } th scope="col" { "Notes" } } }
                tbody { @for one in overview { (row(one, visit)) } }
            }
        }
    }
}

fn row(one: &Overview, visit: &Visit) -> Markup {
    html! {
        tr {
            th scope="row" { a href=(visit.links.projection(one.name)) { (one.name) } }
            td { (fragments::state(one)) }
            td.number { (text::number(one.status.position.get())) }
            td.number { (fragments::lag(one)) }
            td.number {
                @if one.status.parked > 0 { a href=(visit.links.with("parked", [("name", one.name)])) { (text::number(one.status.parked)) } }
                @else { span.muted { "0" } }
            }
            td.payload {
                @if let Some(reason) = fragments::reason(one) { (text::cell(&reason)) }
                @else if let Some(progress) = one.building() { (progress) }
            }
        }
    }
}

/// The overview of one projection or policy.
///
/// # Errors
/// [`Failure::NotFound`] if the program has none of this name.
pub(crate) async fn find(visit: &Visit, name: &str) -> Result<Overview, Failure> {
    let all = visit.site.app.overview().await?;
    let names = all.iter().map(|one| one.name).collect::<Vec<_>>().join(", ");
    all.into_iter().find(|one| one.name == name).ok_or_else(|| {
        Failure::NotFound(format!(
            "The program has no projection or policy “{}”. It has: {names}.",
            text::cell(name)
        ))
    })
}
