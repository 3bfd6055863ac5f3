//! Removes what is forgotten from stored rows: the texts of secrets whose keys are erased, and their lookups.

use std::time::Duration;

use super::sealed_rows::{FORGOTTEN, Keys, SealedRows, has_lookup, sealed_in, secrets};
use crate::{
    backoff::Backoff,
    error::Error,
    rows::{Checkpoint, CommitOutcome, Key, Row, RowChange, RowQuery, Table, Value},
};

/// How many rows are read at once.
const PAGE: usize = 500;
/// How often rows are read again because another process has changed rows meanwhile.
const MAX_TRIES: usize = 100;
/// Pauses before the rows of a commit are cleaned again after an error.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

impl SealedRows {
    /// Removes what is forgotten from all rows of a build, page by page.
    pub(super) async fn clean(&self, table: &Table) -> Result<(), Error> {
        let mut after = None;
        while let Some(last) = self.clean_page(table, after.as_ref()).await? {
            after = Some(last);
        }
        Ok(())
    }

    /// Commits rows with lookups, and removes those of subjects that were forgotten before the commit was done: `App::forget` may have read the
    /// rows in between. `generation` is that of the keys before the rows were encrypted. Completes even if its caller is dropped.
    pub(super) async fn commit_lookups(
        &self,
        change: RowChange,
        generation: u32,
    ) -> Result<CommitOutcome, Error> {
        let rows = self.clone();
        let committing = tokio::spawn(async move {
            let (table, keys) = (change.table, change.upserts.iter().map(|row| change.table.key_of(row)));
            let keys: Vec<Key> = keys.collect();
            let outcome = rows.inner.commit(change).await;
            // After an error the rows may be written.
            if outcome.as_ref().is_ok_and(|outcome| *outcome != CommitOutcome::Done) {
                return outcome;
            }
            if let Err(error) = rows.clean_committed(&table, &keys, generation).await {
                tracing::warn!(%error, table = %table.name(), "could not ask whether subjects of new rows were forgotten; trying again");
                tokio::spawn(async move { rows.clean_committed_later(table, keys, generation).await });
            }
            outcome
        });
        committing.await.map_err(|error| Error::unknown("commit rows with secrets", error.to_string()))?
    }

    /// Removes what is forgotten from rows that were committed, if a subject was forgotten since this generation of the keys. An erasure that
    /// this does not see is so recent that `App::forget` has not read the rows yet.
    async fn clean_committed(&self, table: &Table, keys: &[Key], generation: u32) -> Result<(), Error> {
        self.ring.discard_erased().await?;
        if self.ring.generation() == generation {
            return Ok(());
        }
        for _ in 0..MAX_TRIES {
            let Some(checkpoint) = self.checkpoint(table).await? else { return Ok(()) };
            let rows = self.inner.rows(table, keys).await?.into_iter().flatten().collect();
            if self.forget_rows(table, &checkpoint, rows).await? {
                return Ok(());
            }
        }
        Err(changed_too_often(table))
    }

    async fn clean_committed_later(&self, table: Table, keys: Vec<Key>, generation: u32) {
        let mut backoff = RETRY;
        while let Err(error) = self.clean_committed(&table, &keys, generation).await {
            tracing::warn!(%error, table = %table.name(), "subjects of rows may not be completely forgotten; trying again");
            tokio::time::sleep(backoff.next_pause()).await;
        }
    }

    /// Removes what is forgotten from the page of rows after a key. Returns the key of the last row; `None` after the last page.
    async fn clean_page(&self, table: &Table, after: Option<&Key>) -> Result<Option<Key>, Error> {
        let mut limit = PAGE;
        for _ in 0..MAX_TRIES {
            let Some(checkpoint) = self.checkpoint(table).await? else { return Ok(None) };
            let after = after.map(|key| (None, key.clone()));
            let query = RowQuery { table, filters: Vec::new(), sort: None, after, limit };
            let rows = self.inner.find(&query).await?;
            let last = rows.last().map(|row| table.key_of(row));
            if self.forget_rows(table, &checkpoint, rows).await? {
                return Ok(last);
            }
            // A smaller page is written sooner after it was read.
            limit = (limit / 2).max(1);
        }
        Err(changed_too_often(table))
    }

    /// The checkpoint of a build; `None` if the build was discarded meanwhile.
    async fn checkpoint(&self, table: &Table) -> Result<Option<Checkpoint>, Error> {
        let builds = self.inner.builds(table.projection).await?;
        Ok(builds.into_iter().find(|build| build.order() == table.order()).map(|build| build.checkpoint))
    }

    /// Replaces the forgotten secrets of rows that were read at a checkpoint. Returns `false` if rows have changed since.
    async fn forget_rows(
        &self,
        table: &Table,
        checkpoint: &Checkpoint,
        rows: Vec<Row>,
    ) -> Result<bool, Error> {
        let keys = self.keys_of(table, rows.iter()).await?;
        let mut upserts = rows;
        upserts.retain_mut(|row| forget_in(table, row, &keys));
        if upserts.is_empty() {
            return Ok(true);
        }
        let Checkpoint { position, parked, ref stopped, .. } = *checkpoint;
        let change = RowChange { parked, upserts, ..RowChange::new(table, position, position) };
        if self.inner.commit(change).await? != CommitOutcome::Done {
            return Ok(false);
        }
        // The commit has cleared it.
        if stopped.is_some() {
            self.inner.report(table, stopped.as_deref()).await?;
        }
        Ok(true)
    }
}

/// Replaces the secrets of a row whose keys are erased. Returns `true` if there were any.
fn forget_in(table: &Table, row: &mut Row, keys: &Keys) -> bool {
    let mut has_changed = false;
    for column in secrets(table) {
        let key = sealed_in(row, column).and_then(|sealed| sealed.key());
        if key.is_some_and(|key| matches!(keys.get(&key), Some(None))) {
            row[column] = Value::Text(FORGOTTEN.to_owned());
            if has_lookup(table, column) {
                row[column + 1] = Value::Null;
            }
            has_changed = true;
        }
    }
    has_changed
}

fn changed_too_often(table: &Table) -> Error {
    let reason = "the rows have changed too often meanwhile; repeat the call";
    Error::unavailable(format!("remove forgotten secrets from `{}`", table.name()), reason)
}
