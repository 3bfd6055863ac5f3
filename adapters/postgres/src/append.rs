//! Appends: columns out, an outcome back.

use annalist_core::{
    error::{BoxError, Error, Invalid},
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
    error::{append_failed, failed, is_taken},
    keys::Locks,
    rows::{Items, Time, literal, number, ordinal, position, receipt},
    sql::Statement,
};

/// How often an append draws other positions because somebody gave up on those that it had drawn. It takes a stall
/// of many milliseconds between two lines of a function, so twice in a row is hardly ever seen.
const TRIES: usize = 10;

impl Store {
    pub(crate) async fn append(&self, append: Append) -> Result<Appended, Error> {
        let doing = || self.doing("append to");
        let columns = Columns::of(&[&append], self.keys.locks([&append])).map_err(|source| {
            Error::Unusable { operation: doing(), reason: source.to_string(), source: Some(source) }
        })?;
        let mut tries = 0;
        let row = loop {
            // A connection of our own, to tell an append that was never sent from one whose answer is missing.
            let mut connection = self.pool.acquire().await.map_err(|error| failed(doing(), error))?;
            match columns.bind(&self.sql.append).fetch_one(&mut *connection).await {
                Ok(row) => break row,
                Err(error) if is_taken(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(append_failed(doing(), error)),
            }
        };
        match answer(&row, append.key.as_ref()) {
            Ok(answer) => Ok(answer?),
            Err(error) => Err(append_failed(doing(), error)),
        }
    }
}

fn answer(row: &PgRow, key: Option<&CommandKey>) -> Result<Result<Appended, Invalid>, sqlx::Error> {
    Ok(Ok(match row.try_get("outcome")? {
        "done" => Appended::Done(receipt(row)?),
        "conflict" => Appended::Conflict {
            condition: usize::try_from(row.try_get::<i32, _>("condition")? - 1).unwrap_or(0),
            met: position(row.try_get("met")?),
        },
        _ => {
            let known = key
                .map(|key| Ok::<_, sqlx::Error>(key.check(row.try_get("command")?, row.try_get("scope")?)));
            match known.transpose()? {
                Some(Err(reused)) => return Ok(Err(reused)),
                _ => Appended::Already(receipt(row)?),
            }
        }
    }))
}

/// Appends as the arrays that the function in the database takes.
struct Columns<'a> {
    locks: Locks,
    appends: Appends<'a>,
    conditions: Conditions,
    items: Items,
    events: Events<'a>,
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
    fn of(appends: &[&'a Append], locks: Locks) -> Result<Self, BoxError> {
        let mut columns = Self {
            locks,
            appends: Appends::default(),
            conditions: Conditions::default(),
            items: Items::default(),
            events: Events::default(),
        };
        for (index, append) in appends.iter().enumerate() {
            columns.push(index, append)?;
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
    fn bind<'q>(&self, statement: &Statement) -> Query<'q, Postgres, PgArguments> {
        let Self { locks, appends, conditions, items, events } = self;
        statement
            .query()
            .bind(&locks.keys)
            .bind(&locks.exclusive)
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
