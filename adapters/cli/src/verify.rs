//! `verify`: checks the stored data.

use annalist_core::{
    finding::Finding,
    record::Position,
    store::EventStore,
    verify::{VerifyReport, verify},
};
use serde_json::{Value, json};

use crate::{failure::Failure, output::Output};

/// Checks the whole log. Rows of projections are checked by the application that knows them.
pub(crate) async fn run(store: &dyn EventStore, output: &mut Output<'_>) -> Result<(), Failure> {
    let report = verify(store, &[]).await?;
    output.print("verification", || value(&report), || report.to_string())?;
    if report.is_sound() { Ok(()) } else { Err(Failure::Defects(report.total)) }
}

fn value(report: &VerifyReport) -> Value {
    json!({
        "log": report.log,
        "up_to": report.up_to.get(),
        "events": report.events,
        "defects": report.total,
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "kind": finding.kind.to_string(),
        "position": finding.position.map(Position::get),
        "place": finding.place,
        "problem": finding.problem,
    })
}
