//! Appends: columns out, an outcome back.

use annalist_core::{
    error::{BoxError, Error},
    store::{Append, Appended, CommandKey},
    tag::Tag,
};
use sqlx::{
    Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    Store,
    error::is_taken,
    group::{Failed, Job},
    keys::Locks,
    rows::{Items, Time, literal, number, ordinal, position, receipt},
    sql::Statement,
};

/// How often an append draws other positions because somebody gave up on those that it had drawn. It takes a stall
/// of many milliseconds between two lines of a function, so twice in a row is hardly ever seen.
pub(crate) const TRIES: usize = 10;

impl Store {
    /// Sends appends, none of which can stand in the way of a later one, in one call. An answer for each, in their order.
    pub(crate) async fn send(&self, jobs: &[Job]) -> Result<Vec<Result<Appended, Error>>, Failed> {
        let columns = Columns::of(jobs).map_err(|error| Failed::unsent(sqlx::Error::Encode(error)))?;
        let mut tries = 0;
        let rows = loop {
            // A connection of our own, to tell a call that was never sent from one whose answer is missing.
            let mut connection = self.pool.acquire().await.map_err(Failed::unsent)?;
            match columns.bind(&self.sql.append).fetch_all(&mut *connection).await {
                Ok(rows) => break rows,
                Err(error) if is_taken(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(Failed::answered(error)),
            }
        };
        answers(&rows, jobs).map_err(Failed::answered)
    }
}

/// The answers in the rows of the function.
pub(crate) fn answers(rows: &[PgRow], jobs: &[Job]) -> Result<Vec<Result<Appended, Error>>, sqlx::Error> {
    if rows.len() != jobs.len() {
        let reason = format!("{} answers to {} appends", rows.len(), jobs.len());
        return Err(sqlx::Error::Protocol(reason));
    }
    let mut first_condition = 0;
    let answers = rows.iter().zip(jobs).map(|(row, job)| {
        let first = first_condition;
        first_condition += job.append.conditions.len();
        answer(row, first, job.append.key.as_ref())
    });
    answers.collect()
}

impl Failed {
    pub(crate) fn unsent(error: sqlx::Error) -> Self {
        Self::Unsent(error.into())
    }

    pub(crate) fn answered(error: sqlx::Error) -> Self {
        Self::Answered(error.into())
    }
}

/// `first` is the number of the append's first condition among those of the call, counted from 0.
fn answer(
    row: &PgRow,
    first: usize,
    key: Option<&CommandKey>,
) -> Result<Result<Appended, Error>, sqlx::Error> {
    Ok(Ok(match row.try_get("outcome")? {
        "done" => Appended::Done(receipt(row)?),
        "conflict" => {
            let number = usize::try_from(row.try_get::<i32, _>("condition")?).unwrap_or(0);
            Appended::Conflict {
                condition: number.saturating_sub(first + 1),
                met: position(row.try_get("met")?),
            }
        }
        // Which builds they are is asked by whoever sends the answer.
        "inline" => Appended::Inline(Vec::new()),
        _ => {
            if let Some(key) = key
                && let Err(reused) = key.check(row.try_get("command")?, row.try_get("scope")?)
            {
                return Ok(Err(reused.into()));
            }
            Appended::Already(receipt(row)?)
        }
    }))
}

/// Appends as the arrays that the function in the database takes.
pub(crate) struct Columns<'a> {
    locks: (Vec<i64>, Vec<bool>),
    appends: Appends<'a>,
    conditions: Conditions,
    items: Items,
    events: Events<'a>,
    /// The inline builds of each append, in order.
    inline: &'a [String],
}

/// One element an append.
#[derive(Default)]
struct Appends<'a> {
    recorded_at: Vec<Time>,
    metadata: Vec<String>,
    id: Vec<Option<&'a str>>,
    command: Vec<Option<&'a str>>,
    scope: Vec<Option<&'a str>>,
    body: Vec<Option<&'a str>>,
    rejection: Vec<Option<String>>,
}

/// One element a condition.
#[derive(Default)]
struct Conditions {
    append: Vec<i32>,
    mark: Vec<i64>,
    above: Vec<i64>,
}

/// One element an event.
#[derive(Default)]
struct Events<'a> {
    append: Vec<i32>,
    id: Vec<Uuid>,
    name: Vec<&'a str>,
    version: Vec<i64>,
    tags: Vec<String>,
    data: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(jobs: &'a [Job]) -> Result<Self, BoxError> {
        let mut columns = Self {
            locks: Locks::together(jobs.iter().map(|job| &job.locks)),
            appends: Appends::default(),
            conditions: Conditions::default(),
            items: Items::default(),
            events: Events::default(),
            inline: jobs.first().map_or(&[], |job| &job.inline),
        };
        for (index, job) in jobs.iter().enumerate() {
            columns.push(index, &job.append)?;
        }
        Ok(columns)
    }

    fn push(&mut self, index: usize, append: &'a Append) -> Result<(), BoxError> {
        self.appends.push(append)?;
        for condition in &append.conditions {
            for item in condition.criteria.items() {
                self.items.push(self.conditions.append.len(), item);
            }
            self.conditions.append.push(ordinal(index));
            self.conditions.mark.push(number(condition.marker.settled()));
            self.conditions.above.push(i64::try_from(condition.marker.above())?);
        }
        for draft in &append.events {
            self.events.append.push(ordinal(index));
            self.events.id.push(draft.id());
            self.events.name.push(draft.name());
            self.events.version.push(draft.version().into());
            self.events.tags.push(literal(draft.tags().iter().map(Tag::as_str)));
            self.events.data.push(draft.data().as_str());
        }
        Ok(())
    }

    /// In the order of the function's parameters.
    pub(crate) fn bind<'q>(&self, statement: &Statement) -> Query<'q, Postgres, PgArguments> {
        let Self { locks, appends, conditions, items, events, inline } = self;
        statement
            .query()
            .bind(&locks.0)
            .bind(&locks.1)
            .bind(&appends.recorded_at)
            .bind(&appends.metadata)
            .bind(&appends.id)
            .bind(&appends.command)
            .bind(&appends.scope)
            .bind(&appends.body)
            .bind(&appends.rejection)
            .bind(&conditions.append)
            .bind(&conditions.mark)
            .bind(&conditions.above)
            .bind(&items.of)
            .bind(&items.types)
            .bind(&items.tags)
            .bind(&events.append)
            .bind(&events.id)
            .bind(&events.name)
            .bind(&events.version)
            .bind(&events.tags)
            .bind(&events.data)
            .bind(inline)
    }
}

impl<'a> Appends<'a> {
    fn push(&mut self, append: &'a Append) -> Result<(), BoxError> {
        let (key, journal) = (append.key.as_ref(), append.journal.as_ref());
        let rejection = journal.and_then(|journal| journal.rejection.as_ref());
        self.recorded_at.push(Time(append.recorded_at));
        self.metadata.push(serde_json::to_string(&append.metadata)?);
        self.id.push(key.map(CommandKey::id));
        self.command.push(key.map(CommandKey::command));
        self.scope.push(key.map(CommandKey::scope));
        self.body.push(journal.map(|journal| journal.body.as_str()));
        self.rejection.push(rejection.map(serde_json::to_string).transpose()?);
        Ok(())
    }
}
