//! Typed questions: what is asked of read models, and what comes as the answer, once or again and again.

mod check;
mod models;
mod once;
mod source;
mod watched;

use std::any::type_name;

use crate::{app::App, error::Error, panics::catch_future};

pub use self::{
    check::Columns,
    models::ReadModels,
    once::Ask,
    source::Source,
    watched::{Watchable, Watched},
};

/// A question to the read models of an app, with the type of its answer. Derive it, or write it by hand where an answer
/// takes more than one read model, or SQL of your own:
///
/// ```text
/// impl Query for Statement {
///     type Answer = Option<(Balance, Rows<Line>)>;
///
///     async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
///         let Some(balance) = models.find::<Balance>(&self.account).await? else { return Ok(None) };
///         let lines = models.list::<Line>().equal("account", &self.account).await?;
///         Ok(Some((balance, lines)))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a query",
    label = "a query is needed here",
    note = "add `#[derive(Query)]` and `#[query(from = SomeProjection)]` to `{Self}`, or write `impl Query for {Self}`"
)]
pub trait Query: Send + Sync + 'static {
    /// What it gives.
    type Answer: Send + 'static;

    /// Answers it from read models. It may be asked several times, and reads what it needs from `models` each time: they
    /// wait for what the caller wants to see.
    ///
    /// # Errors
    /// [`Error`] if a read model is behind, a store cannot answer or the question is wrong.
    fn answer(&self, models: &ReadModels) -> impl Future<Output = Result<Self::Answer, Error>> + Send;
}

/// Answers a query; a panic of the user's code becomes an error.
async fn ask<Q: Query>(query: &Q, models: &ReadModels) -> Result<Q::Answer, Error> {
    let answer = catch_future(async { query.answer(models).await }).await;
    answer.unwrap_or_else(|panic| Err(panic.into_error(format!("the code of `{}`", type_name::<Q>()))))
}

impl App {
    /// Answers a query, now or [`after`](Ask::after) a receipt.
    pub fn ask<Q: Query>(&self, query: Q) -> Ask<Q> {
        Ask::new(self.clone(), query)
    }

    /// Follows the answers of a query: the current one, then each different one as soon as the rows change.
    pub fn watch<Q: Query<Answer: Watchable>>(&self, query: Q) -> Watched<Q> {
        Watched::new(self, query)
    }
}
