//! The queries of an app: they read the rows of its projections.

use std::{any::TypeId, sync::Arc};

use super::{
    builder::Builder,
    facade::{App, Inner},
};
use crate::{
    daemon::ReadModelHandle,
    error::Error,
    feed::LogWatcher,
    projection::Projection,
    query::{Ask, Browse, Find, List, Query, QueryWatch, ReadModelDirectory, Watchable},
};

impl Builder {
    /// Registers a query, so that it is a part of the [`Model`](crate::model::Model). Queries that are not registered can be asked too.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// #[derive(Query)]
    /// #[query(from = Balance)]
    /// struct BalanceOf {
    ///     #[key]
    ///     account: AccountId,
    /// }
    ///
    /// let model = Model::of(|builder| builder.projection::<Balance>().query::<BalanceOf>())?;
    /// assert_eq!(model.queries[0].name, "balance_of");
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn query<Q: Query>(mut self) -> Self {
        self.declared.add_query::<Q>();
        self
    }
}

impl App {
    /// Finds the row of a projection by its key, now or [`after`](Find::after) a receipt.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// assert_eq!(app.find::<Balance>(&id("b")).await?.unwrap().cents, 30);
    /// assert_eq!(app.find::<Balance>(&id("unknown")).await?, None);
    /// # Ok(())
    /// # });
    /// ```
    pub fn find<P: Projection>(&self, key: &P::Key) -> Find<P> {
        Find::new(self.read_models().model(), key.clone())
    }

    /// Lists rows of a projection: by key or index, sorted, a page at a time.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.list::<Balance>().order_by("cents").descending().limit(1).await?;
    /// assert_eq!(page.rows[0].owner, "Bob");
    /// # Ok(())
    /// # });
    /// ```
    pub fn list<P: Projection>(&self) -> List<P> {
        List::new(self.read_models().model())
    }

    /// Executes a query, now or [`after`](Ask::after) a receipt.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let balance = app.ask(BalanceOf { account: id("b") }).await?;
    /// assert_eq!(balance.unwrap().cents, 30);
    /// # Ok(())
    /// # });
    /// ```
    pub fn ask<Q: Query>(&self, query: Q) -> Ask<Q> {
        Ask::new(Arc::<Inner>::clone(&self.inner), query)
    }

    /// Watches a query: returns the current answer, then each new answer when the rows change.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let mut watch = app.watch(BalanceOf { account: id("a") });
    /// assert_eq!(watch.next().await?.unwrap().cents, 10);
    ///
    /// app.execute(Deposit { account: id("a"), cents: 5 }).await?;
    /// assert_eq!(watch.next().await?.unwrap().cents, 15);
    /// # Ok(())
    /// # });
    /// ```
    pub fn watch<Q: Query<Answer: Watchable>>(&self, query: Q) -> QueryWatch<Q> {
        let directory: Arc<dyn ReadModelDirectory> = Arc::<Inner>::clone(&self.inner);
        QueryWatch::new(&directory, query)
    }

    /// Shows the rows of a projection, for operators: by its stored name, and without the type of a row. Secret columns are as they are
    /// stored, encrypted. The rows are the ones that queries read; before the first build is complete, the ones of that build.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// let page = app.browse("balances").equal("owner", "Bob").await?;
    /// assert_eq!(page.columns[2].name, "cents");
    /// assert_eq!(page.rows[0][2].to_text(), "30");
    /// # Ok(())
    /// # });
    /// ```
    pub fn browse(&self, projection: &str) -> Browse {
        Browse::new(self.daemon().control(projection).cloned())
    }

    fn read_models(&self) -> &dyn ReadModelDirectory {
        &*self.inner
    }
}

impl ReadModelDirectory for Inner {
    fn by_row_type(&self, row: TypeId, row_name: &'static str) -> Result<ReadModelHandle, Error> {
        self.daemon.by_row_type(row, row_name)
    }

    fn by_name(&self, name: &str) -> Result<ReadModelHandle, Error> {
        self.daemon.follow(name).cloned()
    }

    fn watcher(&self) -> &Arc<LogWatcher> {
        &self.executor.watcher
    }
}
