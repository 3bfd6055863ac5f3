//! The import of a log: one transaction, which holds the lock on the log that every append takes.

mod copy_text;

use std::{iter, mem, sync::Arc};

use annalist_core::{
    error::Error,
    record::{Position, Record},
    store::{
        AcceptedCommand, Archive, Entry, EventRef, ImportTransaction, Outcome, PolicyCheckpoint, Rewrite,
        Successor, Successors,
    },
};
use async_trait::async_trait;
use sqlx::{
    AssertSqlSafe, PgConnection, Postgres, Row,
    pool::PoolConnection,
    postgres::{PgArguments, PgCopyIn},
    query::Query,
    raw_sql,
};
use uuid::Uuid;

use self::copy_text::{add_row, add_tombstone};
use crate::{
    append::locks::AdvisoryKeys,
    archive,
    builds::policies,
    database::Database,
    error::{append_failed, failed},
    high_water::{mark::HighWater, notify::Notifier},
    rewrite,
    sql::Statement,
    values::{Json, Time, array_literal, to_i64},
};

/// How many bytes of rows are sent at once. The server works on them while the next ones are made.
const CHUNK: usize = 32 << 10;

/// Begins imports.
pub(crate) struct Imports {
    pub(crate) database: Arc<Database>,
    pub(crate) keys: Arc<AdvisoryKeys>,
    pub(crate) high_water: Arc<HighWater>,
    pub(crate) notifier: Option<Arc<Notifier>>,
}

/// An import in progress.
pub(crate) struct Import {
    database: Arc<Database>,
    notifier: Option<Arc<Notifier>>,
    /// `None` at the end. Otherwise it is closed when this is dropped, which rolls back.
    connection: Option<PoolConnection<Postgres>>,
    /// Whether no call has failed or was dropped.
    is_intact: bool,
    epoch: u64,
    last: Option<EventRef>,
    last_number: u64,
}

impl Imports {
    /// Waits until no append is running, as long as the timeout of the store, and locks out new ones.
    pub(crate) async fn begin(&self) -> Result<Import, Error> {
        let database = &self.database;
        // Finds out whether the log has lost what this process has seen.
        self.high_water.settled().await?;
        let connection = database.acquire().await.map_err(|error| import_error(database, error))?;
        let mut import = Import {
            database: Arc::clone(database),
            notifier: self.notifier.clone(),
            connection: Some(connection),
            is_intact: true,
            epoch: database.seen.now().epoch,
            last: None,
            last_number: 0,
        };
        let begin = database.sql.import_begin.with("{key}", &self.keys.log().to_string());
        let timeout = database.timeout.as_millis().clamp(1, 600_000);
        import.run(&begin.with("{timeout}", &timeout.to_string())).await?;
        import.check_state().await?;
        Ok(import)
    }
}

impl Import {
    async fn check_state(&mut self) -> Result<(), Error> {
        let query = self.database.sql.import_state.query();
        let row = query.fetch_one(self.begin_step()?).await;
        let state = row.and_then(|row| {
            Ok((
                row.try_get::<bool, _>("has_content")?,
                row.try_get::<Option<String>, _>("inline")?,
                row.try_get::<bool, _>("is_owner")?,
            ))
        });
        let (has_content, inline, is_owner) = state.map_err(|error| self.error(error))?;
        let refuse = |reason: String| Err(Error::unusable(operation(&self.database), reason));
        if has_content {
            return refuse("the log is not empty; import into a new one".to_owned());
        }
        if let Some(build) = inline {
            return refuse(format!(
                "the build `{build}` is inline, so it would lack the imported events; make its projection async first"
            ));
        }
        if !is_owner {
            return refuse(
                "an import restarts the sequences of the log, which only their owner may do; connect as the role that created the schema"
                    .to_owned(),
            );
        }
        self.is_intact = true;
        Ok(())
    }

    /// The connection, unless an earlier step failed. The import is intact again once the caller has completed this step.
    fn begin_step(&mut self) -> Result<&mut PgConnection, Error> {
        match &mut self.connection {
            Some(connection) if mem::take(&mut self.is_intact) => Ok(connection),
            _ => {
                let reason = "an earlier call of this import failed or was cancelled; begin the import again";
                Err(Error::unusable(operation(&self.database), reason))
            }
        }
    }

    fn error(&self, error: sqlx::Error) -> Error {
        import_error(&self.database, error)
    }

    /// Runs statements without parameters.
    async fn run(&mut self, statement: &Statement) -> Result<(), Error> {
        let text = AssertSqlSafe(statement.text());
        let result = raw_sql(text).execute(self.begin_step()?).await;
        result.map_err(|error| self.error(error))?;
        self.is_intact = true;
        Ok(())
    }

    async fn execute(&mut self, query: Query<'_, Postgres, PgArguments>) -> Result<(), Error> {
        let result = query.execute(self.begin_step()?).await;
        result.map_err(|error| self.error(error))?;
        self.is_intact = true;
        Ok(())
    }

    /// Sends events as rows of COPY, with tombstones for the positions without an event.
    async fn copy(&mut self, records: &[Record], tombstones: &[EventRef]) -> Result<(), Error> {
        let statement = self.database.sql.import_events.text();
        let database = Arc::clone(&self.database);
        let failed = |error| import_error(&database, error);
        let mut last = self.last.map_or(0, |last| last.position.get());
        let mut copy = self.begin_step()?.copy_in_raw(&statement).await.map_err(failed)?;
        let mut text = String::new();
        for row in in_order(records, tombstones) {
            for gap in last + 1..row.position().get() {
                add_tombstone(&mut text, gap, Uuid::nil());
                send_chunk(&mut copy, &mut text).await.map_err(failed)?;
            }
            match row {
                Imported::Event(record) => add_row(&mut text, record)?,
                Imported::Tombstone(event) => add_tombstone(&mut text, event.position.get(), event.id),
            }
            send_chunk(&mut copy, &mut text).await.map_err(failed)?;
            last = row.position().get();
        }
        copy.send(text.as_bytes()).await.map_err(failed)?;
        copy.finish().await.map_err(failed)?;
        self.is_intact = true;
        Ok(())
    }

    /// Writes what depends on all events, and the last position and number that are in use.
    async fn complete(&mut self) -> Result<(), Error> {
        let database = Arc::clone(&self.database);
        let sql = &database.sql;
        if let Some(last) = self.last {
            self.execute(sql.import_tags.planned()).await?;
            self.execute(sql.import_high_water.planned().bind(to_i64(last.position))).await?;
            self.run(&sql.import_positions.with("{last}", &last.position.to_string())).await?;
        }
        if self.last_number > 0 {
            self.run(&sql.import_numbers.with("{last}", &self.last_number.to_string())).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl ImportTransaction for Import {
    async fn write_events(&mut self, records: Vec<Record>, tombstones: Vec<EventRef>) -> Result<(), Error> {
        self.copy(&records, &tombstones).await?;
        let last = records.last().map(|record| EventRef { position: record.position, id: record.id });
        let written = last.into_iter().chain(tombstones.last().copied());
        self.last = self.last.into_iter().chain(written).max_by_key(|event| event.position);
        Ok(())
    }

    async fn write_archives(&mut self, archives: Vec<Archive>) -> Result<(), Error> {
        let database = Arc::clone(&self.database);
        for one in archives {
            let imported = archive::import(&database, self.begin_step()?, &one).await;
            imported.map_err(|error| self.error(error))?;
            self.is_intact = true;
        }
        Ok(())
    }

    async fn write_retags(&mut self, retags: Vec<Rewrite>) -> Result<(), Error> {
        let database = Arc::clone(&self.database);
        for one in retags {
            let saved = rewrite::save(&database, self.begin_step()?, &one).await;
            saved.map_err(|error| self.error(error))?;
            self.is_intact = true;
        }
        Ok(())
    }

    async fn write_successors(&mut self, successors: Vec<Successor>) -> Result<(), Error> {
        let insert = insert_successors(&self.database.sql.import_successors, &successors);
        self.execute(insert).await
    }

    async fn write_command_ids(&mut self, commands: Vec<AcceptedCommand>) -> Result<(), Error> {
        let insert = insert_command_ids(&self.database.sql.import_command_ids, &commands);
        self.execute(insert).await
    }

    async fn write_journal(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let insert = insert_entries(&self.database.sql.import_journal, &entries);
        self.execute(insert).await?;
        let last = entries.iter().map(|entry| entry.number).max();
        self.last_number = self.last_number.max(last.unwrap_or_default());
        Ok(())
    }

    async fn write_policies(&mut self, policies: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        let database = Arc::clone(&self.database);
        for policy in policies {
            let imported = policies::import(&database, self.begin_step()?, &policy).await;
            if !imported.map_err(|error| self.error(error))? {
                return Err(policy.refused(operation(&database)));
            }
            self.is_intact = true;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<(), Error> {
        self.complete().await?;
        let commit = raw_sql("COMMIT").execute(self.begin_step()?).await;
        commit.map_err(|error| append_failed(operation(&self.database), error.into()))?;
        drop(self.connection.take());
        self.last.into_iter().for_each(|last| self.database.seen.saw(self.epoch, last));
        if let Some(notifier) = &self.notifier {
            notifier.notify_all();
        }
        Ok(())
    }
}

impl Drop for Import {
    /// Closing the connection rolls back, whatever it is doing.
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            drop(connection.detach());
        }
    }
}

/// What is at a position.
#[derive(Clone, Copy)]
enum Imported<'a> {
    Event(&'a Record),
    Tombstone(EventRef),
}

impl Imported<'_> {
    fn position(self) -> Position {
        match self {
            Self::Event(record) => record.position,
            Self::Tombstone(event) => event.position,
        }
    }
}

/// Events and tombstones by position. Both are sorted.
fn in_order<'a>(records: &'a [Record], tombstones: &'a [EventRef]) -> impl Iterator<Item = Imported<'a>> {
    let (mut records, mut tombstones) = (records.iter().peekable(), tombstones.iter().peekable());
    iter::from_fn(move || match (records.peek(), tombstones.peek()) {
        (Some(record), Some(event)) if event.position < record.position => {
            tombstones.next().copied().map(Imported::Tombstone)
        }
        (Some(_), _) => records.next().map(Imported::Event),
        (None, _) => tombstones.next().copied().map(Imported::Tombstone),
    })
}

/// Sends rows that are enough for a message.
async fn send_chunk(copy: &mut PgCopyIn<&mut PgConnection>, text: &mut String) -> Result<(), sqlx::Error> {
    if text.len() >= CHUNK {
        copy.send(text.as_bytes()).await?;
        text.clear();
    }
    Ok(())
}

fn operation(database: &Database) -> String {
    database.operation("import into")
}

fn import_error(database: &Database, error: sqlx::Error) -> Error {
    failed(operation(database), error)
}

fn insert_successors(
    statement: &Statement,
    successors: &[Successor],
) -> Query<'static, Postgres, PgArguments> {
    let texts = |part: fn(&Successor) -> &str| -> Vec<String> {
        successors.iter().map(|successor| part(successor).to_owned()).collect()
    };
    let since = successors.iter().map(|successor| to_i64(successor.since()));
    statement
        .planned()
        .bind(texts(Successor::of))
        .bind(texts(Successor::name))
        .bind(successors.iter().map(Successor::is_rename).collect::<Vec<_>>())
        .bind(since.collect::<Vec<_>>())
        .bind(Successors::version_after(0).cast_signed())
}

fn insert_command_ids(
    statement: &Statement,
    commands: &[AcceptedCommand],
) -> Query<'static, Postgres, PgArguments> {
    let texts = |part: fn(&AcceptedCommand) -> &str| -> Vec<String> {
        commands.iter().map(|command| part(command).to_owned()).collect()
    };
    let events = |part: fn(&EventRef) -> String| -> Vec<String> {
        let literal = |command: &AcceptedCommand| {
            let parts: Vec<String> = command.receipt.events.iter().map(part).collect();
            array_literal(parts.iter().map(String::as_str))
        };
        commands.iter().map(literal).collect()
    };
    statement
        .planned()
        .bind(texts(|command| command.key.id()))
        .bind(texts(|command| command.key.command()))
        .bind(texts(|command| command.key.scope()))
        .bind(commands.iter().map(|command| Time(command.recorded_at)).collect::<Vec<_>>())
        .bind(events(|event| event.position.to_string()))
        .bind(events(|event| event.id.to_string()))
}

fn insert_entries(statement: &Statement, entries: &[Entry]) -> Query<'static, Postgres, PgArguments> {
    let json = |entry: &Entry| Json(serde_json::to_string(&entry.metadata).unwrap_or_default());
    let positions = |entry: &Entry| match &entry.outcome {
        Outcome::Accepted(positions) => {
            let texts: Vec<String> = positions.iter().map(ToString::to_string).collect();
            array_literal(texts.iter().map(String::as_str))
        }
        Outcome::Rejected(_) => array_literal([]),
    };
    let rejection = |entry: &Entry| match &entry.outcome {
        Outcome::Accepted(_) => None,
        Outcome::Rejected(error) => Some(Json(serde_json::Value::from(error.as_str()).to_string())),
    };
    statement
        .planned()
        .bind(entries.iter().map(|entry| i64::try_from(entry.number).unwrap_or(i64::MAX)).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| Time(entry.recorded_at)).collect::<Vec<_>>())
        .bind(entries.iter().map(json).collect::<Vec<_>>())
        .bind(entries.iter().map(|entry| Json(entry.body.as_str().to_owned())).collect::<Vec<_>>())
        .bind(entries.iter().map(positions).collect::<Vec<_>>())
        .bind(entries.iter().map(rejection).collect::<Vec<_>>())
}
