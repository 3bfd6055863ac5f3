//! The derives of Annalist. Use them through the `annalist` crate, which re-exports them.
//!
//! Each derive has a folder and goes the same way: `parse` reads the item and its attributes as they stand, `check`
//! turns what was read into the `model` of a correct item or reports every mistake, and `expand` writes the impl, which
//! only calls ordinary functions of the core. What each derive writes can be read in `expansions/`.

mod aggregate;
mod command;
mod event;
mod id;
mod policy;
mod projection;
mod query;
mod shared;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a newtype the id of one kind of thing.
///
/// ```
/// use annalist::prelude::*;
///
/// #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
/// struct AccountId(Uuid);
///
/// #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
/// #[id(kind = "product")]
/// struct Sku(String);
///
/// let account = AccountId::new();
/// assert_eq!((AccountId::KIND, Sku::KIND), ("account", "product"));
/// assert_eq!(account.to_string().parse(), Ok(account));
/// ```
///
/// It writes `Id`, `Display`, `FromStr`, and serde's `Serialize` and `Deserialize` (do not derive them too): as text and in
/// payloads the id is what it wraps. `Clone`, `PartialEq`, `Eq` and `Hash` are derived beside it. `AccountId::new()` makes a fresh
/// id where the inner type can: a `Uuid` of version 7.
///
/// # Keys
///
/// | key | meaning |
/// |---|---|
/// | `kind = "account"` | The kind: the first half of the tag `account:0192…`. Without it, the type's name in snake case without `Id`. Two id types may have the same kind only if both write it out. |
/// | `crate = path` | Where `annalist` is, if not at `::annalist`. |
#[proc_macro_derive(Id, attributes(id))]
pub fn derive_id(input: TokenStream) -> TokenStream {
    shared::run(input, id::derive)
}

/// Makes a struct an event, or an enum a set of events.
///
/// ```
/// use annalist::prelude::*;
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);
/// # #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)] struct ProductId(String);
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(prefix = "account")]
/// enum AccountEvent {
///     /// Stored as `account.opened`, with the tag `account:…`.
///     Opened { #[id] account: AccountId, owner: String },
///     /// Stored as `account.moved`, with a tag for each of the two accounts.
///     Moved { #[id] from: AccountId, #[id] to: AccountId, amount: u64 },
///     /// Stored under a name of its own, and read under two more; the newest payload is that of version 2.
///     #[event(name = "account.frozen", alias("account.blocked", "account.locked"), version = 2)]
///     Frozen { #[id] account: AccountId },
///     /// An event of another type, taken into the set. It has its own name and ids.
///     Ordered(OrderPlaced),
/// }
///
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(name = "order.placed")]
/// struct OrderPlaced {
///     #[id(with = products)]
///     lines: Vec<Line>,
/// }
///
/// #[derive(Serialize, Deserialize)]
/// struct Line { product: ProductId, count: u32 }
///
/// fn products(lines: &[Line]) -> Vec<ProductId> {
///     lines.iter().map(|line| line.product.clone()).collect()
/// }
/// ```
///
/// Structs have named fields or none. Variants have named fields or none, or wrap one other event. The payload is the
/// fields alone, written by serde: the item derives `Serialize` and `Deserialize` too (unit structs, and enums that only
/// wrap other events, need not). `#[serde(…)]` works but for what would put a Rust name into the payload or hide a variant:
/// `tag`, `content`, `untagged`, and `from` or `into` on an enum; `skip`, `untagged` and `other` on a variant.
///
/// A name that is given twice does not compile; twice in an app, it does not start.
///
/// # Keys of `#[event(…)]`
///
/// | key | on | meaning |
/// |---|---|---|
/// | `prefix = "account"` | struct, enum | The first part of stored names: `account.money-moved` for `MoneyMoved`. |
/// | `name = "account.moved"` | struct, variant | The whole stored name. |
/// | `alias = "old"`, `alias("old", "older")` | struct, variant | Older stored names that are read as this event. |
/// | `version = 2` | struct, variant | The version of the payload that this program writes, and the newest it reads. 1 without it. |
/// | `crate = path` | struct, enum | Where `annalist` is, if not at `::annalist`. |
///
/// # On fields
///
/// | attribute | meaning |
/// |---|---|
/// | `#[id]` | The field holds an id, an `Option` of one or a `Vec` of them: the event is tagged with each. |
/// | `#[id(with = path)]` | `path(&field)` gives the ids. |
#[proc_macro_derive(Event, attributes(event, id))]
pub fn derive_event(input: TokenStream) -> TokenStream {
    shared::run(input, event::derive)
}

/// Makes a struct a state that decisions are taken on.
///
/// ```
/// use annalist::prelude::*;
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);
/// # #[derive(Event, Serialize, Deserialize)]
/// # enum AccountEvent { Deposited { #[id] account: AccountId, amount: u64 } }
/// # #[derive(Event, Serialize, Deserialize)] struct Frozen { #[id] account: AccountId }
/// # #[derive(Debug)] struct AccountError;
///
/// #[derive(Aggregate)]
/// #[aggregate(on(AccountEvent => Account::apply, Frozen => Account::freeze), error = AccountError)]
/// struct Account {
///     #[id]
///     id: AccountId,
///     balance: u64,
///     frozen: bool,
/// }
///
/// impl Account {
///     fn apply(&mut self, event: &AccountEvent) {
///         match event {
///             AccountEvent::Deposited { amount, .. } => self.balance += amount,
///         }
///     }
///
///     fn freeze(&mut self, _: &Frozen) {
///         self.frozen = true;
///     }
/// }
/// ```
///
/// With an `#[id]` field it is folded from the events of its types that carry this id; without one, from all events of its
/// types. The other fields start at `Default`. Two entries that take the same event do not compile.
///
/// # Keys
///
/// | key | meaning |
/// |---|---|
/// | `on(Event => path, …)` | The events that it is folded from, each with its handler: `fn(&mut Self, &Event)`. May be repeated. |
/// | `error = Type` | The error of its decisions. `Infallible` without it. |
/// | `context` | Handlers get a third argument, `&Context`: time, position and origin of the event. |
/// | `snapshot(every = 100, version = 2)` | Its states are kept beside the log whenever so many more events were folded in, so that a long past is not read again. For types that are `Serialize` and `Deserialize`. Raise `version` (by default 1) when a handler changes what it makes of an event; that fields or events changed is seen. |
/// | `crate = path` | Where `annalist` is, if not at `::annalist`. |
#[proc_macro_derive(Aggregate, attributes(aggregate, id))]
pub fn derive_aggregate(input: TokenStream) -> TokenStream {
    shared::run(input, aggregate::derive)
}

/// Makes a struct a command with its decision, or an enum of commands a command.
///
/// ```
/// use annalist::prelude::*;
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);
/// # #[derive(Event, Serialize, Deserialize)]
/// # enum AccountEvent {
/// #     Deposited { #[id] account: AccountId, amount: u64 },
/// #     Moved { #[id] from: AccountId, #[id] to: AccountId, amount: u64 },
/// # }
/// # #[derive(Debug)] enum AccountError { Insufficient }
/// # #[derive(Aggregate)] #[aggregate(on(AccountEvent => Account::apply), error = AccountError)]
/// # struct Account { #[id] id: AccountId, balance: u64 }
/// # impl Account { fn apply(&mut self, _: &AccountEvent) {} }
///
/// /// The type in the path is the state, and the only `#[id]` its id.
/// #[derive(Command, Serialize, Deserialize)]
/// #[command(decide = Account::deposit)]
/// struct Deposit { #[id] account: AccountId, amount: u64 }
///
/// impl Account {
///     fn deposit(&self, c: &Deposit) -> Result<AccountEvent, AccountError> {
///         Ok(AccountEvent::Deposited { account: c.account, amount: c.amount })
///     }
/// }
///
/// /// Several states are named at their ids.
/// #[derive(Command, Serialize, Deserialize)]
/// #[command(decide = transfer, context, name = "transfer-money")]
/// struct Transfer { #[id(Account)] from: AccountId, #[id(Account)] to: AccountId, amount: u64 }
///
/// fn transfer(
///     (from, to): (&Account, &Account),
///     c: &Transfer,
///     context: &Context,
/// ) -> Result<AccountEvent, AccountError> {
///     if from.balance < c.amount { return Err(AccountError::Insufficient) }
///     Ok(AccountEvent::Moved { from: from.id, to: to.id, amount: c.amount })
/// }
///
/// /// The type that crosses the wire: each variant goes to its own decision.
/// #[derive(Command, Serialize, Deserialize)]
/// enum BankCommand {
///     Deposit(Deposit),
///     Transfer(Transfer),
/// }
/// ```
///
/// A decision is an ordinary function: `fn(&State, &Command) -> Result<Events, Error>`. Events are one event, a tuple, an array,
/// a `Vec`, an `Option`, or `()` for none. The command is borrowed: after a conflict it is decided again.
///
/// # Which states a decision gets
///
/// * `decide = Account::deposit` and a single `#[id]`: the `Account` with this id.
/// * `#[id(A)]` or `#[id(A, B)]` on fields and `state(C)` on the command: all of them, in the order of the fields and then
///   of `state`. The path is then only called. Two to eight states arrive as a tuple of references.
/// * A `Vec` of ids gives a slice of states, one for each different id; an `Option` gives `&Option<A>`.
/// * None of these: none. The decision is `fn(&Command)`, in a free function or in one of the command itself.
///
/// # Keys of `#[command(…)]`
///
/// | key | on | meaning |
/// |---|---|---|
/// | `decide = path` | struct | The decision. |
/// | `state(A, …)` | struct | Aggregates without id that it decides on. |
/// | `error = Type` | struct, enum | The error. Without it, that of the first state's aggregate or of the first variant. Errors of decisions and variants are turned into it by `From`. Write it for a public command over a private aggregate, and for one without states. |
/// | `context` | struct | The decision gets one more argument, `&Context`: the time, and who asked. |
/// | `name = "deposit"` | struct | The stored name. Without it, the type's name in kebab case. |
/// | `crate = path` | struct, enum | Where `annalist` is, if not at `::annalist`. |
#[proc_macro_derive(Command, attributes(command, id))]
pub fn derive_command(input: TokenStream) -> TokenStream {
    shared::run(input, command::derive)
}

/// Makes a struct the row of a read model, folded from events in the background.
///
/// ```
/// use annalist::prelude::*;
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);
/// # #[derive(Event, Serialize, Deserialize)]
/// # #[event(prefix = "account")]
/// # enum AccountEvent {
/// #     Opened { #[id] account: AccountId, owner: String },
/// #     Moved { #[id] from: AccountId, #[id] to: AccountId, cents: u32 },
/// # }
/// # #[derive(Event, Serialize, Deserialize)] struct Closed { #[id] account: AccountId }
///
/// #[derive(Projection, Debug, PartialEq)]
/// #[projection(name = "balances", on(AccountEvent => Balance::apply, Closed => Balance::close))]
/// struct Balance {
///     #[key]
///     account: AccountId,
///     #[index]
///     owner: String,
///     cents: i64,
/// }
///
/// impl Balance {
///     fn apply(&mut self, event: &AccountEvent) {
///         match event {
///             AccountEvent::Opened { owner, .. } => self.owner = owner.clone(),
///             AccountEvent::Moved { from, cents, .. } if *from == self.account => self.cents -= i64::from(*cents),
///             AccountEvent::Moved { cents, .. } => self.cents += i64::from(*cents),
///         }
///     }
///
///     fn close(&mut self, _: &Closed) -> Change {
///         Change::Delete
///     }
/// }
///
/// # let (a, b) = (AccountId::new(), AccountId::new());
/// annalist::testing::given([
///     AccountEvent::Opened { account: a, owner: "Ada".into() },
///     AccountEvent::Opened { account: b, owner: "Bob".into() },
///     AccountEvent::Moved { from: a, to: b, cents: 40 },
/// ])
/// .project::<Balance>()
/// .row(&a).eq(Balance { account: a, owner: "Ada".into(), cents: -40 })
/// .row(&b).eq(Balance { account: b, owner: "Bob".into(), cents: 40 });
/// ```
///
/// A row starts with its key and the `Default` of the other fields when the first event names it. A handler is an ordinary
/// function, `fn(&mut Row, &Event)`, that returns nothing or a `Change`: after `Change::Delete` the row is gone, and the next
/// event with its key starts a new one. Two entries that take the same event do not compile.
///
/// # Which rows an event changes
///
/// * `on(Event => handler)`: the rows of all ids of the key's kind that the event carries under `#[id]`. The move above
///   changes two rows. An event that names a row twice changes it once.
/// * `on(Event => handler by function)`: those that `function(&event)` gives, as one key, an `Option` of one or a `Vec` of
///   them. A key of several columns, or one that is no id, is always found so:
///
/// ```
/// # use annalist::prelude::*;
/// # #[derive(Event, Serialize, Deserialize)]
/// # enum SaleEvent { Sold { product: String, country: String, cents: u32 }, Planned }
/// #[derive(Projection)]
/// #[projection(name = "sales", on(SaleEvent => Sales::add by sales_of))]
/// struct Sales {
///     #[key]
///     product: String,
///     #[key]
///     country: String,
///     cents: i64,
/// }
///
/// fn sales_of(event: &SaleEvent) -> Option<(String, String)> {
///     match event {
///         SaleEvent::Sold { product, country, .. } => Some((product.clone(), country.clone())),
///         SaleEvent::Planned => None,
///     }
/// }
/// # impl Sales { fn add(&mut self, _: &SaleEvent) {} }
/// ```
///
/// # Keys of `#[projection(…)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "balances"` | The stored name: the name of the view in a database. `[a-z][a-z0-9_]*`, at most 48 bytes, neither ending like the name of a table (`_v2`) nor starting with `sqlite_`. |
/// | `version = 2` | The version of its columns and of what its handlers do. A new version is a new table, folded from the first event on. 1 without it. |
/// | `on(Event => path, Event => path by path, …)` | The events that it is folded from, each with its handler. May be repeated. |
/// | `context` | Handlers get a third argument, `&Context`: time, position and origin of the event. Functions behind `by` get it as their second: so a line of a list is keyed by its position. |
/// | `crate = path` | Where `annalist` is, if not at `::annalist`. |
///
/// # On fields
///
/// A field is a column of its name: `bool`, `i8` to `i64`, `u8` to `u32`, `f32`, `f64`, `String`, `Uuid`, `Timestamp`, `Position`, an
/// id around one of these, or an `Option` of them, which may be empty in the database.
///
/// | attribute | meaning |
/// |---|---|
/// | `#[key]` | The column is the key of the row, or one of up to four. The key's type is that of the field, or a tuple in the order of the fields. It has `Clone`, `Eq` and `Hash`, and is no `Option`. |
/// | `#[index]` | Queries may ask by this column. |
/// | `#[json]` | The field is kept as JSON, whatever its type: it derives `Serialize` and `Deserialize`. |
///
/// ```
/// use annalist::{Timestamp, prelude::*};
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct OrderId(Uuid);
/// # #[derive(Event, Serialize, Deserialize)] struct OrderPlaced { #[id] order: OrderId, lines: Vec<Line> }
/// #[derive(Projection)]
/// #[projection(name = "orders", version = 2, context, on(OrderPlaced => Order::placed))]
/// struct Order {
///     #[key]
///     order: OrderId,
///     #[index]
///     placed: Option<Timestamp>,
///     #[json]
///     lines: Vec<Line>,
/// }
///
/// #[derive(Serialize, Deserialize, Clone)]
/// struct Line { product: String, count: u32 }
///
/// impl Order {
///     fn placed(&mut self, event: &OrderPlaced, context: &Context) {
///         self.placed = Some(context.time);
///         self.lines = event.lines.clone();
///     }
/// }
/// ```
#[proc_macro_derive(Projection, attributes(projection, key, index, json))]
pub fn derive_projection(input: TokenStream) -> TokenStream {
    shared::run(input, projection::derive)
}

#[doc = include_str!("../docs/policy.md")]
#[proc_macro_derive(Policy, attributes(policy))]
pub fn derive_policy(input: TokenStream) -> TokenStream {
    shared::run(input, policy::derive)
}

/// Makes a struct a question to a read model.
///
/// ```
/// use annalist::{find::Cursor, prelude::*};
/// # #[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)] struct AccountId(Uuid);
/// # #[derive(Event, Serialize, Deserialize)] struct Opened { #[id] account: AccountId, owner: String }
/// # #[derive(Projection)]
/// # #[projection(name = "balances", on(Opened => Balance::open))]
/// # struct Balance {
/// #     #[key] account: AccountId,
/// #     #[index] owner: String,
/// #     #[index] cents: i64,
/// # }
/// # impl Balance { fn open(&mut self, event: &Opened) { self.owner = event.owner.clone(); } }
/// # #[derive(Command, Serialize)]
/// # #[command(decide = open, error = std::convert::Infallible)]
/// # struct Open { account: AccountId, owner: String }
/// # fn open(c: &Open) -> Result<Opened, std::convert::Infallible> {
/// #     Ok(Opened { account: c.account, owner: c.owner.clone() })
/// # }
///
/// /// The row with this key, if there is one: `Option<Balance>`.
/// #[derive(Query, Serialize, Deserialize)]
/// #[query(from = Balance)]
/// struct BalanceOf {
///     #[key]
///     account: AccountId,
/// }
///
/// /// Rows, a page at a time: `Rows<Balance>`.
/// #[derive(Query, Serialize, Deserialize)]
/// #[query(from = Balance, order = cents, descending, limit = 50)]
/// struct RichOnes {
///     #[equal]
///     owner: String,
///     #[at_least(cents)]
///     from: Option<i64>,
///     #[cursor]
///     cursor: Option<Cursor>,
/// }
///
/// # async fn ask(app: App, open: Open) -> Result<(), Box<dyn std::error::Error>> {
/// # let account = open.account;
/// let receipt = app.execute(open).await?;
/// let balance = app.ask(BalanceOf { account }).after(&receipt).await?;
///
/// let page = app.ask(RichOnes { owner: "Ada".into(), from: None, cursor: None }).await?;
/// let next = RichOnes { owner: "Ada".into(), from: None, cursor: page.next };
/// # Ok(())
/// # }
/// ```
///
/// The fields of the question name fields of the rows; one that is not there, is not marked with `#[key]` or `#[index]`,
/// or keeps something of another type does not compile. An `Option` is asked only when it is given; to ask for rows where
/// a field is empty, give `#[equal]` an `Option<Option<…>>`.
///
/// `app.watch(question)` follows the answers. What needs more than one read model, or SQL of your own, is a `Query` that is
/// written by hand.
///
/// # Keys of `#[query(…)]`
///
/// | key | meaning |
/// |---|---|
/// | `from = Balance` | The projection whose rows it asks for. |
/// | `order = cents` | Sorted by this field, smallest first, and by the key where that is alike. Without it by the key. |
/// | `descending` | The other way round. |
/// | `limit = 50` | How many rows a page holds, and the most that `#[limit]` may ask for. 100 without it. |
/// | `crate = path` | Where `annalist` is, if not at `::annalist`. |
///
/// # On fields
///
/// Each field has one of these. In parentheses stands the field of the row; without them it is the one of the same name.
///
/// | attribute | meaning |
/// |---|---|
/// | `#[key]`, `#[key(account)]` | The answer is the row with this key. All fields of its key are given, in the order of the row; `#[equal]` lists the rows that have a part of it. |
/// | `#[equal(owner)]` | Rows with this value. |
/// | `#[at_least(cents)]`, `#[at_most(cents)]` | Rows with this value, or one that is greater or smaller. |
/// | `#[above(cents)]`, `#[below(cents)]` | Rows with a greater or a smaller value. |
/// | `#[prefix(owner)]` | Rows with a text that starts with this `String`. |
/// | `#[limit]` | How many rows the page holds, as `usize`: no more than `limit` says. |
/// | `#[cursor]` | A `Cursor`: where the page before ended. One of another question, or of other values, is refused. |
#[proc_macro_derive(
    Query,
    attributes(query, key, equal, at_least, at_most, above, below, prefix, limit, cursor)
)]
pub fn derive_query(input: TokenStream) -> TokenStream {
    shared::run(input, query::derive)
}
