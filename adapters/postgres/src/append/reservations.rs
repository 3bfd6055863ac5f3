//! Reservations of processes whose appends conflict with each other: advisory locks, for which the server has a queue.
//!
//! A reservation is an open transaction that holds the locks from before the read until after the append. Correctness does not
//! depend on it, because the append takes locks of its own. A process without a reservation appends without one.

use std::sync::Arc;

use annalist_core::{criteria::Criteria, store::Reservation};
use sqlx::{AssertSqlSafe, Postgres, Row, Transaction};
use tokio::sync::Semaphore;

use super::locks::AdvisoryKeys;
use crate::database::Database;

/// Maximum number of connections that hold or wait for reservations: a small part of the pool, because their callers need others.
const MAX_CONNECTIONS: u32 = 2;
pub(crate) struct Reservations {
    database: Arc<Database>,
    keys: Arc<AdvisoryKeys>,
    permits: Arc<Semaphore>,
}

impl Reservations {
    pub(crate) fn new(database: Arc<Database>, keys: Arc<AdvisoryKeys>) -> Self {
        // Waiters would use up the sessions that a pooler shares between processes.
        let max = if database.shares_sessions { 0 } else { MAX_CONNECTIONS };
        let connections = (database.pool.options().get_max_connections() / 4).min(max);
        let permits = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or_default()));
        Self { database, keys, permits }
    }

    /// A reservation of the criteria; none if all connections for reservations are in use, or the server does not answer in time.
    pub(crate) async fn reserve(&self, criteria: &[Criteria]) -> Reservation {
        let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() else { return Reservation::none() };
        match self.take(self.keys.reservation(criteria)).await {
            Ok((transaction, has_waited)) => Reservation::new((transaction, permit), has_waited),
            Err(error) => {
                tracing::debug!(log = self.database.name, %error, "no reservation; the append is repeated without");
                Reservation::none()
            }
        }
    }

    async fn take(&self, keys: Vec<i64>) -> Result<(Transaction<'static, Postgres>, bool), sqlx::Error> {
        // A caller does not wait longer, and the server ends the reservation of a process that hangs.
        let limit = self.database.timeout.as_millis().clamp(1, 600_000);
        let begin = format!(
            "BEGIN; SET LOCAL lock_timeout = {limit}; SET LOCAL idle_in_transaction_session_timeout = {limit}"
        );
        let mut transaction = self.database.begin_with(AssertSqlSafe(begin)).await?;
        let row = self.database.sql.reserve.query().bind(keys).fetch_one(&mut *transaction).await?;
        Ok((transaction, row.try_get(0)?))
    }
}
