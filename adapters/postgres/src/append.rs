//! Appends: columns out, an outcome back.

use std::iter::repeat_n;

use annalist_core::{
    criteria::Item,
    error::{BoxError, Error},
    store::{Append, AppendOutcome, CommandKey, Condition, EventRef, Receipt},
    tag::Tag,
};
use sqlx::{
    PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    Store,
    error::is_taken,
    group::{Answers, Failed, Job},
    inline::brought,
    keys::Locks,
    rows::{Time, literal, number, ordinal, position},
    sql::Statement,
};

/// How often an append draws other positions because somebody gave up on those that it had drawn. It takes a stall
/// of many milliseconds between two lines of a function, so twice in a row is hardly ever seen.
pub(crate) const TRIES: usize = 10;

impl Store {
    /// Sends jobs, none of which can stand in the way of a later one, in one call.
    pub(crate) async fn send(&self, connection: &mut PgConnection, jobs: &[Job]) -> Result<Answers, Failed> {
        let columns = Columns::of(jobs).map_err(|error| Failed::unsent(sqlx::Error::Encode(error)))?;
        let mut tries = 0;
        let rows = loop {
            match columns.bind(&self.sql.append).fetch_all(&mut *connection).await {
                Ok(rows) => break rows,
                Err(error) if is_taken(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(Failed::answered(error)),
            }
        };
        columns.answers(&rows, jobs).map_err(Failed::answered)
    }
}

impl Failed {
    pub(crate) fn unsent(error: sqlx::Error) -> Self {
        Self::Unsent(error.into())
    }

    pub(crate) fn answered(error: sqlx::Error) -> Self {
        Self::Answered(error.into())
    }
}

/// Appends as the arrays that the function in the database takes.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    locks: (Vec<i64>, Vec<bool>),
    appends: Appends<'a>,
    conditions: Conditions,
    watched: Watched<'a>,
    events: Events<'a>,
}

/// One element an append. What no append has is left empty: ids, journal entries, numbers of those that stand together,
/// inline builds.
#[derive(Default)]
struct Appends<'a> {
    recorded_at: Vec<Time>,
    metadata: Vec<String>,
    id: Vec<Option<&'a str>>,
    command: Vec<Option<&'a str>>,
    scope: Vec<Option<&'a str>>,
    body: Vec<Option<&'a str>>,
    rejection: Vec<Option<String>>,
    together: Vec<Option<i32>>,
    inline: Vec<String>,
}

/// One element a condition.
#[derive(Default)]
struct Conditions {
    append: Vec<i32>,
    above: Vec<i64>,
    /// Its number among those of its append, counted from 0. This one stays here.
    number: Vec<usize>,
}

/// One element for each type of each item of a condition.
#[derive(Default)]
struct Watched<'a> {
    condition: Vec<i32>,
    mark: Vec<i64>,
    tag: Vec<Option<&'a str>>,
    other_tags: Vec<Option<String>>,
    of_type: Vec<Option<&'a str>>,
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
        let mut columns =
            Self { locks: Locks::together(jobs.iter().map(|job| &job.locks)), ..Self::default() };
        for (number, job) in jobs.iter().enumerate() {
            for (nth, append) in job.appends.iter().enumerate() {
                columns.push(append, &job.appends[..nth])?;
            }
            let together = (job.appends.len() > 1).then(|| ordinal(number));
            columns.appends.together.extend(repeat_n(together, job.appends.len()));
        }
        columns.appends.leave_out(jobs);
        Ok(columns)
    }

    /// `earlier` are the appends before it that it stands together with: what one of them asks need not be asked again.
    fn push(&mut self, append: &'a Append, earlier: &[Append]) -> Result<(), BoxError> {
        let index = self.appends.recorded_at.len();
        self.appends.push(append)?;
        for (number, condition) in append.conditions.iter().enumerate() {
            if !earlier.iter().any(|earlier| earlier.conditions.contains(condition)) {
                self.watched.push(self.conditions.append.len(), condition);
                self.conditions.append.push(ordinal(index));
                self.conditions.above.push(i64::try_from(condition.marker.seen_unsettled())?);
                self.conditions.number.push(number);
            }
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
        let Self { locks, appends, conditions, watched, events } = self;
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
            .bind(&appends.together)
            .bind(&appends.inline)
            .bind(&conditions.append)
            .bind(&conditions.above)
            .bind(&watched.condition)
            .bind(&watched.mark)
            .bind(&watched.tag)
            .bind(&watched.other_tags)
            .bind(&watched.of_type)
            .bind(&events.append)
            .bind(&events.id)
            .bind(&events.name)
            .bind(&events.version)
            .bind(&events.tags)
            .bind(&events.data)
    }

    /// What the rows of the function say: one for each append that is refused, and one for all others.
    pub(crate) fn answers(&self, rows: &[PgRow], jobs: &[Job]) -> Result<Answers, sqlx::Error> {
        let appends: Vec<(usize, &Append)> =
            jobs.iter().flat_map(|job| job.appends.iter().enumerate()).collect();
        let (mut refused, mut drawn) = (Vec::new(), Vec::new());
        for row in rows {
            match row.try_get(1)? {
                "appended" => drawn = row.try_get::<Vec<i64>, _>(4)?,
                reason => {
                    let index = from_ordinal(row.try_get(0)?);
                    let (in_job, append) = appends.get(index).ok_or_else(|| unasked(index))?;
                    refused.push((index, self.refusal(*in_job, reason, row, append.key.as_ref())?));
                }
            }
        }
        refused.sort_unstable_by_key(|(index, _)| *index);
        let mut rest = Rest { refused: refused.into_iter().peekable(), drawn: drawn.into_iter(), passed: 0 };
        let answers = jobs.iter().map(|job| rest.answer(&job.appends)).collect::<Result<_, _>>()?;
        if rest.drawn.next().is_some() {
            return Err(sqlx::Error::Protocol("more positions than events".to_owned()));
        }
        Ok(answers)
    }

    /// Why an append, the one numbered `index` of its job, is refused, or what is wrong with it.
    fn refusal(
        &self,
        index: usize,
        reason: &str,
        row: &PgRow,
        key: Option<&CommandKey>,
    ) -> Result<Result<AppendOutcome, Error>, sqlx::Error> {
        Ok(Ok(match reason {
            "conflict" => {
                let condition = from_ordinal(row.try_get(2)?);
                let condition = *self.conditions.number.get(condition).ok_or_else(|| unasked(condition))?;
                let conflicting_position = position(row.try_get(3)?);
                AppendOutcome::Conflict { index, condition, conflicting_position }
            }
            // Which builds they are is asked by whoever sends the answer.
            "inline_required" => AppendOutcome::InlineRequired { index, builds: Vec::new() },
            _ => {
                if let Some(key) = key
                    && let Err(reused) = key.check(row.try_get(6)?, row.try_get(7)?)
                {
                    return Ok(Err(reused.into()));
                }
                let positions = row.try_get::<Vec<i64>, _>(4)?.into_iter().map(position);
                let stored = positions.zip(row.try_get::<Vec<Uuid>, _>(5)?);
                let events = stored.map(|(position, id)| EventRef { position, id }).collect();
                AppendOutcome::Duplicate { index, receipt: Receipt { events } }
            }
        }))
    }
}

/// What is left of the rows while they are dealt out.
struct Rest<R: Iterator, D> {
    refused: std::iter::Peekable<R>,
    drawn: D,
    /// How many appends were dealt with.
    passed: usize,
}

impl<R, D> Rest<R, D>
where
    R: Iterator<Item = (usize, Result<AppendOutcome, Error>)>,
    D: Iterator<Item = i64>,
{
    /// The answer to the next appends, which stand together.
    fn answer(&mut self, appends: &[Append]) -> Result<Result<AppendOutcome, Error>, sqlx::Error> {
        self.passed += appends.len();
        let mut refused = None;
        while let Some((_, outcome)) = self.refused.next_if(|(index, _)| *index < self.passed) {
            refused.get_or_insert(outcome);
        }
        if let Some(outcome) = refused {
            return Ok(outcome);
        }
        let receipts = appends.iter().map(|append| self.receipt(append));
        Ok(Ok(AppendOutcome::Appended(receipts.collect::<Result<_, _>>()?)))
    }

    fn receipt(&mut self, append: &Append) -> Result<Receipt, sqlx::Error> {
        let mut stored = |id| {
            let drawn = self.drawn.next();
            let drawn =
                drawn.ok_or_else(|| sqlx::Error::Protocol("fewer positions than events".to_owned()))?;
            Ok(EventRef { position: position(drawn), id })
        };
        let events = append.events.iter().map(|draft| stored(draft.id()));
        Ok(Receipt { events: events.collect::<Result<_, sqlx::Error>>()? })
    }
}

/// A number of the database, counted from 0.
fn from_ordinal(ordinal: i32) -> usize {
    usize::try_from(ordinal.saturating_sub(1)).unwrap_or(usize::MAX)
}

fn unasked(index: usize) -> sqlx::Error {
    sqlx::Error::Protocol(format!("an answer to number {index}, which was not asked"))
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
        self.inline.push(literal(brought(append).iter().map(String::as_str)));
        Ok(())
    }

    /// What no append has need not be sent.
    fn leave_out(&mut self, jobs: &[Job]) {
        if self.id.iter().all(Option::is_none) {
            (self.id, self.command, self.scope) = Default::default();
        }
        if self.body.iter().all(Option::is_none) {
            (self.body, self.rejection) = Default::default();
        }
        if self.together.iter().all(Option::is_none) {
            self.together.clear();
        }
        if jobs.iter().all(|job| job.inline.is_empty()) {
            self.inline.clear();
        }
    }
}

impl<'a> Watched<'a> {
    fn push(&mut self, condition: usize, Condition { criteria, marker }: &'a Condition) {
        for item in criteria.items() {
            let types = item.type_names();
            if types.is_empty() {
                self.push_type(condition, number(marker.settled()), item, None);
            }
            // No stored name contains NUL, and PostgreSQL cannot even be asked for one: such a type matches nothing.
            for name in types.iter().filter(|name| !name.contains('\0')) {
                self.push_type(condition, number(marker.settled()), item, Some(name));
            }
        }
    }

    fn push_type(&mut self, condition: usize, mark: i64, item: &'a Item, name: Option<&'a str>) {
        let mut tags = item.tags().iter().map(Tag::as_str);
        self.condition.push(ordinal(condition));
        self.mark.push(mark);
        self.tag.push(tags.next());
        self.other_tags.push((tags.len() > 0).then(|| literal(tags)));
        self.of_type.push(name);
    }
}
