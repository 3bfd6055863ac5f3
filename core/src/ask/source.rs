//! What the `Query` derive writes for the rows that a question asks for.

use super::ReadModels;
use crate::{
    find::{Find, List},
    projection::Projection,
    rows::Table,
};

/// A projection, seen from a question. Everything comes from one trait, so that rows that are no projection are one error.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "the rows of a read model are needed here",
    note = "add `#[derive(Projection)]` and `#[projection(name = \"…\", on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait Source {
    /// As [`Projection::TABLE`].
    const TABLE: Table;
    /// As [`Projection::Key`].
    type Key;
    /// A row that is about to be looked up.
    type Find;
    /// Rows that are about to be asked for.
    type List;

    /// As [`ReadModels::find`].
    fn find<K>(models: &ReadModels, key: &K) -> Self::Find
    where
        Self::Key: GivenBy<K>;

    /// As [`ReadModels::list`].
    fn list(models: &ReadModels) -> Self::List;
}

#[diagnostic::do_not_recommend]
impl<P: Projection> Source for P {
    const TABLE: Table = P::TABLE;
    type Key = P::Key;
    type Find = Find<P>;
    type List = List<P>;

    fn find<K>(models: &ReadModels, key: &K) -> Find<P>
    where
        P::Key: GivenBy<K>,
    {
        models.find(GivenBy::given(key))
    }

    fn list(models: &ReadModels) -> List<P> {
        models.list()
    }
}

/// A key of rows, and the type of what a question gives for it: the same.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the key of the row is `{Self}`, and the question gives `{K}`",
    label = "another key",
    note = "give all fields of the key, in the order of the row, under `#[key]`; to list rows by a part of it, write `#[equal]`"
)]
pub trait GivenBy<K> {
    /// The key.
    fn given(given: &K) -> &Self;
}

impl<K> GivenBy<K> for K {
    fn given(given: &K) -> &K {
        given
    }
}
