//! What the `Query` derive writes for the rows that a question asks for.

use std::pin::Pin;

use super::ReadModels;
use crate::{
    error::Error,
    find::{List, Rows},
    projection::Projection,
    rows::Table,
};

type Answer<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A projection, seen from a question. Everything comes from one trait, so that rows that are no projection are one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "a projection is needed here",
    note = "add `#[derive(Projection)]` and `#[projection(name = \"…\", version = 1, on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait Source: Sized {
    /// As [`Projection::TABLE`].
    const TABLE: Table;
    /// As [`Projection::Key`].
    type Key;

    /// The row with this key.
    fn row(models: &ReadModels, key: &Self::Key) -> Answer<Option<Self>>;

    /// The rows for which a question asks.
    fn rows(models: &ReadModels, ask: impl FnOnce(List<Self>) -> List<Self>) -> Answer<Rows<Self>>;
}

#[diagnostic::do_not_recommend]
impl<P: Projection> Source for P {
    const TABLE: Table = P::TABLE;
    type Key = P::Key;

    fn row(models: &ReadModels, key: &P::Key) -> Answer<Option<P>> {
        models.find(key).into_future()
    }

    fn rows(models: &ReadModels, ask: impl FnOnce(List<P>) -> List<P>) -> Answer<Rows<P>> {
        ask(models.list()).into_future()
    }
}
