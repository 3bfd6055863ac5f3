//! The claim on a build: at most one process holds it.

use annalist_core::{
    record::Position,
    rows::{Build, Claim, Table},
};
use uuid::Uuid;

use super::builds::CHECKPOINT_ONLY;
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, log::Log, rows::*},
};

cases!("claims" needs [Rows]: [
    claim_is_replaced_only_if_it_is_the_expected_one,
    claim_leaves_checkpoint_and_report_unchanged,
    each_build_has_its_own_claim,
    undefined_build_cannot_be_claimed,
    one_of_several_racing_processes_replaces_a_claim,
] durable [
    claim_survives_reopen,
]);

const OWNER: Claim = Claim { holder: Uuid::from_u128(1), round: 0, challenged: false };

/// Every claim that differs from [`OWNER`] in one field, and no claim.
fn others() -> [Option<Claim>; 4] {
    [
        None,
        Some(Claim { holder: Uuid::from_u128(2), ..OWNER }),
        Some(Claim { round: 1, ..OWNER }),
        Some(Claim { challenged: true, ..OWNER }),
    ]
}

async fn claim_of(rows: &TestRows, table: &Table) -> Outcome<Option<Claim>> {
    Ok(rows.build_of(table).await?.claim)
}

async fn claim_is_replaced_only_if_it_is_the_expected_one(log: Log) -> Outcome {
    let rows = log.rows();
    for table in [CHECKPOINT_ONLY, THINGS] {
        let table = Table { version: 3, ..table.built(u32::from(table.is_checkpoint_only())) };
        rows.define_table(&table).await?;
        let wrong = rows.replace_claim(&table, Some(OWNER), Some(OWNER)).await?;
        ensure!(!wrong, "a build without a claim must not have the expected claim");
        let mut stored = None;
        for next in [Some(OWNER), None].into_iter().chain(others()).chain([Some(OWNER), Some(OWNER), None]) {
            for other in others().into_iter().chain([Some(OWNER)]).filter(|other| *other != stored) {
                let replaced = rows.replace_claim(&table, other, Some(OWNER)).await?;
                ensure!(!replaced, "claim {stored:?} must not be replaced if {other:?} is expected");
                ensure_eq!(claim_of(&rows, &table).await?, stored, "claim after a refused replacement");
            }
            let replaced = rows.replace_claim(&table, stored, next).await?;
            ensure!(replaced, "the expected claim {stored:?} must be replaced by {next:?}");
            ensure_eq!(claim_of(&rows, &table).await?, next, "claim after a replacement");
            stored = next;
        }
        let large = Some(Claim { round: u64::MAX >> 1, ..OWNER });
        ensure!(
            rows.replace_claim(&table, None, large).await?,
            "a claim with the highest round must be stored"
        );
        ensure_eq!(claim_of(&rows, &table).await?, large, "claim with the highest round");
    }
    Ok(())
}

async fn claim_leaves_checkpoint_and_report_unchanged(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&CHECKPOINT_ONLY).await?;
    rows.expect_committed(change(&CHECKPOINT_ONLY, 0, 7).with_anchor(anchor(7)).parking(vec![parked(
        5,
        &["a"],
        "no",
        1,
    )]))
    .await?;
    rows.report(&CHECKPOINT_ONLY, Some("poison")).await?;
    let before = rows.build_of(&CHECKPOINT_ONLY).await?;
    ensure!(rows.replace_claim(&CHECKPOINT_ONLY, None, Some(OWNER)).await?, "the build has no claim");
    let after = rows.build_of(&CHECKPOINT_ONLY).await?;
    ensure_eq!(after, Build { claim: Some(OWNER), ..before }, "build with a claim");
    rows.expect_committed(change(&CHECKPOINT_ONLY, 7, 9).if_parked(1)).await?;
    let moved = rows.build_of(&CHECKPOINT_ONLY).await?;
    ensure_eq!(
        (moved.claim, moved.checkpoint.position),
        (Some(OWNER), Position::new(9)),
        "claim and checkpoint after a change"
    );
    Ok(())
}

async fn each_build_has_its_own_claim(log: Log) -> Outcome {
    let rows = log.rows();
    let builds = [CHECKPOINT_ONLY, CHECKPOINT_ONLY.built(1), Table { version: 2, ..CHECKPOINT_ONLY }];
    for (number, table) in (1..).zip(&builds) {
        rows.define_table(table).await?;
        let claim = Claim { holder: Uuid::from_u128(number), ..OWNER };
        ensure!(rows.replace_claim(table, None, Some(claim)).await?, "the build has no claim");
    }
    for (number, table) in (1..).zip(&builds) {
        let claim = claim_of(&rows, table).await?.map(|claim| claim.holder.as_u128());
        ensure_eq!(claim, Some(number), "holder of the claim on `{}`", table.name());
    }
    Ok(())
}

async fn undefined_build_cannot_be_claimed(log: Log) -> Outcome {
    let rows = log.rows();
    ensure!(!rows.replace_claim(&CHECKPOINT_ONLY, None, Some(OWNER)).await?, "the build is not defined");
    ensure!(!rows.replace_claim(&CHECKPOINT_ONLY, None, None).await?, "the build is not defined");
    ensure_eq!(rows.builds(CHECKPOINT_ONLY.projection).await?, [], "builds after a claim on none");
    Ok(())
}

async fn one_of_several_racing_processes_replaces_a_claim(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    log.rows().define_table(&CHECKPOINT_ONLY).await?;
    let mut stored = None;
    for round in 0..log.rounds(20) as u64 {
        let contenders = (1..).zip(&handles).map(|(number, handle)| {
            let rows = handle.rows();
            async move {
                let claim = Claim { holder: Uuid::from_u128(number), round, challenged: false };
                Ok(rows.replace_claim(&CHECKPOINT_ONLY, stored, Some(claim)).await?.then_some(claim))
            }
        });
        let winners: Vec<Claim> = run_concurrently(contenders).await?.into_iter().flatten().collect();
        ensure_eq!(winners.len(), 1, "number of processes that replaced the claim");
        stored = claim_of(&log.rows(), &CHECKPOINT_ONLY).await?;
        ensure_eq!(stored, winners.first().copied(), "claim after the race");
    }
    Ok(())
}

async fn claim_survives_reopen(log: Log) -> Outcome {
    log.rows().define_table(&CHECKPOINT_ONLY).await?;
    ensure!(log.rows().replace_claim(&CHECKPOINT_ONLY, None, Some(OWNER)).await?, "the build has no claim");
    let log = log.reopened().await?;
    ensure_eq!(claim_of(&log.rows(), &CHECKPOINT_ONLY).await?, Some(OWNER), "claim after a reopen");
    Ok(())
}
