//! What operators do: forms that change projections, policies and parked events.

use annalist_core::record::Position;
use axum::{body::Bytes, extract::Path, http::HeaderMap, response::Response};

use crate::{
    failure::Failure,
    layout, text, token,
    visit::{Visit, parse},
};

/// The largest number of bytes of a reason.
const MAX_REASON: usize = 1_000;

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.trim())
    }

    fn reason(&self) -> Result<&str, Failure> {
        match self.field("reason") {
            "" => Err(Failure::BadInput("A reason is needed, for other operators.".to_owned())),
            long if long.len() > MAX_REASON => Err(Failure::BadInput(format!(
                "The reason has {} bytes; the limit is {MAX_REASON}.",
                long.len()
            ))),
            reason => Ok(reason),
        }
    }
}

/// Rebuilds, pauses, resumes or promotes a projection, or deletes its older builds.
pub(crate) async fn on_projection(
    Path((name, action)): Path<(String, String)>,
    visit: Visit,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = visit.site.bounded(change_projection(&visit, &name, &action, &headers, &body)).await;
    match done {
        Ok(()) => {
            visit.back_to(&visit.links.with(&format!("projections/{name}"), [("done", action.as_str())]))
        }
        Err(failure) => layout::failure_page(&visit.links, &failure),
    }
}

async fn change_projection(
    visit: &Visit,
    name: &str,
    action: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Failure> {
    let form = accepted(visit, headers, body)?;
    let app = visit.site.app.as_operator(&visit.identity.name);
    match action {
        "rebuild" => app.rebuild(name).await?,
        "pause" => app.pause(name, form.reason()?).await?,
        "resume" => app.resume(name).await?,
        "promote" => app.promote(name).await?,
        "discard-old" => drop(app.discard_old_builds(name).await?),
        _ => return Err(unknown(action)),
    }
    tracing::info!(operator = visit.identity.name, name, action, "an operator has acted in the inspector");
    Ok(())
}

/// Retries the parked events of a projection or policy, or discards one.
pub(crate) async fn on_parked(
    Path((name, action)): Path<(String, String)>,
    visit: Visit,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let done = visit.site.bounded(change_parked(&visit, &name, &action, &headers, &body)).await;
    match done {
        Ok(done) => visit.back_to(&visit.links.with("parked", [("done", done)])),
        Err(failure) => layout::failure_page(&visit.links, &failure),
    }
}

async fn change_parked(
    visit: &Visit,
    name: &str,
    action: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<&'static str, Failure> {
    let form = accepted(visit, headers, body)?;
    let app = visit.site.app.as_operator(&visit.identity.name);
    match action {
        "retry" => {
            app.request_retry(name).await?;
            Ok("retry")
        }
        "discard" => {
            let reason = form.reason()?;
            let position = parse::<u64>("position", form.field("position"), "a whole number such as 7")?;
            let position = Position::new(position.unwrap_or_default()).min(Position::END);
            let is_discarded = app.discard_parked(name, position).await?;
            tracing::warn!(
                operator = visit.identity.name,
                name,
                %position,
                reason,
                is_discarded,
                "an operator discards a parked event in the inspector"
            );
            Ok(if is_discarded { "discard" } else { "gone" })
        }
        _ => Err(unknown(action)),
    }
}

/// The fields of a form of the inspector, sent by an operator with the right to act.
///
/// # Errors
/// [`Failure::ReadOnly`] or [`Failure::ForeignForm`]; nothing may be changed then.
fn accepted(visit: &Visit, headers: &HeaderMap, body: &[u8]) -> Result<Form, Failure> {
    if !visit.identity.may_act {
        return Err(Failure::ReadOnly);
    }
    let form = Form(form_urlencoded::parse(body).into_owned().collect());
    if !token::is_own_form(headers, form.field("token")) {
        return Err(Failure::ForeignForm);
    }
    Ok(form)
}

fn unknown(action: &str) -> Failure {
    Failure::NotFound(format!("There is no action “{}”.", text::cell(action)))
}
