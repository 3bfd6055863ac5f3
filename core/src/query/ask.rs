//! A query that is answered once.

use std::{
    any::type_name,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use super::{
    Query, answer,
    read_model::DEFAULT_TIMEOUT,
    read_models::{ReadModelDirectory, ReadModels},
};
use crate::{error::Error, store::Included};

/// A query that runs when it is awaited. Returned by [`App::ask`](crate::app::App::ask).
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// // #[derive(Query)]
/// // #[query(from = Balance)]
/// // struct BalanceOf { #[key] account: AccountId }
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// let balance: Option<Balance> = app.ask(BalanceOf { account: id("a") }).after(&receipt).await?;
/// assert_eq!(balance.unwrap().cents, 15);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// Those of [`Query::answer`]; [`Error::Panicked`] if the code of the query panics.
#[must_use = "a query runs only when it is awaited"]
#[derive(Debug)]
pub struct Ask<Q> {
    directory: Arc<dyn ReadModelDirectory>,
    query: Q,
    wanted: Included,
    timeout: Duration,
}

impl<Q: Query> Ask<Q> {
    pub(crate) fn new(directory: Arc<dyn ReadModelDirectory>, query: Q) -> Self {
        Self { directory, query, wanted: Included::default(), timeout: DEFAULT_TIMEOUT }
    }

    /// Waits until every read model that the query reads includes all events up to a position. With the receipt of a
    /// command, `after(&receipt)`, the answer shows what that command wrote.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// let balance = app.ask(BalanceOf { account: id("a") }).after(&receipt).await?;
    /// assert_eq!(balance.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    pub fn after(self, position: impl Into<Included>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// Sets how long to wait at most, for all read models together. The default is 5 seconds.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use std::time::Duration;
    ///
    /// use annalist::Position;
    ///
    /// let ask = app.ask(BalanceOf { account: id("a") }).after(Position::new(1000)); // far beyond the end of the log
    /// let error = ask.timeout(Duration::ZERO).await.unwrap_err();
    /// assert!(matches!(error, Error::NotCaughtUp { .. }));
    /// # Ok(())
    /// # });
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn run(self) -> Result<Q::Answer, Error> {
        let runtime = self.directory.watcher().runtime().clone();
        let models = ReadModels::new(self.directory, self.wanted, self.timeout);
        let operation = || format!("answer `{}`", type_name::<Q>());
        runtime.run(operation, answer(&self.query, &models)).await
    }
}

impl<Q: Query> IntoFuture for Ask<Q> {
    type Output = Result<Q::Answer, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
