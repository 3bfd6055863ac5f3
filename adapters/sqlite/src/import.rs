//! The import of a log, in one transaction that holds the write lock.

use std::{mem, sync::Arc};

use annalist_core::{
    error::Error,
    record::Record,
    store::{AcceptedCommand, Entry, EventRef, ImportTransaction, Outcome},
};
use async_trait::async_trait;
use sqlx::{Sqlite, SqliteConnection, pool::PoolConnection, query_as, raw_sql};

use crate::{
    append::{Insert, insert},
    connections::Durability,
    error::{TransactionError, failed_commit},
    log::{Log, Operation},
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
    async fn write_events(&mut self, records: Vec<Record>) -> Result<(), Error> {
        let mut last = self.last.map_or(0, |last| last.position.get());
        let mut gaps = Vec::new();
        for record in &records {
            let position = record.position.get();
            if position > last + 1 {
                gaps.push((integer(last + 1), integer(position - 1)));
            }
            last = position;
        }
        let events = records.iter().map(|record| Ok((record, json(record.metadata()?))));
        let events: Vec<_> = events.collect::<Result<_, Error>>()?;
        let (connection, sql) = self.begin_step()?;
        let written = async {
            insert(connection, &sql.insert_events, &events, bind_event).await?;
            insert(connection, &sql.insert_gaps, &gaps, |insert, (first, last)| {
                insert.bind(*first).bind(*last)
            })
            .await
        };
        let written = written.await;
        self.end_step(written)?;
        let last = records.last().map(|record| EventRef { position: record.position, id: record.id });
        self.last = last.or(self.last);
        Ok(())
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
