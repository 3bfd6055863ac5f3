//! Pages of events in the settled part of the log.
//!
//! A page has as many payloads as its limit allows, and the server should not send many more. To add up the sizes of small payloads
//! would slow down every page by a twentieth. So the first statement sends the payloads that are stored in few bytes, and leaves out the
//! others; a second one, which few pages need, sends as many of these as the page has room for.

use std::collections::VecDeque;

use annalist_core::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    payload::Payload,
    record::{Position, Record},
    store::{PageBuilder, PageLimit},
};
use futures_util::TryStreamExt;
use sqlx::{
    PgConnection, Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{records::record_of_page, statement::MAX_ROWS};
use crate::{
    database::{Database, HeldConnection},
    values::{ItemParams, from_i64, to_i64},
};

/// Payloads that are stored in at most so many bytes are always sent at once.
const SMALL: usize = 2000;

/// The matching events up to a position, all of which must be settled.
pub(crate) struct SettledEvents<'a> {
    pub(crate) database: &'a Database,
    pub(crate) filter: &'a Criteria,
    pub(crate) up_to: Position,
}

/// Where statements run.
pub(crate) enum Session<'c> {
    /// On a connection of the pool.
    Pool(HeldConnection),
    /// In a transaction.
    Transaction(&'c mut PgConnection),
}

/// What the first statement of a page returns.
struct FoundEvents<'p> {
    page: &'p mut PageBuilder,
    /// From the first record on that lacks its payload: the records, and whether they have it.
    rest: Option<PageBuilder<(Record, bool)>>,
    rows: usize,
    last: Position,
}

impl SettledEvents<'_> {
    /// Adds the events after a position to a page, until it is full. At most twice the bytes of its limit are in memory meanwhile.
    pub(crate) async fn add_to(
        &self,
        page: &mut PageBuilder,
        mut after: Position,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        while !page.is_full() && after < self.up_to {
            let PageLimit { records, bytes } = page.room();
            let limit = records.min(MAX_ROWS.into());
            let small = (bytes / limit).max(SMALL);
            let mut found = FoundEvents { page, rest: None, rows: 0, last: after };
            let query = || self.events(after, limit, small);
            session.for_each_row(self.database, query, |row| found.add(&row)).await?;
            let FoundEvents { rest, rows, last, .. } = found;
            if let Some(rest) = rest {
                self.add_rest(page, rest, session).await?;
            }
            if rows < limit {
                break;
            }
            after = last;
        }
        Ok(())
    }

    /// Adds the records from the first one on that lacks its payload.
    async fn add_rest(
        &self,
        page: &mut PageBuilder,
        rest: PageBuilder<(Record, bool)>,
        session: &mut Session<'_>,
    ) -> Result<(), Error> {
        let (is_full, rest) = (rest.is_full(), rest.into_items());
        let large: Vec<i64> = rest
            .iter()
            .filter(|(_, has_payload)| !has_payload)
            .map(|(record, _)| to_i64(record.position))
            .collect();
        let bytes = page.room().bytes;
        let mut payloads = VecDeque::new();
        let read_payload = |row: PgRow| {
            let position: i64 = row.try_get_unchecked(0).map_err(|error| self.database.read_error(error))?;
            let data: &str = row.try_get_unchecked(1).map_err(|error| damaged(position, &error))?;
            payloads.push_back((position, Payload::from_stored(data)));
            Ok(())
        };
        session.for_each_row(self.database, || self.payloads(&large, bytes), read_payload).await?;
        if payloads.front().map(|(position, _)| position) != large.first() {
            return Err(self.archived_meanwhile(large.first().copied().map(from_i64).unwrap_or_default()));
        }
        for (mut record, has_payload) in rest {
            if !has_payload {
                let Some((position, payload)) = payloads.pop_front() else {
                    page.end();
                    break;
                };
                if position != to_i64(record.position) {
                    return Err(self.archived_meanwhile(record.position));
                }
                record.data = payload;
            }
            if !page.add_record(record) {
                break;
            }
        }
        if is_full {
            page.end();
        }
        Ok(())
    }

    /// The error if an event has no payload any more that was found before: it was archived, or the log has lost it.
    fn archived_meanwhile(&self, position: Position) -> Error {
        let reason = format!("the event at position {position} is not in the log any more; read again");
        Error::unavailable(self.database.operation("read"), reason)
    }

    /// The first statement: the next events, without the payloads that are stored in more than `small` bytes.
    fn events<'q>(&self, after: Position, limit: usize, small: usize) -> Query<'q, Postgres, PgArguments> {
        let sql = &self.database.sql;
        let query = match self.filter.items().contains(&Item::any()) {
            true => sql.feed_page.query(),
            false => ItemParams::new([self.filter]).bind(sql.filtered_feed_page.query()),
        };
        let query = query.bind(to_i64(after)).bind(to_i64(self.up_to)).bind(number(limit));
        query.bind(i32::try_from(small).unwrap_or(i32::MAX))
    }

    /// The second statement: the payloads at these positions, as many as have at most so many bytes together.
    fn payloads<'q>(&self, positions: &'q [i64], bytes: usize) -> Query<'q, Postgres, PgArguments> {
        self.database.sql.payloads_within.query().bind(positions).bind(number(bytes))
    }
}

impl FoundEvents<'_> {
    /// Adds a row, unless the page is full: the rows after its end are small.
    fn add(&mut self, row: &PgRow) -> Result<(), Error> {
        self.rows += 1;
        if self.page.is_full() || self.rest.as_ref().is_some_and(PageBuilder::is_full) {
            return Ok(());
        }
        let (record, has_payload) = record_of_page(row)?;
        if record.position <= self.last {
            return Err(Error::unusable(
                "read events in their order",
                "the database returned them in another one",
            ));
        }
        self.last = record.position;
        if self.rest.is_none() && has_payload {
            self.page.add_record(record);
        } else {
            let (bytes, room) = (record.data.as_str().len(), self.page.room());
            self.rest.get_or_insert_with(|| PageBuilder::new(room)).add((record, has_payload), bytes);
        }
        Ok(())
    }
}

impl Session<'_> {
    async fn for_each_row<'q>(
        &mut self,
        database: &Database,
        query: impl Fn() -> Query<'q, Postgres, PgArguments>,
        mut each: impl FnMut(PgRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let read_error = |error| database.read_error(error);
        match self {
            Self::Pool(held) => database.for_each_row(held, query, each).await.map_err(read_error)?,
            Self::Transaction(connection) => {
                let mut rows = query().fetch(&mut **connection);
                while let Some(row) = rows.try_next().await.map_err(read_error)? {
                    each(row)?;
                }
                Ok(())
            }
        }
    }
}

fn damaged(position: i64, error: &sqlx::Error) -> Error {
    Invalid::Damaged { position: from_i64(position), reason: error.to_string() }.into()
}

/// The parameter of a limit.
pub(super) fn number(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
