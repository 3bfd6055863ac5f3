//! Imports of the checkpoints of policies: a policy continues where it was in the other log.

use annalist_core::{
    Error,
    record::{Metadata, Position, Record},
    rows::{Anchor, Checkpoint, Claim, Parked, Table},
    store::PolicyCheckpoint,
};
use uuid::Uuid;

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("imported_policies" needs [Import, Rows]: [
    policies_continue_after_an_import,
    later_checkpoint_replaces_an_earlier_one,
    checkpoint_of_a_program_on_the_empty_log_is_replaced,
    only_policies_of_this_log_are_listed,
    policy_that_a_process_runs_refuses_an_import,
    name_of_another_build_refuses_an_import,
    dropped_import_leaves_checkpoints_unchanged,
]);

const MAILER: Table = Table { projection: "mailer", version: 1, build: 0, columns: &[] };
const CLAIM: Claim = Claim { holder: Uuid::from_u128(1), round: 0, challenged: false };
const OTHER: Table = Table { projection: "auditor", ..MAILER };

fn records() -> Vec<Record> {
    let record = |position| {
        event("a", &["x:1"]).record(Position::new(position), seconds_since_1970(1), Metadata::default())
    };
    [1, 2, 3, 5].map(record).to_vec()
}

fn parked(record: &Record, attempts: u32) -> Parked {
    let keys = vec![String::new(), "'\"\\ é\n".to_owned()];
    let error = "no '\"\\ é\n".to_owned();
    Parked { position: record.position, event: record.id, keys, error, attempts, needs_newer: attempts == 0 }
}

/// Two policies that have handled some of these events.
fn policies(records: &[Record]) -> Vec<PolicyCheckpoint> {
    let auditor = PolicyCheckpoint {
        name: OTHER.projection.to_owned(),
        position: Position::START,
        anchor: None,
        parked: vec![],
    };
    let mailer = PolicyCheckpoint {
        name: MAILER.projection.to_owned(),
        position: Position::new(4),
        anchor: Some(Anchor::of(&records[2])),
        parked: vec![parked(&records[0], 3), parked(&records[2], 0)],
    };
    vec![auditor, mailer]
}

async fn import(handle: &Handle, records: &[Record], policies: &[PolicyCheckpoint]) -> Result<(), Error> {
    let mut import = handle.import().await?;
    import.write_events(records.to_vec(), Vec::new()).await?;
    import.write_policies(policies.to_vec()).await?;
    import.finish().await
}

/// Checks that the row store has a checkpoint from which the policy continues.
async fn has_checkpoint(handle: &Handle, table: &Table, policy: &PolicyCheckpoint) -> Outcome {
    let rows = handle.rows();
    let expected = Checkpoint {
        position: policy.position,
        anchor: policy.anchor,
        parked: policy.parked.len() as u64,
        stopped: None,
    };
    ensure_eq!(rows.define_table(table).await?, expected, "checkpoint of `{}`", policy.name);
    let build = rows.build_of(table).await?;
    ensure!(build.live, "the checkpoint must be live: a policy that has started does not skip events");
    ensure_eq!(build.claim, None, "claim of `{}`", policy.name);
    ensure_eq!(rows.parked(table).await?, policy.parked, "parked events of `{}`", policy.name);
    Ok(())
}

async fn policies_continue_after_an_import(log: Log) -> Outcome {
    let (records, handles) = (records(), log.handles(2).await?);
    let policies = policies(&records);
    import(&handles[0], &records, &policies).await?;
    for handle in handles {
        ensure_eq!(handle.policies().await?, policies, "policies of the log");
        has_checkpoint(&handle, &OTHER, &policies[0]).await?;
        has_checkpoint(&handle, &MAILER, &policies[1]).await?;
    }
    Ok(())
}

async fn later_checkpoint_replaces_an_earlier_one(log: Log) -> Outcome {
    let records = records();
    let policies = policies(&records);
    let earlier = PolicyCheckpoint {
        position: Position::new(1),
        anchor: None,
        parked: vec![parked(&records[1], 1)],
        ..policies[1].clone()
    };
    import(&log, &records, &[earlier, policies[1].clone()]).await?;
    has_checkpoint(&log, &MAILER, &policies[1]).await
}

async fn checkpoint_of_a_program_on_the_empty_log_is_replaced(log: Log) -> Outcome {
    let (records, rows) = (records(), log.rows());
    rows.define_table(&MAILER).await?;
    rows.report(&MAILER, Some("stopped")).await?;
    let policies = policies(&records);
    import(&log, &records, &policies).await?;
    has_checkpoint(&log, &MAILER, &policies[1]).await
}

async fn only_policies_of_this_log_are_listed(log: Log) -> Outcome {
    ensure_eq!(log.policies().await?, [], "policies of an empty log");
    let rows = log.rows();
    rows.define_table(&crate::support::rows::THINGS).await?;
    // A custom projection: it has no columns, and it folds events.
    rows.define(&Table { projection: "custom", ..MAILER }, "[]", log.log_id()).await?;
    let other = log.another_log().await?;
    rows.define(&OTHER, "", other.log_id()).await?;
    rows.define_table(&MAILER).await?;
    let names: Vec<String> = log.policies().await?.into_iter().map(|policy| policy.name).collect();
    ensure_eq!(names, [MAILER.projection], "names of the policies");
    Ok(())
}

/// The process could handle the first event before it finds that the checkpoint has moved.
async fn policy_that_a_process_runs_refuses_an_import(log: Log) -> Outcome {
    let (records, rows) = (records(), log.rows());
    rows.define_table(&MAILER).await?;
    let claim = Some(CLAIM);
    ensure!(rows.replace_claim(&MAILER, None, claim).await?, "a free claim must be replaced");
    let policies = policies(&records);
    is_refused(&log, &records, &policies).await?;
    ensure!(rows.replace_claim(&MAILER, claim, None).await?, "the claim must still be there");
    import(&log, &records, &policies).await?;
    has_checkpoint(&log, &MAILER, &policies[1]).await
}

async fn name_of_another_build_refuses_an_import(log: Log) -> Outcome {
    let (records, rows) = (records(), log.rows());
    let other = log.another_log().await?;
    rows.define(&MAILER, "", other.log_id()).await?;
    rows.define(&OTHER, "[]", log.log_id()).await?;
    for policy in policies(&records) {
        is_refused(&log, &records, &[policy]).await?;
    }
    Ok(())
}

async fn is_refused(log: &Log, records: &[Record], policies: &[PolicyCheckpoint]) -> Outcome {
    match import(log, records, policies).await {
        Err(Error::Unusable { .. }) => {}
        other => ensure!(false, "the import must return `Unusable`, but returned {other:?}"),
    }
    ensure_eq!(log.read_all().await?, [], "events after a refused import");
    Ok(())
}

async fn dropped_import_leaves_checkpoints_unchanged(log: Log) -> Outcome {
    let (records, rows) = (records(), log.rows());
    rows.define_table(&MAILER).await?;
    let mut import = log.import().await?;
    import.write_events(records.clone(), Vec::new()).await?;
    import.write_policies(policies(&records)).await?;
    drop(import);
    ensure_eq!(rows.checkpoint_of(&MAILER).await?, Checkpoint::default(), "checkpoint of `mailer`");
    ensure_eq!(rows.builds(OTHER.projection).await?, [], "builds of `auditor`");
    Ok(())
}
