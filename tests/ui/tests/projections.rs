//! Projections: how handlers change rows, and the columns of the rows.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use annalist::{
    Position, Timestamp,
    prelude::*,
    testing::{at, given},
};
use annalist_core::rows::{ColumnType, JsonField, Role, Table, Value};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AccountId(Uuid);

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct Currency(String);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened {
        #[id]
        account: AccountId,
        owner: String,
    },
    Deposited {
        #[id]
        account: AccountId,
        amount: u32,
        currency: Currency,
    },
    Moved {
        #[id]
        from: AccountId,
        #[id]
        to: AccountId,
        amount: u32,
    },
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
struct Closed {
    #[id]
    account: AccountId,
}

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "bank")]
struct Audited {
    accounts: Vec<AccountId>,
    finding: Option<String>,
}

const A: AccountId = AccountId(Uuid::from_u128(1));
const B: AccountId = AccountId(Uuid::from_u128(2));

fn opened(account: AccountId, owner: &str) -> AccountEvent {
    AccountEvent::Opened { account, owner: owner.into() }
}

fn deposited(account: AccountId, amount: u32, currency: &str) -> AccountEvent {
    AccountEvent::Deposited { account, amount, currency: Currency(currency.into()) }
}

fn moved(from: AccountId, to: AccountId, amount: u32) -> AccountEvent {
    AccountEvent::Moved { from, to, amount }
}

/// Events in an enum and in structs, handlers that return a `Change` or nothing, keys from ids and from a function.
#[derive(Projection, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[projection(name = "balances", version = 3, on(AccountEvent => Balance::apply, Closed => Self::close))]
#[projection(on(Audited => audit by Audited::accounts))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    owner: String,
    cents: i64,
    finding: Option<String>,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { owner, .. } => self.owner.clone_from(owner),
            AccountEvent::Deposited { amount, .. } => self.cents += i64::from(*amount),
            AccountEvent::Moved { from, amount, .. } if *from == self.account => {
                self.cents -= i64::from(*amount);
            }
            AccountEvent::Moved { amount, .. } => self.cents += i64::from(*amount),
        }
    }

    fn close(&mut self, _: &Closed) -> Change {
        if self.cents == 0 { Change::Delete } else { Change::Keep }
    }
}

fn audit(row: &mut Balance, event: &Audited) {
    row.finding.clone_from(&event.finding);
}

impl Audited {
    fn accounts(&self) -> Vec<AccountId> {
        self.accounts.clone()
    }
}

fn balance(account: AccountId, owner: &str, cents: i64) -> Balance {
    Balance { account, owner: owner.into(), cents, finding: None }
}

#[test]
fn event_changes_the_rows_of_all_its_ids() {
    let rows = given([opened(A, "Ada"), opened(B, "Bob"), deposited(A, 100, "EUR"), moved(A, B, 30)]);
    let rows = rows.project::<Balance>();
    assert_eq!(rows.count(), 2);
    rows.row(&A).eq(balance(A, "Ada", 70)).row(&B).eq(balance(B, "Bob", 30));
}

#[test]
fn event_with_the_same_id_twice_changes_its_row_once() {
    given([deposited(A, 5, "EUR"), moved(A, A, 1)]).project::<Balance>().row(&A).eq(balance(A, "", 4));
}

#[test]
fn handler_returning_delete_removes_the_row() {
    let past =
        given(([opened(A, "Ada"), deposited(B, 1, "EUR")], Closed { account: A }, Closed { account: B }));
    past.clone().project::<Balance>().row(&A).none().row(&B).eq(balance(B, "", 1));
    past.given(deposited(A, 7, "EUR")).project::<Balance>().row(&A).eq(balance(A, "", 7));
}

#[test]
fn by_function_returns_keys_that_are_not_tags() {
    let audited = Audited { accounts: vec![A, B, A], finding: Some("late".into()) };
    let rows = given((opened(A, "Ada"), audited)).project::<Balance>();
    assert_eq!(rows.count(), 2);
    rows.row(&A).eq(Balance { finding: Some("late".into()), ..balance(A, "Ada", 0) });
}

#[test]
fn columns_have_names_and_roles_of_the_fields() {
    let Table { projection, version, columns, .. } = Balance::TABLE;
    assert_eq!((projection, version), ("balances", 3));
    let columns: Vec<_> = columns.iter().map(|one| (one.name, one.kind, one.nullable, one.role)).collect();
    assert_eq!(
        columns,
        [
            ("account", ColumnType::Uuid, false, Role::Key),
            ("owner", ColumnType::Text, false, Role::Index),
            ("cents", ColumnType::Int, false, Role::Plain),
            ("finding", ColumnType::Text, true, Role::Plain),
        ]
    );
    Balance::TABLE.check().unwrap();
    assert_eq!(Balance::EVENTS.len(), 3);
}

#[test]
fn row_contains_the_values_of_the_fields() {
    let row = Balance { finding: Some("late".into()), ..balance(A, "Ada", -5) };
    let values = row.to_row().unwrap();
    let expected = [Value::Uuid(A.0), Value::Text("Ada".into()), Value::Int(-5), Value::Text("late".into())];
    assert_eq!(values, expected);
    assert_eq!(Balance::from_row(values).unwrap(), row);
    let error = Balance::from_row(vec![Value::Uuid(A.0), Value::Int(1)]).unwrap_err().to_string();
    assert!(error.contains("column `owner` of `balances`") && error.contains("a whole number"), "{error}");
    let long = "x".repeat((4 << 20) + 1);
    let error = balance(A, &long, 0).to_row().unwrap_err().to_string();
    assert!(error.contains("column `owner` of `balances`") && error.contains("the limit is"), "{error}");
    // NUL is stored as a symbol, because not every database can store it.
    let nul = balance(A, "a\0b", 0);
    assert_eq!(nul.to_row().unwrap()[1], Value::Text("a\u{2400}b".into()));
    assert_eq!(Balance::from_row(nul.to_row().unwrap()).unwrap(), nul);
}

/// A composite key from a function that returns no key for some events.
#[derive(Projection, Debug, Clone, PartialEq)]
#[projection(name = "turnover", context, on(AccountEvent => Turnover::apply by turnover_of))]
struct Turnover {
    #[key]
    account: AccountId,
    cents: i64,
    #[key]
    currency: Currency,
    #[index]
    last: Option<Timestamp>,
    #[json]
    positions: Vec<u64>,
}

impl Turnover {
    fn apply(&mut self, event: &AccountEvent, context: &Context) -> Change {
        if let AccountEvent::Deposited { amount, .. } = event {
            self.cents += i64::from(*amount);
        }
        self.last = Some(context.time);
        self.positions.extend(context.position.map(Position::get));
        Change::Keep
    }
}

fn turnover_of(event: &AccountEvent, _: &Context) -> Option<(AccountId, Currency)> {
    match event {
        AccountEvent::Deposited { account, currency, .. } => Some((*account, currency.clone())),
        _ => None,
    }
}

#[test]
fn composite_key_is_a_tuple_in_field_order() {
    let noon = Timestamp::from_micros(43_200_000_000);
    let rows = at(noon).given([
        opened(A, "Ada"),
        deposited(A, 5, "EUR"),
        deposited(A, 7, "USD"),
        deposited(B, 9, "EUR"),
        deposited(A, 1, "EUR"),
    ]);
    let rows = rows.project::<Turnover>();
    assert_eq!(rows.count(), 3);
    let eur = Currency("EUR".into());
    rows.row(&(A, eur.clone())).eq(Turnover {
        account: A,
        cents: 6,
        currency: eur,
        last: Some(noon),
        positions: vec![2, 5],
    });
    assert_eq!(Turnover::TABLE.version, 1);
    assert_eq!(Turnover::TABLE.key().map(|column| column.name).collect::<Vec<_>>(), ["account", "currency"]);
}

/// A key that is not an id, fields with reserved names, and JSON.
#[derive(Projection, Debug, Clone, PartialEq)]
#[projection(name = "owners", on(AccountEvent => Self::apply by owner))]
struct Owner {
    #[key]
    r#type: String,
    #[json]
    r#as: Vec<AccountId>,
    #[json]
    last: Option<AccountEvent>,
    #[cfg(test)]
    r#move: bool,
    #[cfg(not(test))]
    #[key]
    never: Missing,
}

impl Owner {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Opened { account, .. } = event {
            self.r#as.push(*account);
        }
        self.last = Some(event.clone());
    }
}

fn owner(event: &AccountEvent) -> String {
    match event {
        AccountEvent::Opened { owner, .. } => owner.clone(),
        _ => "nobody".to_owned(),
    }
}

#[test]
fn plain_key_and_json_column_round_trip() {
    let names: Vec<_> = Owner::TABLE.columns.iter().map(|column| (column.name, column.kind)).collect();
    let expected = [
        ("type", ColumnType::Text),
        ("as", ColumnType::Json),
        ("last", ColumnType::Json),
        ("move", ColumnType::Bool),
    ];
    assert_eq!(names, expected);
    let past = [opened(A, "Ada"), opened(B, "Ada"), moved(A, B, 0)];
    let ada = Owner { r#type: "Ada".into(), r#as: vec![A, B], last: Some(opened(B, "Ada")), r#move: false };
    let values = ada.to_row().unwrap();
    assert_eq!(values[1], JsonField::to_value(&vec![A, B]).unwrap());
    given(past).project::<Owner>().row(&"Ada".to_owned()).eq(ada);
}

/// A key of every kind of value, in rows without further columns.
#[derive(Projection, Debug, Clone, PartialEq)]
#[projection(name = "seen", version = 2, on(Audited => Self::see by Self::keys))]
struct Seen {
    #[key]
    late: bool,
    #[key]
    at: Timestamp,
    #[key]
    count: u16,
    #[key]
    accounts: i64,
}

impl Seen {
    fn see(&mut self, _: &Audited) {}

    fn keys(event: &Audited) -> Vec<(bool, Timestamp, u16, i64)> {
        let late = event.finding.is_some();
        (0..2).map(|count| (late, Timestamp::EPOCH, count, i64::MIN)).collect()
    }
}

#[test]
fn row_may_consist_of_its_key() {
    let rows = given(Audited { accounts: vec![], finding: None }).project::<Seen>();
    assert_eq!(rows.count(), 2);
    rows.row(&(false, Timestamp::EPOCH, 1, i64::MIN))
        .eq(Seen { late: false, at: Timestamp::EPOCH, count: 1, accounts: i64::MIN })
        .row(&(true, Timestamp::EPOCH, 1, i64::MIN))
        .none();
}

mod inner {
    use super::{AccountEvent, AccountId, Projection};

    /// A visible row with a private handler.
    #[derive(Projection, Debug, PartialEq)]
    #[projection(name = "moves", on(AccountEvent => count))]
    pub(super) struct Moves {
        #[key]
        account: AccountId,
        moves: u32,
    }

    impl Moves {
        // Derived methods do not collide with methods of the user.
        pub(super) fn initial(account: AccountId, moves: u32) -> Self {
            Self { account, moves }
        }
    }

    fn count(row: &mut Moves, event: &AccountEvent) {
        row.moves += u32::from(matches!(event, AccountEvent::Moved { .. }));
    }
}

#[test]
fn handlers_may_be_private() {
    let rows = given([opened(A, "Ada"), moved(A, B, 1), moved(B, A, 1)]).project::<inner::Moves>();
    rows.row(&A).eq(inner::Moves::initial(A, 2)).row(&B).eq(inner::Moves::initial(B, 2));
}
