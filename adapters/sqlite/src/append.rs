//! The appends of one transaction. What they are judged by is asked for all of them together, then each is judged in its turn,
//! also by what those before it are going to write, and then all of that is written together: the number of statements
//! does not grow with the number of appends.

use std::{collections::HashMap, sync::Arc};

use annalist_core::{
    error::Error,
    record::{Draft, Position},
    store::{Append, AppendOutcome, CommandKey, Condition, EventRef, JournalRecord, Receipt},
};
use sqlx::{Sqlite, SqliteConnection, query, query::Query, sqlite::SqliteArguments};

use crate::{
    conditions::newest,
    error::Fault,
    inline::{Ground, fold_appends},
    ledger::Known,
    read::count,
    rows::{integer, json, receipt_text},
    sql::Many,
    tables,
    writer::{Answer, Job, Writer},
};

/// Answers each job, and writes what is accepted behind the head of the log.
///
/// # Errors
/// That of the database: nothing may be committed then.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    writer: &Writer,
    jobs: &[Job],
) -> Result<Vec<Answer>, sqlx::Error> {
    let appends = || jobs.iter().flat_map(|job| &job.appends);
    let mut group = Group::new(writer, Ground::read(connection, &writer.sql).await?);
    let keys = appends().filter_map(|append| append.key.as_ref());
    group.known = Known::read(connection, &writer.sql, keys).await?;
    let conditions: Vec<&Condition> = appends().flat_map(|append| &append.conditions).collect();
    let newest = newest(connection, &writer.sql, &conditions).await?;
    let mut newest = newest.into_iter();
    let mut answers = Vec::with_capacity(jobs.len());
    for Job { appends, .. } in jobs {
        let asked = appends.iter().map(|append| newest.by_ref().take(append.conditions.len()).collect());
        let asked = asked.collect();
        answers.push(match group.take(connection, appends, asked).await {
            Ok(answer) => Ok(answer),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Database(error)) => return Err(error),
        });
    }
    group.write(connection).await?;
    Ok(answers)
}

/// What one transaction comes to.
struct Group<'a> {
    writer: &'a Writer,
    /// Its head is behind what is accepted so far.
    ground: Ground,
    /// The end of the log.
    end: Position,
    known: Known,
    accepted: Vec<Accepted<'a>>,
    /// The command ids among them.
    ids: HashMap<&'a str, (&'a CommandKey, Receipt)>,
}

/// An append that is going to be written.
struct Accepted<'a> {
    append: &'a Append,
    receipt: Receipt,
    metadata: Arc<str>,
}

impl<'a> Group<'a> {
    fn new(writer: &'a Writer, ground: Ground) -> Self {
        let (end, known, accepted, ids) = (ground.head, Known::default(), Vec::new(), HashMap::new());
        Self { writer, ground, end, known, accepted, ids }
    }

    /// Accepts appends that stand or fall together, or says which of them is refused. `newest` is what the log has behind the
    /// markers of their conditions.
    async fn take(
        &mut self,
        connection: &mut SqliteConnection,
        appends: &'a [Append],
        newest: Vec<Vec<Option<Position>>>,
    ) -> Result<AppendOutcome, Fault> {
        for (index, (append, newest)) in appends.iter().zip(newest).enumerate() {
            if let Some(refused) = self.refusal(connection, index, append, newest).await? {
                return Ok(refused);
            }
        }
        let folded = fold_appends(connection, &self.writer.rows, appends, self.ground.head).await?;
        for (sql, folded) in folded {
            tables::write(connection, &sql, folded).await?;
        }
        Ok(AppendOutcome::Appended(appends.iter().map(|append| self.accept(append)).collect()))
    }

    async fn refusal(
        &self,
        connection: &mut SqliteConnection,
        index: usize,
        append: &Append,
        newest: Vec<Option<Position>>,
    ) -> Result<Option<AppendOutcome>, Fault> {
        if let Some(key) = &append.key
            && let Some(receipt) = self.receipt(key)?
        {
            return Ok(Some(AppendOutcome::Duplicate { index, receipt }));
        }
        for (condition, (one, newest)) in append.conditions.iter().zip(newest).enumerate() {
            if let Some(conflicting_position) = self.conflicting_position(connection, one, newest).await? {
                return Ok(Some(AppendOutcome::Conflict { index, condition, conflicting_position }));
            }
        }
        let missed = self.ground.missed(append);
        Ok(missed.map(|builds| AppendOutcome::InlineRequired { index, builds }))
    }

    fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        match self.ids.get(key.id()) {
            Some((first, receipt)) => {
                key.check(first.command(), first.scope())?;
                Ok(Some(receipt.clone()))
            }
            None => self.known.receipt(&self.writer.operation, key),
        }
    }

    /// The newest event that breaks a condition.
    async fn conflicting_position(
        &self,
        connection: &mut SqliteConnection,
        condition: &Condition,
        newest: Option<Position>,
    ) -> Result<Option<Position>, sqlx::Error> {
        let newest = self.matching(condition).next().or(newest);
        let seen = condition.marker.seen_unsettled();
        if newest.is_none() || seen == 0 {
            return Ok(newest);
        }
        // Our own markers have nothing above them; those of another maker may.
        let (criteria, after) = (&condition.criteria, condition.marker.settled());
        let stored = count(connection, &self.writer.sql, criteria, after, seen.saturating_add(1)).await?;
        let found = stored + self.matching(condition).count() as u64;
        Ok(newest.filter(|_| found != seen))
    }

    /// The accepted events that a condition is about, the newest first.
    fn matching(&self, Condition { criteria, marker }: &Condition) -> impl Iterator<Item = Position> {
        let events = self.accepted.iter().rev().flat_map(|accepted| accepted.events().rev());
        let events = events.take_while(|(_, event)| event.position > marker.settled());
        let events = events.filter(|(draft, _)| criteria.matches(draft.name(), draft.tags()));
        events.map(|(_, event)| event.position)
    }

    fn accept(&mut self, append: &'a Append) -> Receipt {
        let mut head = self.ground.head.get();
        let stored = append.events.iter().map(|draft| {
            head += 1;
            EventRef { position: Position::new(head), id: draft.id() }
        });
        let receipt = Receipt { events: stored.collect() };
        self.ground.head = Position::new(head);
        if let Some(key) = &append.key {
            self.ids.insert(key.id(), (key, receipt.clone()));
        }
        let metadata = json(&append.metadata).into();
        self.accepted.push(Accepted { append, receipt: receipt.clone(), metadata });
        receipt
    }

    async fn write(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let (accepted, sql) = (self.accepted.iter(), &self.writer.sql);
        let events = accepted.clone().flat_map(|one| one.events().map(move |event| (one, event)));
        let events: Vec<_> = events.collect();
        insert(connection, &sql.insert_events, &events, event_row).await?;
        if events.iter().any(|(_, (draft, _))| !draft.tags().is_empty()) {
            query(sql.insert_tags.clone()).bind(integer(self.end.get())).execute(&mut *connection).await?;
        }
        let entries = accepted.clone().filter_map(|one| Some((one, one.append.journal.as_ref()?)));
        insert(connection, &sql.insert_entries, &entries.collect::<Vec<_>>(), entry_row).await?;
        let commands = accepted.filter_map(|one| Some((one, one.append.key.as_ref()?)));
        insert(connection, &sql.insert_commands, &commands.collect::<Vec<_>>(), command_row).await
    }
}

impl<'a> Accepted<'a> {
    fn events(&self) -> impl DoubleEndedIterator<Item = (&'a Draft, &EventRef)> {
        self.append.events.iter().zip(&self.receipt.events)
    }
}

type Insert = Query<'static, Sqlite, SqliteArguments>;

/// Inserts rows, as many in a statement as it takes.
async fn insert<T>(
    connection: &mut SqliteConnection,
    many: &Many,
    rows: &[T],
    bind: fn(Insert, &T) -> Insert,
) -> Result<(), sqlx::Error> {
    for some in rows.chunks(Many::MOST) {
        let insert = some.iter().fold(query(many.rows(some.len())), bind);
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

fn event_row(insert: Insert, (accepted, (draft, event)): &(&Accepted<'_>, (&Draft, &EventRef))) -> Insert {
    insert
        .bind(integer(event.position.get()))
        .bind(event.id.to_string())
        .bind(draft.name().to_owned())
        .bind(draft.version())
        .bind(accepted.append.recorded_at.as_micros())
        .bind(json(draft.tags()))
        .bind(accepted.metadata.clone())
        .bind(draft.data().as_str().to_owned())
}

fn entry_row(insert: Insert, (accepted, journaled): &(&Accepted<'_>, &JournalRecord)) -> Insert {
    let positions: Vec<Position> = accepted.receipt.events.iter().map(|event| event.position).collect();
    insert
        .bind(accepted.append.recorded_at.as_micros())
        .bind(accepted.metadata.clone())
        .bind(journaled.body.as_str().to_owned())
        .bind(journaled.rejection.is_none().then(|| json(&positions)))
        .bind(journaled.rejection.clone())
}

fn command_row(insert: Insert, (accepted, key): &(&Accepted<'_>, &CommandKey)) -> Insert {
    insert
        .bind(key.id().to_owned())
        .bind(key.command().to_owned())
        .bind(key.scope().to_owned())
        .bind(accepted.append.recorded_at.as_micros())
        .bind(receipt_text(&accepted.receipt))
}
