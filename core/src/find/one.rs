//! One row by its key.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use super::{ReadModel, model::DEFAULT_TIMEOUT};
use crate::{
    error::Error,
    projection::{Projection, RowKey},
    record::Position,
};

/// A row that is about to be looked up; `.await` it.
#[must_use = "nothing is asked before it is awaited"]
#[derive(Debug)]
pub struct Find<P: Projection> {
    model: Result<ReadModel<P>, Error>,
    key: P::Key,
    wanted: Position,
    timeout: Duration,
}

impl<P: Projection> Find<P> {
    /// The row with a key.
    pub fn new(model: Result<ReadModel<P>, Error>, key: P::Key) -> Self {
        Self { model, key, wanted: Position::START, timeout: DEFAULT_TIMEOUT }
    }

    /// Waits until the row shows everything up to a position: to that of a receipt, `after(&receipt)`, it shows what that
    /// command did.
    pub fn after(self, position: impl Into<Position>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// How long to wait at most; 5 seconds unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn run(self) -> Result<Option<P>, Error> {
        let model = self.model?;
        let table = model.table(self.wanted, self.timeout).await?;
        let rows = model.rows().rows(&table, &[self.key.to_key()?]).await?;
        Ok(rows.into_iter().flatten().next().map(P::from_row).transpose()?)
    }
}

impl<P: Projection> IntoFuture for Find<P> {
    type Output = Result<Option<P>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
