//! The import of a log, in one transaction that holds the write lock.

use std::{mem, sync::Arc};

use annalist_core::{
    error::Error,
    record::Record,
    store::{
        AcceptedCommand, Archive, Entry, EventRef, ImportTransaction, Outcome, PolicyCheckpoint, Rewrite,
        Successor, Successors,
    },
};
use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection, pool::PoolConnection, query_as, raw_sql};

use crate::{
    append::{Insert, insert},
    archive,
    connections::Durability,
    error::{TransactionError, failed_commit},
    log::{Log, Operation},
    policies, rewrite,
    rows::{integer, json, receipt_text},
    sql::Sql,
};

const OPERATION: Operation<'static> = Operation::Log("import into");

pub(crate) struct Import {
    log: Arc<Log>,
    /// Closed unless the import is finished, which ends the transaction even if the future of a call was dropped.
    connection: PoolConnection<Sqlite>,
    is_finished: bool,
    /// Whether no call has failed or was dropped: otherwise a part of what it should write may be missing.
    is_intact: bool,
    epoch: u64,
    last: Option<EventRef>,
}

impl Import {
    /// Begins the transaction. It waits for the write lock as long as an append does.
    pub(crate) async fn begin(log: Arc<Log>) -> Result<Self, Error> {
        if let Some(defect) = log.file.defect() {
            return Err(Error::unusable(log.describe(OPERATION), defect));
        }
        let connection = log.write_connection(OPERATION).await?;
        let mut import = Self { log, connection, is_finished: false, is_intact: true, epoch: 0, last: None };
        match import.lock_empty_log().await {
            Ok(()) => Ok(import),
            Err(error) => Err(import.failed(error)),
        }
    }

    async fn lock_empty_log(&mut self) -> Result<(), TransactionError> {
        let Self { log, connection, epoch, .. } = self;
        let begin = log.writer.begin_statement(Durability::Synced);
        raw_sql(begin).execute(&mut **connection).await?;
        // What this process has seen of the log may have been lost.
        log.end(connection).await?;
        *epoch = log.seen.now().epoch;
        let (has_content, inline): (bool, Option<String>) =
            query_as(log.sql.import_state.clone()).fetch_one(&mut **connection).await?;
        if has_content {
            let reason = "the log is not empty; import into a new one";
            return Err(TransactionError::Unusable(reason.to_owned()));
        }
        if let Some(build) = inline {
            return Err(TransactionError::Unusable(format!(
                "the build `{build}` is inline, so it would lack the imported events; make its projection async first"
            )));
        }
        Ok(())
    }

    /// Begins to write something. The import is intact again once [`Import::end_step`] was called.
    fn begin_step(&mut self) -> Result<(&mut SqliteConnection, &Sql), Error> {
        if !mem::take(&mut self.is_intact) {
            let reason = "an earlier call of this import failed or was cancelled; begin the import again";
            return Err(Error::unusable(self.log.describe(OPERATION), reason));
        }
        Ok((&mut self.connection, &self.log.sql))
    }

    fn end_step(&mut self, result: Result<(), sqlx::Error>) -> Result<(), Error> {
        result.map_err(|error| self.failed(error))?;
        self.is_intact = true;
        Ok(())
    }

    fn failed(&self, error: impl Into<TransactionError>) -> Error {
        error.into().into_error(|| self.log.describe(OPERATION))
    }
}

#[async_trait]
impl ImportTransaction for Import {
    async fn write_events(&mut self, records: Vec<Record>, tombstones: Vec<EventRef>) -> Result<(), Error> {
        let stored = records.iter().map(|record| EventRef { position: record.position, id: record.id });
        let mut written: Vec<EventRef> = stored.chain(tombstones.iter().copied()).collect();
        written.sort_unstable_by_key(|event| event.position);
        let mut last = self.last.map_or(0, |last| last.position.get());
        let mut gaps = Vec::new();
        for event in &written {
            let position = event.position.get();
            if position > last + 1 {
                gaps.push((integer(last + 1), integer(position - 1)));
            }
            last = position;
        }
        let last = written.last().copied();
        let events = records.iter().map(|record| Ok((record, json(record.metadata()?))));
        let events: Vec<_> = events.collect::<Result<_, Error>>()?;
        let (connection, sql) = self.begin_step()?;
        let written = async {
            insert(connection, &sql.insert_events, &events, bind_event).await?;
            insert(connection, &sql.insert_tombstones, &tombstones, |insert, event| {
                insert.bind(integer(event.position.get())).bind(event.id.to_string())
            })
            .await?;
            insert(connection, &sql.insert_gaps, &gaps, |insert, (first, last)| {
                insert.bind(*first).bind(*last)
            })
            .await
        };
        let written = written.await;
        self.end_step(written)?;
        self.last = last.or(self.last);
        Ok(())
    }

    async fn write_archives(&mut self, archives: Vec<Archive>) -> Result<(), Error> {
        for one in archives {
            let (connection, sql) = self.begin_step()?;
            let imported = archive::import(connection, sql, &one).await;
            imported.map_err(|error| self.failed(error))?;
            self.is_intact = true;
        }
        Ok(())
    }

    async fn write_retags(&mut self, retags: Vec<Rewrite>) -> Result<(), Error> {
        for one in retags {
            let (connection, sql) = self.begin_step()?;
            let written = rewrite::save(connection, sql, &one).await;
            self.end_step(written)?;
        }
        Ok(())
    }

    async fn write_successors(&mut self, successors: Vec<Successor>) -> Result<(), Error> {
        let version = integer(Successors::version_after(0));
        let successors: Vec<_> = successors.into_iter().map(|successor| (successor, version)).collect();
        let (connection, sql) = self.begin_step()?;
        let written = insert(connection, &sql.replace_successors, &successors, bind_successor).await;
        self.end_step(written)
    }

    async fn write_command_ids(&mut self, commands: Vec<AcceptedCommand>) -> Result<(), Error> {
        let (connection, sql) = self.begin_step()?;
        let written = insert(connection, &sql.replace_commands, &commands, bind_command).await;
        self.end_step(written)
    }

    async fn write_journal(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let (connection, sql) = self.begin_step()?;
        let written = insert(connection, &sql.replace_entries, &entries, bind_entry).await;
        self.end_step(written)
    }

    async fn write_policies(&mut self, policies: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        let log = Arc::clone(&self.log);
        for policy in policies {
            let (connection, sql) = self.begin_step()?;
            let imported = policies::import(connection, sql, log.id, &policy).await;
            if !imported.map_err(|error| self.failed(error))? {
                return Err(policy.refused(log.describe(OPERATION)));
            }
            self.is_intact = true;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let (connection, _) = self.begin_step()?;
        let commit = raw_sql("COMMIT").execute(connection).await;
        commit.map_err(|error| failed_commit(self.log.describe(OPERATION), error.into()))?;
        self.is_finished = true;
        self.last.into_iter().for_each(|last| self.log.seen.saw(self.epoch, last));
        Ok(())
    }
}

impl Drop for Import {
    fn drop(&mut self) {
        if !self.is_finished {
            self.connection.close_on_drop();
        }
    }
}

fn bind_event(insert: Insert, (record, metadata): &(&Record, String)) -> Insert {
    insert
        .bind(integer(record.position.get()))
        .bind(record.id.to_string())
        .bind(record.name.to_string())
        .bind(record.version)
        .bind(record.recorded_at.as_micros())
        .bind(json(&record.tags))
        .bind(metadata.clone())
        .bind(record.data.as_str().to_owned())
}

fn bind_successor(insert: Insert, (successor, version): &(Successor, i64)) -> Insert {
    insert
        .bind(successor.of().to_owned())
        .bind(successor.name().to_owned())
        .bind(successor.is_rename())
        .bind(integer(successor.since().get()))
        .bind(*version)
}

fn bind_command(insert: Insert, command: &AcceptedCommand) -> Insert {
    let AcceptedCommand { key, recorded_at, receipt } = command;
    insert
        .bind(key.id().to_owned())
        .bind(key.command().to_owned())
        .bind(key.scope().to_owned())
        .bind(recorded_at.as_micros())
        .bind(receipt_text(receipt))
}

fn bind_entry(insert: Insert, entry: &Entry) -> Insert {
    let (positions, rejection) = match &entry.outcome {
        Outcome::Accepted(positions) => (Some(json(positions)), None),
        Outcome::Rejected(error) => (None, Some(error.clone())),
    };
    insert
        .bind(integer(entry.number))
        .bind(entry.recorded_at.as_micros())
        .bind(json(&entry.metadata))
        .bind(entry.body.as_str().to_owned())
        .bind(positions)
        .bind(rejection)
}
