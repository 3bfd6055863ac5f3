//! Queries: one row by its key, lists of rows, and typed questions over several read models.
//!
//! | call | answer |
//! |---|---|
//! | [`App::find`](crate::app::App::find) | one row by its key: [`Find`] |
//! | [`App::list`](crate::app::App::list) | rows by key or index, sorted, one page at a time: [`List`], [`Page`], [`Cursor`] |
//! | [`App::ask`](crate::app::App::ask) | the answer of a typed query, once: [`Query`], [`Ask`] |
//! | [`App::watch`](crate::app::App::watch) | the answer of a typed query, and every later one: [`QueryWatch`] |
//!
//! Rows follow the log a moment later. Every call has `after(&receipt)`, which waits until the rows include what a
//! command wrote.

mod ask;
mod browse;
mod columns;
mod cursor;
mod facts;
mod find;
mod list;
mod read_model;
mod read_models;
mod source;
mod watch;

use std::any::type_name;

use crate::{error::Error, panics::catch_future};

pub(crate) use self::read_models::ReadModelDirectory;
pub use self::{
    ask::Ask,
    browse::{Browse, BrowsedRows},
    columns::QueryColumns,
    cursor::Cursor,
    facts::{QueryFacts, QueryParameter},
    find::Find,
    list::{List, Page},
    read_model::ReadModel,
    read_models::ReadModels,
    source::Source,
    watch::{QueryWatch, Watchable},
};

/// A question to the read models of an app, with the type of its answer.
///
/// Derive it for one row or one page of a projection. Implement it by hand if an answer combines several read models or
/// needs SQL of your own:
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::{Error, Query, query::ReadModels};
///
/// /// An account, and how many accounts have more money.
/// struct Rank {
///     account: AccountId,
/// }
///
/// impl Query for Rank {
///     type Answer = Option<(Balance, usize)>;
///
///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
///         let Some(balance) = models.find::<Balance>(&self.account).await? else { return Ok(None) };
///         let richer = models.list::<Balance>().above("cents", &balance.cents).await?;
///         Ok(Some((balance, richer.rows.len())))
///     }
/// }
///
/// # run(async {
/// # let app = bank().await?; // Ada has 10 cents, Bob 30, Cay 20
/// let (balance, richer) = app.ask(Rank { account: id("c") }).await?.unwrap();
/// assert_eq!((balance.owner.as_str(), richer), ("Cay", 1));
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "a query is needed here",
    note = "add `#[derive(Query)]` and `#[query(from = SomeProjection)]` to `{Self}`, or write `impl Query for {Self}`"
)]
pub trait Query: Send + Sync + 'static {
    /// The type of the answer.
    type Answer: Send + 'static;
    /// Where it finds its answer, and its parameters.
    #[doc(hidden)]
    const FACTS: QueryFacts = QueryFacts::OWN;

    /// Computes the answer from read models. A watched query is answered again after every change, so this method reads
    /// all its input from `models`, which also waits until the rows are as recent as the caller wants.
    ///
    /// # Errors
    /// [`Error`] if a read model has not caught up in time, a store does not respond, or the query is invalid.
    fn answer(&self, models: &ReadModels) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Executes a query. A panic in the query's code becomes [`Error::Panicked`].
async fn answer<Q: Query>(query: &Q, models: &ReadModels) -> Result<Q::Answer, Error> {
    let answer = catch_future(async { query.answer(models).await }).await;
    answer.unwrap_or_else(|panic| Err(panic.into_error(format!("the code of `{}`", type_name::<Q>()))))
}
