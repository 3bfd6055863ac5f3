//! Rows that change in the transactions of the appends.
//!
//! The locks of such an append include one for each row that it will change, taken with all others in ascending order, and
//! before it draws positions: so of two appends that change one row, the one that comes first in the log also
//! folds first. Builds go inline and leave under the log's own key, which every append shares: behind it an append
//! sees for sure which builds fold its types.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use annalist_core::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    record::{Draft, Position, Record},
    rows::{Anchor, BuildId, Checkpoint, Inline, InlineOutcome, Key, Table},
    store::{Append, AppendOutcome},
};
use sqlx::{Connection, PgConnection, Row};

use crate::{
    Store,
    append::{Columns, TRIES},
    builds::of,
    error::{append_failed, failed, is_taken, panicked},
    group::{Answers, Failed, Job},
    rows::{number, position},
};

/// The records that an append brings for a fold, before they have positions.
pub(crate) fn drafted(append: &Append, inline: &dyn Inline) -> Vec<Record> {
    let drafts = append.events.iter().filter(|draft| inline.types().contains(&draft.name())).cloned();
    drafts.map(|draft| draft.record(Position::START, append.recorded_at, append.metadata.clone())).collect()
}

/// The names of the builds that an append brings, as the function in the database compares them.
pub(crate) fn brought(append: &Append) -> Vec<String> {
    let name = |inline: &std::sync::Arc<dyn Inline>| {
        let Table { projection, version, build, .. } = inline.table();
        format!("{projection} {version} {build}")
    };
    let mut names: Vec<String> = append.inline.iter().map(name).collect();
    names.sort_unstable();
    names
}

impl Store {
    /// Sends jobs that fold the same builds in one transaction with their rows.
    pub(crate) async fn send_and_fold(
        &self,
        connection: &mut PgConnection,
        jobs: &[Job],
    ) -> Result<Answers, Failed> {
        let columns = Columns::of(jobs).map_err(|error| Failed::unsent(sqlx::Error::Encode(error)))?;
        let mut tries = 0;
        loop {
            match self.append_and_fold(connection, &columns, jobs).await {
                Err(Failed::Unsent(error)) if is_taken(&error) && tries < TRIES => tries += 1,
                sent => return sent,
            }
        }
    }

    async fn append_and_fold(
        &self,
        connection: &mut PgConnection,
        columns: &Columns<'_>,
        jobs: &[Job],
    ) -> Result<Answers, Failed> {
        let mut transaction = connection.begin().await.map_err(Failed::unsent)?;
        let rows =
            columns.bind(&self.sql.append).fetch_all(&mut *transaction).await.map_err(Failed::unsent)?;
        let answers = columns.answers(&rows, jobs).map_err(Failed::unsent)?;
        let records = written(jobs, &answers);
        for inline in jobs.first().map(folds).into_iter().flatten() {
            self.fold(&mut transaction, inline, &records).await.map_err(Failed::Unfolded)?;
        }
        transaction.commit().await.map_err(Failed::answered)?;
        Ok(answers)
    }

    async fn fold(
        &self,
        connection: &mut PgConnection,
        inline: &dyn Inline,
        records: &[Record],
    ) -> Result<(), Error> {
        let records = records.iter().filter(|record| inline.types().contains(&&*record.name));
        let records: Vec<Record> = records.cloned().collect();
        if records.is_empty() {
            return Ok(());
        }
        let keys = keys(inline, &records)?;
        let rows = self.rows(connection, inline.table(), &keys).await?;
        let folded = guard(inline, || inline.fold(&records, keys.into_iter().zip(rows).collect()))?;
        self.write_folded(connection, inline.table(), &folded).await
    }

    /// The builds that fold events of these types.
    pub(crate) async fn inline_of(&self, append: &Append) -> Result<Vec<BuildId>, Error> {
        let unread = |error| self.unread(error);
        let types: Vec<&str> = append.events.iter().map(Draft::name).collect();
        let found = self.sql.inline_builds.query().bind(types).fetch_all(&self.pool).await.map_err(unread)?;
        let id = |row: &sqlx::postgres::PgRow| {
            let small =
                |column| row.try_get::<i64, _>(column).map(|it| u32::try_from(it).unwrap_or(u32::MAX));
            Ok(BuildId {
                projection: row.try_get("name")?,
                version: small("version")?,
                build: small("build")?,
            })
        };
        found.iter().map(id).collect::<Result<_, _>>().map_err(unread)
    }

    pub(crate) async fn make_inline(&self, inline: &dyn Inline) -> Result<InlineOutcome, Error> {
        let table = inline.table();
        let doing = || self.rows_of("keep inline", table);
        let said = |error| failed(doing(), error);
        let mut transaction = self.pool.begin().await.map_err(said)?;
        self.stop_appends(&mut transaction).await.map_err(said)?;
        let builds = self.lock_builds(&mut transaction, table).await.map_err(said)?;
        let build = of(&builds, table).ok_or_else(|| table.undefined())?;
        if build.inline {
            return Ok(InlineOutcome::Done);
        }
        if build.log != self.id {
            return Err(table.not_beside_its_log());
        }
        let (head, _) = self.head(&mut transaction).await.map_err(said)?;
        let behind = self.behind(&mut transaction, inline, build.checkpoint.position, head).await?;
        if behind.len() > InlineOutcome::AT_MOST || build.checkpoint.parked > 0 {
            return Ok(InlineOutcome::Behind);
        }
        self.fold(&mut transaction, inline, &behind).await?;
        let types: Vec<&str> = inline.types().to_vec();
        self.sql.make_inline.of(table).bind(types).execute(&mut *transaction).await.map_err(said)?;
        let anchor = behind.last().map(Anchor::of);
        self.set_inline(&mut transaction, table, true, head, anchor).await.map_err(said)?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        Ok(InlineOutcome::Done)
    }

    pub(crate) async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        let doing = || self.rows_of("keep in the background", table);
        let said = |error| failed(doing(), error);
        let mut transaction = self.pool.begin().await.map_err(said)?;
        self.stop_appends(&mut transaction).await.map_err(said)?;
        let builds = self.lock_builds(&mut transaction, table).await.map_err(said)?;
        let build = of(&builds, table).ok_or_else(|| table.undefined())?;
        if !build.inline {
            return Ok(build.checkpoint.clone());
        }
        let (head, last) = self.head(&mut transaction).await.map_err(said)?;
        self.sql.make_async.of(table).execute(&mut *transaction).await.map_err(said)?;
        self.set_inline(&mut transaction, table, false, head, last).await.map_err(said)?;
        let build = self.build(&mut *transaction, table).await.map_err(said)?;
        transaction.commit().await.map_err(|error| append_failed(doing(), error.into()))?;
        build.map(|build| build.checkpoint).ok_or_else(|| table.undefined())
    }

    /// Waits until no append is under way, and lets none begin until the end of the transaction. Whoever is slow makes this
    /// give up rather than the others wait.
    async fn stop_appends(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.be_patient(connection).await?;
        let lock = self.sql.advisory_lock.query().bind(self.keys.log());
        lock.execute(connection).await.map(drop)
    }

    /// Where the log ends while no append is under way, and its last event.
    async fn head(&self, connection: &mut PgConnection) -> Result<(Position, Option<Anchor>), sqlx::Error> {
        let row = self.sql.head.query().fetch_one(connection).await?;
        let last = match (row.try_get::<Option<i64>, _>("position")?, row.try_get("id")?) {
            (Some(at), Some(event)) => Some(Anchor { position: position(at), event }),
            _ => None,
        };
        Ok((position(row.try_get("head")?), last))
    }

    /// What a build has not folded yet, or one event more than may be.
    async fn behind(
        &self,
        connection: &mut PgConnection,
        inline: &dyn Inline,
        after: Position,
        head: Position,
    ) -> Result<Vec<Record>, Error> {
        let criteria = Criteria::from(Item::any().types(inline.types().iter().copied()));
        let limit = i64::try_from(InlineOutcome::AT_MOST + 1).unwrap_or(i64::MAX);
        self.page(connection, &criteria, after, head, limit).await
    }

    async fn set_inline(
        &self,
        connection: &mut PgConnection,
        table: &Table,
        inline: bool,
        at: Position,
        anchor: Option<Anchor>,
    ) -> Result<(), sqlx::Error> {
        let update = self.sql.set_inline.of(table).bind(inline).bind(number(at));
        let update = update.bind(anchor.map(|anchor| number(anchor.position)));
        let update = update.bind(anchor.map(|anchor| anchor.event));
        update.execute(connection).await.map(drop)
    }
}

/// The builds that a job folds, each once.
fn folds(job: &Job) -> impl Iterator<Item = &dyn Inline> {
    let brought = job.appends.iter().flat_map(|append| &append.inline);
    let each: BTreeMap<BuildId, &dyn Inline> =
        brought.map(|inline| (inline.table().into(), &**inline)).collect();
    each.into_values()
}

/// What was written, in the order of the log.
fn written(jobs: &[Job], answers: &[Result<AppendOutcome, Error>]) -> Vec<Record> {
    let mut records = Vec::new();
    for (Job { appends, .. }, answer) in jobs.iter().zip(answers) {
        let Ok(AppendOutcome::Appended(receipts)) = answer else { continue };
        for (append, receipt) in appends.iter().zip(receipts) {
            for (draft, stored) in append.events.iter().zip(&receipt.events) {
                let metadata = append.metadata.clone();
                records.push(draft.clone().record(stored.position, append.recorded_at, metadata));
            }
        }
    }
    records.sort_unstable_by_key(|record| record.position);
    records
}

/// The keys of the rows that records change, as the fold gives them without positions: first for the locks, then for the
/// rows.
pub(crate) fn keys(inline: &dyn Inline, records: &[Record]) -> Result<Vec<Key>, Error> {
    let started = records.iter().cloned().map(|record| Record { position: Position::START, ..record });
    let started: Vec<Record> = started.collect();
    guard(inline, || inline.keys(&started))
}

/// Runs a fold; a panic of it becomes an error.
fn guard<T>(inline: &dyn Inline, fold: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(fold)) {
        Ok(answer) => Ok(answer?),
        Err(panic) => Err(panicked(format!("the fold of `{}`", inline.table().name()), &*panic)),
    }
}
