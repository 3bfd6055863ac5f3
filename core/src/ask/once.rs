//! A question that is asked once.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use super::{Query, ReadModels, ask};
use crate::{app::App, error::Error, find::DEFAULT_TIMEOUT, position::Position};

/// A question that is about to be asked; `.await` it.
#[must_use = "nothing is asked before it is awaited"]
#[derive(Debug)]
pub struct Ask<Q> {
    app: App,
    question: Q,
    wanted: Position,
    timeout: Duration,
}

impl<Q: Query> Ask<Q> {
    pub(crate) fn new(app: App, question: Q) -> Self {
        Self { app, question, wanted: Position::START, timeout: DEFAULT_TIMEOUT }
    }

    /// Waits until every read model that is asked shows everything up to a position: to that of a receipt, `after(&receipt)`,
    /// the answer shows what that command did.
    pub fn after(self, position: impl Into<Position>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// How long to wait at most, for all read models together; 5 seconds unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn run(self) -> Result<Q::Answer, Error> {
        let models = ReadModels::new(self.app, self.wanted, self.timeout);
        ask(&self.question, &models).await
    }
}

impl<Q: Query> IntoFuture for Ask<Q> {
    type Output = Result<Q::Answer, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
