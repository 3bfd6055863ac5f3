//! Writes the appends of a batch: in one call, or in one transaction with inline rows.
//!
//! The locks of an append with inline builds include one for each row that it changes. They are acquired with all others in
//! ascending order, before positions are assigned: of two appends that change the same row, the one that is first in the
//! log also folds first. Builds become inline, and async again, under the exclusive lock on the log, which every append holds
//! shared: under that lock an append sees which builds fold its types.

use std::collections::BTreeMap;

use annalist_core::{
    record::Record,
    rows::{BuildId, Inline},
    store::{Append, AppendOutcome, EventRef},
};
use sqlx::{Connection, PgConnection};

use super::{
    inline::fold,
    job::AppendJob,
    outcomes::{Outcomes, outcomes},
    params::AppendParams,
};
use crate::{batcher::BatchError, builds::tables::RowTables, database::Database, error::is_unique_violation};

/// How often an append is repeated because one of its positions was filled with a tombstone before it inserted its event. That
/// takes a pause of many milliseconds inside the function, so twice in a row is very unlikely.
const MAX_RETRIES: usize = 10;

/// Writes jobs without inline builds, none of which conflicts with a later one, in one call.
pub(super) async fn append<'a>(
    database: &Database,
    connection: &mut PgConnection,
    jobs: impl Iterator<Item = &'a AppendJob> + Clone,
    newest: Option<EventRef>,
) -> Result<Outcomes, BatchError> {
    let params = params(jobs.clone(), newest)?;
    let mut retries = 0;
    let rows = loop {
        match params.bind(&database.sql.append).fetch_all(&mut *connection).await {
            Ok(rows) => break rows,
            Err(error) if is_unique_violation(&error) && retries < MAX_RETRIES => retries += 1,
            Err(error) => return Err(BatchError::sent(error)),
        }
    };
    outcomes(&params, &database.seen, &rows, jobs).map_err(BatchError::sent)
}

/// Writes jobs that fold the same inline builds in one transaction with the rows. If sessions are shared, also jobs without builds
/// are written like this.
pub(super) async fn append_and_fold<'a>(
    database: &Database,
    tables: &RowTables,
    connection: &mut PgConnection,
    jobs: impl Iterator<Item = &'a AppendJob> + Clone,
    newest: Option<EventRef>,
) -> Result<Outcomes, BatchError> {
    let params = params(jobs.clone(), newest)?;
    let mut retries = 0;
    loop {
        match transaction(database, tables, connection, &params, jobs.clone()).await {
            Err(BatchError::NotWritten(error)) if is_unique_violation(&error) && retries < MAX_RETRIES => {
                retries += 1;
            }
            result => return result,
        }
    }
}

async fn transaction<'a>(
    database: &Database,
    tables: &RowTables,
    connection: &mut PgConnection,
    params: &AppendParams<'_>,
    jobs: impl Iterator<Item = &'a AppendJob> + Clone,
) -> Result<Outcomes, BatchError> {
    let mut transaction = connection.begin().await.map_err(BatchError::not_written)?;
    let rows = params.bind(&database.sql.append).fetch_all(&mut *transaction).await;
    let rows = rows.map_err(BatchError::not_written)?;
    let outcomes = outcomes(params, &database.seen, &rows, jobs.clone()).map_err(BatchError::not_written)?;
    let records = stored_records(jobs.clone(), &outcomes, |_| true);
    for job in jobs.take(1) {
        for inline in inline_builds(job) {
            fold(tables, &mut transaction, inline, &records).await.map_err(BatchError::Job)?;
        }
        if job.adds_successors() && matches!(outcomes.first(), Some(Ok(AppendOutcome::Appended(_)))) {
            // The builds that fold an older name fold the types of the provided folds from now on.
            for inline in inline_builds(job) {
                let types: Vec<&str> = inline.types().to_vec();
                let insert = database.sql.make_inline.for_build(inline.table()).bind(types);
                insert.execute(&mut *transaction).await.map_err(BatchError::not_written)?;
            }
        }
    }
    transaction.commit().await.map_err(BatchError::sent)?;
    Ok(outcomes)
}

fn params<'a>(
    jobs: impl Iterator<Item = &'a AppendJob> + Clone,
    newest: Option<EventRef>,
) -> Result<AppendParams<'a>, BatchError> {
    AppendParams::new(jobs, newest).map_err(|error| BatchError::not_written(sqlx::Error::Encode(error)))
}

/// The builds that a job folds, without duplicates.
fn inline_builds(job: &AppendJob) -> impl Iterator<Item = &dyn Inline> {
    let provided = job.appends.iter().flat_map(|append| &append.inline);
    let unique: BTreeMap<BuildId, &dyn Inline> =
        provided.map(|inline| (inline.table().into(), &**inline)).collect();
    unique.into_values()
}

/// The events that were written by the appends that `is_wanted` selects, in the order of the log.
pub(super) fn stored_records<'a>(
    jobs: impl Iterator<Item = &'a AppendJob>,
    outcomes: &Outcomes,
    is_wanted: impl Fn(&Append) -> bool,
) -> Vec<Record> {
    let mut records = Vec::new();
    for (job, outcome) in jobs.zip(outcomes) {
        let Ok(AppendOutcome::Appended(receipts)) = outcome else { continue };
        for (append, receipt) in job.appends.iter().zip(receipts).filter(|(append, _)| is_wanted(append)) {
            for (draft, event) in append.events.iter().zip(&receipt.events) {
                let metadata = append.metadata.clone();
                records.push(draft.clone().record(event.position, append.recorded_at, metadata));
            }
        }
    }
    records.sort_unstable_by_key(|record| record.position);
    records
}
