//! Reads of the settled part of the log: pages of feeds, counts, and positions by time.

use std::sync::{Arc, atomic::Ordering};

use annalist_core::{
    criteria::Criteria,
    error::Error,
    record::Position,
    store::{FeedPage, PageBuilder, PageLimit, Prefix, Settled},
    time::Timestamp,
};
use futures_util::future::join;
use sqlx::Row;

use super::pages::{Session, SettledEvents};
use crate::{
    database::Database,
    high_water::mark::HighWater,
    values::{ItemParams, Time, from_i64, to_i64},
};

pub(crate) struct Feed {
    database: Arc<Database>,
    high_water: Arc<HighWater>,
}

impl Feed {
    pub(crate) fn new(database: Arc<Database>, high_water: Arc<HighWater>) -> Self {
        Self { database, high_water }
    }

    /// The next page of a feed.
    pub(crate) async fn page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Result<FeedPage, Error> {
        let mut page = PageBuilder::new(limit);
        let (known, mut read) = (self.high_water.position(), after);
        if known.get().saturating_sub(after.get()) >= limit.records as u64 {
            // A reader far below the high-water mark does not need its newest value.
            self.extend(&mut page, filter, read, known).await?;
            if page.is_full() {
                return Ok(page.into_page(after, known, None, self.successors()));
            }
            read = known;
        }
        // The page may end above the known mark, so the new mark is read at the same time.
        let (extended, settled) =
            join(self.extend(&mut page, filter, read, known), self.high_water.settled()).await;
        extended?;
        let Settled { position, gap } = settled?;
        self.extend(&mut page, filter, after.max(known), position).await?;
        Ok(page.into_page(after, position.max(known), gap, self.successors()))
    }

    /// The next page of a feed, if this process has itself appended the events after the position.
    pub(crate) fn recent_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Option<FeedPage> {
        let Database { seen, recent, .. } = &*self.database;
        recent.page((seen.now(), self.successors()), filter, after, limit)
    }

    /// The version of the list of successors, which has those of all events up to the settled position.
    fn successors(&self) -> u64 {
        self.database.successors.load(Ordering::Acquire)
    }

    /// Extends a page with the events after a position, up to a settled one, as far as its limit allows.
    async fn extend(
        &self,
        page: &mut PageBuilder,
        filter: &Criteria,
        after: Position,
        settled: Position,
    ) -> Result<(), Error> {
        let events = SettledEvents { database: &self.database, filter, up_to: settled };
        events.add_to(page, after, &mut Session::Pool(None)).await
    }

    /// The number of matching events in `(after, up_to]`, as far as they are settled.
    pub(crate) async fn count(
        &self,
        criteria: &Criteria,
        after: Position,
        up_to: Position,
    ) -> Result<u64, Error> {
        let read_error = |error| self.database.read_error(error);
        let settled = self.high_water.settled().await?.position;
        let items = ItemParams::new([criteria]);
        let database = &self.database;
        let query = || {
            let query = database.sql.count.planned().bind(&items.types).bind(&items.tags);
            query.bind(to_i64(after)).bind(to_i64(up_to.min(settled)))
        };
        let row = database.fetch_one(query).await.map_err(read_error)?;
        row.try_get("count").map(i64::unsigned_abs).map_err(read_error)
    }

    /// The longest prefix of the settled log whose events were recorded until `time`.
    pub(crate) async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        let read_error = |error| self.database.read_error(error);
        let settled = self.high_water.settled().await?.position;
        let database = &self.database;
        let query = || database.sql.prefix_at.query().bind(Time(time)).bind(to_i64(settled));
        let row = database.fetch_one(query).await.map_err(read_error)?;
        let up_to = row.try_get("up_to").map(from_i64).map_err(read_error)?;
        let hidden = row.try_get("hidden").map(i64::unsigned_abs).map_err(read_error)?;
        Ok(Prefix { up_to, hidden })
    }
}
