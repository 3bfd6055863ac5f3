//! One row by its key.

use std::{
    future::{Future, IntoFuture},
    pin::Pin,
    time::Duration,
};

use super::read_model::{DEFAULT_TIMEOUT, ReadModel};
use crate::{
    error::Error,
    projection::{Projection, RowKey},
    rows::{SharedRows, Table},
    store::Included,
};

/// A look-up of one row that runs when it is awaited. Returned by [`App::find`](crate::app::App::find).
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
/// let balance = app.find::<Balance>(&id("a")).after(&receipt).await?;
/// assert_eq!(balance.unwrap().cents, 15);
///
/// assert_eq!(app.find::<Balance>(&id("unknown")).await?, None);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`Error::NotCaughtUp`] if the rows do not reach the wanted position in time; [`Error::Building`] if the first build of the
/// projection is not complete in time; [`Error::Unusable`] if the app does not run the projection; another [`Error`] if the
/// store cannot answer.
#[must_use = "a look-up runs only when it is awaited"]
#[derive(Debug)]
pub struct Find<P: Projection> {
    model: Result<ReadModel<P>, Error>,
    key: P::Key,
    wanted: Included,
    timeout: Duration,
}

impl<P: Projection> Find<P> {
    /// A look-up of the row with this key.
    #[doc(hidden)]
    pub fn new(model: Result<ReadModel<P>, Error>, key: P::Key) -> Self {
        Self { model, key, wanted: Included::default(), timeout: DEFAULT_TIMEOUT }
    }

    /// Waits until the row includes all events up to a position. With the receipt of a command, `after(&receipt)`, it
    /// shows what that command wrote, or what the decision of a command without events saw.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let receipt = app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// let balance = app.find::<Balance>(&id("a")).after(&receipt).await?;
    /// assert_eq!(balance.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    pub fn after(self, position: impl Into<Included>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// Sets how long to wait at most. The default is 5 seconds.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use std::time::Duration;
    ///
    /// use annalist::Position;
    ///
    /// let find = app.find::<Balance>(&id("a")).after(Position::new(1000)); // far beyond the end of the log
    /// let error = find.timeout(Duration::ZERO).await.unwrap_err();
    /// assert!(matches!(error, Error::NotCaughtUp { .. }));
    /// # Ok(())
    /// # });
    /// ```
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    async fn run(self) -> Result<Option<P>, Error> {
        let model = self.model?;
        let keys = [self.key.to_key()?];
        let read = |rows: SharedRows, table: Table| {
            let keys = keys.clone();
            async move { rows.rows(&table, &keys).await }
        };
        let rows = model.read(self.wanted, self.timeout, read).await?;
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
