//! Definition of projections: read models whose rows are folded from events. The runtime is in [`daemon`](crate::daemon).

mod custom;
mod inline_fold;
mod key;
mod on;
mod options;
mod row_cache;
mod row_folder;
mod row_ops;
mod row_set;
mod secrets;

pub(crate) use self::{
    custom::custom_spec, key::StoredKey, options::projection_spec, row_folder::fold_in_memory,
};
pub use self::{
    custom::{Batch, CustomProjection},
    key::{FromTags, IntoKeys, RowKey, entry_reaches_row, ids_of, reaches_row},
    on::{OnRow, projection_overlaps},
    options::ProjectionOptions,
    row_folder::RowFolder,
    row_ops::{HandlerContext, RowOps, plan_event},
};
pub use crate::daemon::{
    BatchHandler, BatchResult, ErrorPolicy, Follower, Parking, PoisonEvent, Progress, RetryReport, Runner,
    State, Status, Stopped,
};
use crate::{
    codec::Codec,
    criteria::{Criteria, Item},
    error::Invalid,
    event::{EventType, Types},
    record::Record,
    rows::{Row, Table, folded_events},
};

/// A row of a read model, folded from the events that carry its key. Derive it.
///
/// The methods are called by the framework; their names leave `new`, `apply`, `key` and the like to the user.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// #[derive(Projection, Debug, PartialEq)]
/// #[projection(name = "deposits", version = 1, on(AccountEvent => Deposits::apply))]
/// struct Deposits {
///     #[key]
///     account: AccountId,
///     count: u32,
/// }
///
/// impl Deposits {
///     fn apply(&mut self, event: &AccountEvent) {
///         self.count += u32::from(matches!(event, AccountEvent::Deposited { .. }));
///     }
/// }
///
/// let rows = given([opened("ann", "Ann"), deposited("ann", 5)]).project::<Deposits>();
/// rows.row(&id("ann")).eq(Deposits { account: id("ann"), count: 1 });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a projection",
    label = "a projection is needed here",
    note = "add `#[derive(Projection)]` and `#[projection(name = \"…\", version = 1, on(SomeEvent => {Self}::apply))]` to `{Self}`"
)]
pub trait Projection: Sized + Send + Sync + 'static {
    /// The type of its `#[key]` field; a tuple if there are several.
    type Key: RowKey;
    /// The table of its rows.
    const TABLE: Table;
    /// The events that it folds.
    const EVENTS: &'static [Types];

    /// Whether every event that changes a row is tagged with the key of the row.
    const BY_IDS: bool = false;
    /// The name of the function after `by` of each entry of `EVENTS`; empty for an entry without one. It is stored with a build,
    /// which refuses another one.
    const KEY_FUNCTIONS: &'static [&'static str] = &[];

    /// Whether the handlers may read the values of secrets, and copy them into columns that are not secret. Then the rows are folded again whenever a
    /// subject is forgotten. Otherwise a handler that reads one fails.
    const READS_SECRETS: bool = true;

    /// Returns the row of a key before its first event.
    fn initial(key: Self::Key) -> Self;

    /// Plans the row operations of a record.
    ///
    /// # Errors
    /// [`Invalid`] if the record cannot be decoded, or its keys cannot be found.
    fn plan_record<'a>(record: &'a Record, codec: &Codec, ops: &mut RowOps<'a, Self>) -> Result<(), Invalid>;

    /// Returns the values of its columns.
    ///
    /// # Errors
    /// [`Invalid`] if no store can store one of them.
    fn to_row(&self) -> Result<Row, Invalid>;

    /// Creates the row from the values of its columns.
    ///
    /// # Errors
    /// [`Invalid`] if a value does not fit its field.
    fn from_row(row: Row) -> Result<Self, Invalid>;
}

/// What happens to a row after an event. Returning `()` from a handler means [`Change::Keep`].
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// /// The accounts without money.
/// #[derive(Projection, Debug, PartialEq)]
/// #[projection(name = "empty_accounts", on(AccountEvent => EmptyAccount::apply))]
/// struct EmptyAccount {
///     #[key]
///     account: AccountId,
/// }
///
/// impl EmptyAccount {
///     fn apply(&mut self, event: &AccountEvent) -> Change {
///         match event {
///             AccountEvent::Opened { .. } => Change::Keep,
///             AccountEvent::Deposited { .. } => Change::Delete,
///         }
///     }
/// }
///
/// given([opened("ann", "Ann"), deposited("ann", 5)]).project::<EmptyAccount>().row(&id("ann")).none();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "return it from the handler"]
pub enum Change {
    /// The row is stored as it is now.
    #[default]
    Keep,
    /// The row is deleted. A later event of its key starts with a new row.
    Delete,
}

/// Return types of a projection's handlers: `()` or [`Change`].
#[diagnostic::on_unimplemented(
    message = "a handler of a projection cannot return `{Self}`",
    note = "return nothing to keep the row, or a `Change`: `Change::Delete` deletes the row"
)]
pub trait IntoChange {
    /// Converts it into a change.
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

/// The criteria of the events that a projection reads.
pub fn criteria_of<P: Projection>() -> Criteria {
    item_of::<P>().into()
}

/// Describes the events that a projection folds, and how the keys of their rows are found. An event type without the id that is the key
/// changes no row: it has no key until the id is added.
pub(crate) fn events_of<P: Projection>() -> String {
    let key_of = |entry: usize, event: &EventType| match P::KEY_FUNCTIONS.get(entry) {
        Some(function) if !function.is_empty() => Some(format!("{function}()")),
        _ => P::Key::TAG_KIND.filter(|kind| Types::One(*event).carries(kind)).map(str::to_owned),
    };
    match P::READS_SECRETS && P::TABLE.has_secrets() {
        true => folded_events::describe_reading(P::EVENTS, key_of),
        false => folded_events::describe(P::EVENTS, key_of),
    }
}

/// Criteria that match at least all events that change the row of a key.
pub(crate) fn criteria_of_row<P: Projection>(key: &P::Key) -> Result<Criteria, Invalid> {
    let tag = if P::BY_IDS { key.to_tag()? } else { None };
    Ok(tag.into_iter().fold(item_of::<P>(), Item::tag).into())
}

fn item_of<P: Projection>() -> Item {
    Item::any().types(P::EVENTS.iter().flat_map(Types::names))
}
