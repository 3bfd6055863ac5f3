//! Read models: rows folded from the feed.

mod custom;
mod inline_fold;
mod key;
mod on;
mod options;
mod row_cache;
mod row_folder;
mod row_ops;
mod row_set;

pub(crate) use self::{custom::custom_spec, options::projection_spec, row_folder::fold_in_memory};
pub use self::{
    custom::{Batch, CustomProjection},
    key::{IntoKeys, RowKey},
    on::{FromTags, OnRow},
    options::ProjectionOptions,
    row_folder::RowFolder,
    row_ops::{HandlerContext, RowOps, ids_of, plan_event},
};
pub use crate::daemon::{
    BatchHandler, BatchResult, ErrorPolicy, Follower, Parking, PoisonEvent, Progress, RetryReport, Runner,
    ShutdownSignal, State, Status, Stopped,
};
use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    error::Invalid,
    event::Types,
    record::Record,
    rows::{Row, Table},
};

/// A row of a read model, folded from the events that carry its key. Derive it.
///
/// The methods are called by the framework; their names leave `new`, `apply`, `key` and the like to the user.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "the row of a read model is needed here",
    note = "add `#[derive(Projection)]` and `#[projection(name = \"…\", version = 1, on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait Projection: Sized + Send + Sync + 'static {
    /// The type of its `#[key]` field; a tuple if there are several.
    type Key: RowKey;
    /// The table that keeps it.
    const TABLE: Table;
    /// The events that it folds.
    const EVENTS: &'static [Types];

    /// Whether every event that changes a row carries the row's key as an id.
    const BY_IDS: bool = false;

    /// The row before its first event.
    fn initial(key: Self::Key) -> Self;

    /// Adds a step for each row that a record changes.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or its keys cannot be read.
    fn plan_record<'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, Self>,
    ) -> Result<(), Invalid>;

    /// The values of its columns.
    ///
    /// # Errors
    /// [`Invalid`] if no store can keep one of them.
    fn to_row(&self) -> Result<Row, Invalid>;

    /// The row from the values of its columns.
    ///
    /// # Errors
    /// [`Invalid`] if a value does not fit its field.
    fn from_row(row: Row) -> Result<Self, Invalid>;
}

/// What becomes of a row after an event. A handler that gives nothing keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "return it from the handler"]
pub enum Change {
    /// It is kept, as it is now.
    #[default]
    Keep,
    /// It is deleted; a later event with its key starts a new one.
    Delete,
}

/// What a handler of a projection may return: `()` or a [`Change`].
#[diagnostic::on_unimplemented(
    message = "a handler of a projection cannot return `{Self}`",
    note = "return nothing to keep the row, or a `Change`"
)]
pub trait IntoChange {
    /// The change.
    fn into_change(self) -> Change;
}

impl IntoChange for () {
    fn into_change(self) -> Change {
        Change::Keep
    }
}

impl IntoChange for Change {
    fn into_change(self) -> Change {
        self
    }
}

/// Which events a projection reads.
pub fn criteria_of<P: Projection>() -> Criteria {
    item_of::<P>().into()
}

/// Which events change the row with a key, and maybe others.
pub(crate) fn criteria_of_row<P: Projection>(key: &P::Key) -> Result<Criteria, Invalid> {
    let tag = if P::BY_IDS { key.to_tag()? } else { None };
    Ok(tag.into_iter().fold(item_of::<P>(), Item::tag).into())
}

fn item_of<P: Projection>() -> Item {
    Item::any().types(P::EVENTS.iter().flat_map(Types::names))
}
