//! Verification of inline builds.

use annalist_core::verify::verify;

use super::notes::*;
use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("inline_verify" needs [Rows, Inline]: [
    inline_builds_are_no_findings,
]);

async fn expect_sound(log: &Handle) -> Outcome {
    let report = verify(&*log.store(), &[log.rows().store()]).await?;
    ensure!(report.is_sound(), "a correct store must have no findings: {report}");
    Ok(())
}

async fn inline_builds_are_no_findings(log: Log) -> Outcome {
    let fold = [notes(NOTES)];
    log.expect_accepted(append([note_event("written", &["a"], 1)])).await?;
    log.define_inline(&fold[0]).await?;
    expect_sound(&log).await?;
    for number in 2..5 {
        log.expect_accepted_with(append([note_event("edited", &["a"], number)]), &fold).await?;
        expect_sound(&log).await?;
    }
    log.rows().make_async(&NOTES).await?;
    expect_sound(&log).await
}
