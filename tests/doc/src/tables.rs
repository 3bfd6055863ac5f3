//! A stand-in for a database with tables of the application, for examples of custom projections.

use std::{collections::BTreeMap, sync::Arc};

use annalist::{
    Error, Event, Memory,
    manual::Types,
    operate::FollowerRequests,
    projection::{Batch, CustomProjection, InTransaction, Transactional},
    raw::{
        error::BoxError,
        finding::{VerifyCursor, VerifyPage},
        rows::Claim,
    },
    store::{
        Build, Checkpoint, CommitOutcome, Key, LogId, Parked, PromoteOutcome, Row, RowChange, RowQuery,
        RowStore, Table,
    },
};
use async_trait::async_trait;
use tokio::sync::Mutex;

use crate::AccountEvent;

/// The table `totals`: a number for each text.
pub type Totals = BTreeMap<String, i64>;

/// A database in memory with the table [`Totals`]. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Database {
    rows: Memory,
    totals: Arc<Mutex<Totals>>,
}

impl Database {
    /// The committed content of the table.
    pub async fn totals(&self) -> Totals {
        self.totals.lock().await.clone()
    }
}

#[async_trait]
impl Transactional for Database {
    type Connection = Totals;

    /// Runs the work on a copy of the table, which replaces the table if the commit succeeds.
    async fn commit_with(
        &self,
        change: RowChange,
        work: &dyn InTransaction<Self>,
    ) -> Result<Result<CommitOutcome, BoxError>, Error> {
        let mut totals = self.totals.lock().await;
        let checkpoint = self.rows.checkpoint(change.table.projection, change.table.version).await?;
        if let Some(checkpoint) = checkpoint.filter(|checkpoint| checkpoint.position != change.from) {
            return Ok(Ok(CommitOutcome::Stale(checkpoint.position)));
        }
        let mut copy = totals.clone();
        if let Err(error) = work.run(&mut copy).await {
            return Ok(Err(error));
        }
        let outcome = self.rows.commit(change).await?;
        if outcome == CommitOutcome::Done {
            *totals = copy;
        }
        Ok(Ok(outcome))
    }
}

#[async_trait]
impl RowStore for Database {
    fn describe_rows(&self) -> String {
        "database in memory".to_owned()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.rows.builds(projection).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.rows.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        self.rows.rows(table, keys).await
    }

    async fn commit(&self, change: RowChange) -> Result<CommitOutcome, Error> {
        self.rows.commit(change).await
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.rows.report(table, stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.rows.replace_claim(table, expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.rows.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        self.rows.find(query).await
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.rows.parked(table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.rows.verify_rows(after).await
    }

    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        self.rows.promote(table, compare).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.rows.discard(table).await
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.rows.make_async(table).await
    }
}

/// A custom projection: the sum of the deposits of each account.
#[derive(Debug)]
pub struct DepositTotals;

#[async_trait]
impl CustomProjection<Database> for DepositTotals {
    const NAME: &'static str = "totals";
    const EVENTS: &'static [Types] = &[<AccountEvent as Event>::TYPES];

    async fn set_up(&self, _: &mut Totals) -> Result<(), BoxError> {
        Ok(())
    }

    async fn handle(&self, batch: Batch<'_>, totals: &mut Totals) -> Result<(), BoxError> {
        for recorded in batch.events::<AccountEvent>()? {
            let AccountEvent::Deposited { account, cents } = recorded.event else { continue };
            *totals.entry(account.to_string()).or_default() += cents;
        }
        Ok(())
    }
}
