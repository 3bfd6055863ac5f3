//! The appends of one transaction. One query evaluates the conditions of all of them; then they are accepted or refused one by
//! one, also against the events accepted before; then all accepted ones are inserted together. The number of statements does not
//! grow with the number of appends.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use annalist_core::{
    error::Error,
    record::{Draft, Position},
    store::{
        Append, AppendOutcome, Archive, CommandKey, Condition, EventRef, JournalRecord, Receipt, SeenLog,
        Successor, Successors,
    },
};
use sqlx::{Sqlite, SqliteConnection, query, query::Query, sqlite::SqliteArguments};
use tokio::sync::oneshot;

use crate::{
    archive,
    command_ids::AcceptedCommands,
    conditions::load_context,
    error::TransactionError,
    file::LogFile,
    inline_folds::{AppendContext, fold_appends},
    read::count,
    row_tables,
    row_values::RowDialect,
    rows::{integer, json, receipt_text},
    sql::{MultiRow, Sql},
    stored_builds::bind_build,
    successors,
};

/// The outcome of one call of `append`. With an error nothing was written.
pub(crate) type AppendResult = Result<AppendOutcome, Error>;

/// The appends of one call, which are written together or not at all.
pub(crate) struct Job {
    pub(crate) appends: Vec<Append>,
    pub(crate) reply: oneshot::Sender<AppendResult>,
    pub(crate) claim: Claim,
}

/// Decides whether a transaction writes a job or its caller gives up: whichever claims it first.
#[derive(Clone, Default)]
pub(crate) struct Claim(Arc<AtomicBool>);

impl Claim {
    /// Returns `true` for the first call.
    pub(crate) fn claim(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

/// The tables to which appends are written.
pub(crate) struct Target {
    pub(crate) sql: Arc<Sql>,
    pub(crate) dialect: RowDialect,
    /// What this process has seen of the log.
    pub(crate) seen: Arc<SeenLog>,
    pub(crate) file: Arc<LogFile>,
    /// "sqlite log …", for messages.
    pub(crate) title: String,
    /// "append to sqlite log …", for messages.
    pub(crate) operation: String,
}

/// Accepts or refuses each job, and writes the accepted ones at the end of the log.
///
/// # Errors
/// The error of the database: the transaction must not be committed.
pub(crate) async fn append(
    connection: &mut SqliteConnection,
    target: &Target,
    jobs: &[Job],
) -> Result<Vec<AppendResult>, sqlx::Error> {
    let appends = || jobs.iter().flat_map(|job| &job.appends);
    let mut seen = target.seen.now();
    let conditions: Vec<&Condition> = appends().flat_map(|append| &append.conditions).collect();
    let (context, newest) = load_context(connection, &target.sql, &seen, &conditions).await?;
    if !context.has_newest {
        drop(target.seen.lost(seen, &target.title, target.operation.clone()));
        seen = target.seen.now();
    }
    let mut batch = TransactionBatch::new(target, context);
    let keys = appends().filter_map(|append| append.key.as_ref());
    batch.stored_commands = AcceptedCommands::load(connection, &target.sql, keys).await?;
    if appends().any(Append::adds_successors) {
        batch.load_successors(connection).await?;
    }
    let mut newest = newest.into_iter();
    let mut results = Vec::with_capacity(jobs.len());
    for Job { appends, .. } in jobs {
        let newest = appends.iter().map(|append| newest.by_ref().take(append.conditions.len()).collect());
        let newest = newest.collect();
        let mut markers =
            appends.iter().flat_map(|append| &append.conditions).map(|condition| condition.marker);
        if !markers.all(|marker| marker.is_of_epoch(seen.epoch)) {
            results.push(Err(SeenLog::has_gone_back(target.operation.clone())));
            continue;
        }
        results.push(match batch.add(connection, appends, newest).await {
            Ok(outcome) => Ok(outcome),
            Err(TransactionError::Database(error)) => return Err(error),
            Err(error) => Err(error.into_error(|| target.operation.clone())),
        });
    }
    batch.write(connection).await?;
    Ok(results)
}

/// What one transaction is going to write.
struct TransactionBatch<'a> {
    target: &'a Target,
    /// Its head includes the accepted events.
    context: AppendContext,
    stored_commands: AcceptedCommands,
    accepted: Vec<Accepted<'a>>,
    /// The commands of the accepted appends, by their id.
    accepted_commands: HashMap<&'a str, (&'a CommandKey, Receipt)>,
    /// The successors of event names, with those of the accepted appends; only the version unless an append adds some.
    successors: Successors,
    new_successors: Vec<Successor>,
}

/// An append that is going to be written.
struct Accepted<'a> {
    append: &'a Append,
    receipt: Receipt,
    metadata: Arc<str>,
}

impl<'a> TransactionBatch<'a> {
    fn new(target: &'a Target, context: AppendContext) -> Self {
        Self {
            target,
            successors: Successors::new(context.successors, Vec::new()),
            new_successors: Vec::new(),
            context,
            stored_commands: AcceptedCommands::default(),
            accepted: Vec::new(),
            accepted_commands: HashMap::new(),
        }
    }

    /// Accepts all appends of a job, or refuses them. `newest` has, for each of their conditions, the newest stored event that
    /// matches after the marker.
    async fn add(
        &mut self,
        connection: &mut SqliteConnection,
        appends: &'a [Append],
        newest: Vec<Vec<Option<Position>>>,
    ) -> Result<AppendOutcome, TransactionError> {
        for (index, (append, newest)) in appends.iter().zip(newest).enumerate() {
            if let Some(refusal) = self.refusal(connection, index, append, newest).await? {
                return Ok(refusal);
            }
        }
        let folded = fold_appends(connection, &self.target.dialect, appends, self.context.head).await?;
        for (sql, folded) in folded {
            row_tables::write(connection, &sql, folded).await?;
        }
        for append in appends.iter().filter(|append| append.adds_successors()) {
            self.add_inline_types(connection, append).await?;
        }
        Ok(AppendOutcome::Appended(appends.iter().map(|append| self.accept(append)).collect()))
    }

    /// Reads the successors of event names.
    async fn load_successors(&mut self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        match successors::load(connection, &self.target.sql).await {
            Ok(stored) => self.successors = stored,
            Err(TransactionError::Database(error)) => return Err(error),
            Err(error) => {
                return Err(sqlx::Error::Decode(error.into_error(|| self.target.operation.clone()).into()));
            }
        }
        Ok(())
    }

    /// The builds that fold an older name fold the types of the provided folds from now on.
    async fn add_inline_types(
        &mut self,
        connection: &mut SqliteConnection,
        append: &Append,
    ) -> Result<(), sqlx::Error> {
        for inline in &append.inline {
            if let Some(types) = self.context.add_types(&**inline) {
                let update = bind_build(&self.target.sql.set_inline_types, inline.table()).bind(json(types));
                update.execute(&mut *connection).await?;
            }
        }
        Ok(())
    }

    /// Returns why an append, the one at `index` of its job, is refused, if it is.
    async fn refusal(
        &self,
        connection: &mut SqliteConnection,
        index: usize,
        append: &Append,
        newest: Vec<Option<Position>>,
    ) -> Result<Option<AppendOutcome>, TransactionError> {
        if let Some(key) = &append.key
            && let Some(receipt) = self.receipt(key)?
        {
            return Ok(Some(AppendOutcome::Duplicate { index, receipt }));
        }
        if self.context.has_closed_ids {
            archive::check(connection, &self.target.sql, Archive::ids_of_append(append)).await?;
        }
        if append.successors.as_ref().is_some_and(|known| known.version != self.successors.version) {
            return Ok(Some(AppendOutcome::SuccessorsChanged { index }));
        }
        for (number, (condition, newest)) in append.conditions.iter().zip(newest).enumerate() {
            let conflict = self.conflicting_position(connection, condition, newest).await?;
            if let Some(conflicting_position) = conflict {
                return Ok(Some(AppendOutcome::Conflict { index, condition: number, conflicting_position }));
            }
        }
        let missing = self.context.missing_builds(append);
        Ok(missing.map(|builds| AppendOutcome::InlineRequired { index, builds }))
    }

    /// Returns the receipt of a command that is stored or accepted in this transaction.
    fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, TransactionError> {
        match self.accepted_commands.get(key.id()) {
            Some((first, receipt)) => {
                key.check(first.command(), first.scope())?;
                Ok(Some(receipt.clone()))
            }
            None => self.stored_commands.receipt(key),
        }
    }

    /// Returns the newest event that violates a condition; `newest` is the newest stored one that matches after its marker.
    async fn conflicting_position(
        &self,
        connection: &mut SqliteConnection,
        condition: &Condition,
        newest: Option<Position>,
    ) -> Result<Option<Position>, sqlx::Error> {
        if let Some(removed) = Archive::unseen_removal(condition, self.context.last_removed) {
            return Ok(Some(removed));
        }
        let newest = self.matching(condition).next().or(newest);
        let seen = condition.marker.seen_unsettled();
        if newest.is_none() || seen == 0 {
            return Ok(newest);
        }
        // Markers of this store never have seen unsettled events, those of another store may.
        let (criteria, after) = (&condition.criteria, condition.marker.settled());
        let stored = count(connection, &self.target.sql, criteria, after, seen.saturating_add(1)).await?;
        let found = stored + self.matching(condition).count() as u64;
        Ok(newest.filter(|_| found != seen))
    }

    /// The accepted events that match a condition after its marker, the newest first.
    fn matching(&self, Condition { criteria, marker }: &Condition) -> impl Iterator<Item = Position> {
        let events = self.accepted.iter().rev().flat_map(|accepted| accepted.events().rev());
        let events = events.take_while(|(_, event)| event.position > marker.settled());
        let events = events.filter(|(draft, _)| criteria.matches(draft.name(), draft.tags()));
        events.map(|(_, event)| event.position)
    }

    fn accept(&mut self, append: &'a Append) -> Receipt {
        let mut head = self.context.head.get();
        let events = append.events.iter().map(|draft| {
            head += 1;
            EventRef { position: Position::new(head), id: draft.id() }
        });
        let receipt = Receipt { events: events.collect(), ..Receipt::default() };
        if let Some(known) = append.successors.as_ref().filter(|_| append.adds_successors()) {
            let positions = receipt.events.iter().map(|event| event.position);
            let new = known.to_add(&self.successors, append.events.iter().zip(positions));
            self.successors.add(new.clone());
            self.new_successors.extend(new);
        }
        self.context.head = Position::new(head);
        if let Some(key) = &append.key {
            self.accepted_commands.insert(key.id(), (key, receipt.clone()));
        }
        let metadata = json(&*append.metadata).into();
        self.accepted.push(Accepted { append, receipt: receipt.clone(), metadata });
        receipt
    }

    /// Inserts everything that was accepted.
    async fn write(&self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let (accepted, sql) = (self.accepted.iter(), &self.target.sql);
        let events = accepted.clone().flat_map(|one| one.events().map(move |event| (one, event)));
        let events: Vec<_> = events.collect();
        insert(connection, &sql.insert_events, &events, bind_event).await?;
        let entries = accepted.clone().filter_map(|one| Some((one, one.append.journal.as_ref()?)));
        insert(connection, &sql.insert_entries, &entries.collect::<Vec<_>>(), bind_entry).await?;
        let commands = accepted.filter_map(|one| Some((one, one.append.key.as_ref()?)));
        insert(connection, &sql.insert_commands, &commands.collect::<Vec<_>>(), bind_command).await?;
        successors::insert(connection, sql, &self.new_successors, self.successors.version).await
    }
}

impl<'a> Accepted<'a> {
    fn events(&self) -> impl DoubleEndedIterator<Item = (&'a Draft, &EventRef)> {
        self.append.events.iter().zip(&self.receipt.events)
    }
}

pub(crate) type Insert = Query<'static, Sqlite, SqliteArguments>;

/// Inserts rows, as many per statement as fit.
pub(crate) async fn insert<T>(
    connection: &mut SqliteConnection,
    statement: &MultiRow,
    rows: &[T],
    bind: fn(Insert, &T) -> Insert,
) -> Result<(), sqlx::Error> {
    for chunk in rows.chunks(MultiRow::MAX) {
        let insert = chunk.iter().fold(query(statement.rows(chunk.len())), bind);
        insert.execute(&mut *connection).await?;
    }
    Ok(())
}

fn bind_event(insert: Insert, (accepted, (draft, event)): &(&Accepted<'_>, (&Draft, &EventRef))) -> Insert {
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

fn bind_entry(insert: Insert, (accepted, journal): &(&Accepted<'_>, &JournalRecord)) -> Insert {
    let positions: Vec<Position> = accepted.receipt.events.iter().map(|event| event.position).collect();
    insert
        .bind(accepted.append.recorded_at.as_micros())
        .bind(accepted.metadata.clone())
        .bind(journal.body.as_str().to_owned())
        .bind(journal.rejection.is_none().then(|| json(&positions)))
        .bind(journal.rejection.clone())
}

fn bind_command(insert: Insert, (accepted, key): &(&Accepted<'_>, &CommandKey)) -> Insert {
    insert
        .bind(key.id().to_owned())
        .bind(key.command().to_owned())
        .bind(key.scope().to_owned())
        .bind(accepted.append.recorded_at.as_micros())
        .bind(receipt_text(&accepted.receipt))
}
