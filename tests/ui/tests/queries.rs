//! Queries of every shape and their answers, derived and written by hand.

#![allow(missing_docs, reason = "a test has no documentation to read")]
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{convert::Infallible, fmt::Debug, marker::PhantomData};

use annalist::{
    Memory,
    prelude::*,
    projection::Field,
    query::{Cursor, Page, ReadModels},
};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct AccountId(u32);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Deposited {
    #[id]
    account: AccountId,
    owner: String,
    currency: String,
    cents: u32,
}

#[derive(Command, Serialize)]
#[command(decide = deposit, error = Infallible)]
struct Deposit {
    deposited: Deposited,
}

fn deposit(command: &Deposit) -> Result<Deposited, Infallible> {
    Ok(command.deposited.clone())
}

#[derive(Projection, Debug, Clone, PartialEq)]
#[projection(name = "balances", on(Deposited => Balance::deposit))]
struct Balance {
    #[key]
    account: AccountId,
    #[index]
    owner: String,
    #[index]
    cents: i64,
    #[index]
    r#type: Option<String>,
}

impl Balance {
    fn deposit(&mut self, event: &Deposited) {
        self.owner.clone_from(&event.owner);
        self.cents += i64::from(event.cents);
        self.r#type = (self.cents >= 100).then(|| "rich".to_owned());
    }
}

/// A composite key with a type parameter.
#[derive(Projection, Debug, Clone, PartialEq)]
#[projection(name = "turnover", on(Deposited => Self::deposit by Self::key))]
struct Turnover<C>
where
    C: From<String> + Field + Default + Debug + Clone + Eq + std::hash::Hash + Send + Sync + 'static,
{
    #[key]
    currency: C,
    #[key]
    account: AccountId,
    cents: i64,
}

impl<C> Turnover<C>
where
    C: From<String> + Field + Default + Debug + Clone + Eq + std::hash::Hash + Send + Sync + 'static,
{
    fn deposit(&mut self, event: &Deposited) {
        self.cents += i64::from(event.cents);
    }

    fn key(event: &Deposited) -> (C, AccountId) {
        (C::from(event.currency.clone()), event.account)
    }
}

const ACCOUNTS: [(u32, &str, &str, u32); 5] = [
    (1, "Ada", "EUR", 100),
    (2, "Bob", "EUR", 50),
    (3, "Ada", "USD", 70),
    (4, "Alan", "USD", 300),
    (5, "Eve", "EUR", 0),
];

async fn app() -> App {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<Turnover<String>>();
    let app = builder.start().await.unwrap();
    for (account, owner, currency, cents) in ACCOUNTS {
        let (owner, currency) = (owner.to_owned(), currency.to_owned());
        let deposited = Deposited { account: AccountId(account), owner, currency, cents };
        app.execute(Deposit { deposited }).await.unwrap();
    }
    app.wait_until_caught_up().await.unwrap();
    app
}

/// The accounts of the rows that a query returns.
async fn accounts<Q: Query<Answer = Page<Balance>>>(app: &App, query: Q) -> Vec<u32> {
    app.ask(query).await.unwrap().rows.into_iter().map(|row| row.account.0).collect()
}

#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = Balance)]
struct BalanceOf {
    #[key]
    account: AccountId,
}

#[derive(Query)]
#[query(from = Turnover<String>)]
struct TurnoverOf {
    #[key(currency)]
    code: String,
    #[key]
    account: AccountId,
    marker: PhantomData<u8>,
}

#[tokio::test]
async fn key_query_returns_one_row() {
    let app = app().await;
    let balance = app.ask(BalanceOf { account: AccountId(3) }).await.unwrap().unwrap();
    assert_eq!((balance.owner.as_str(), balance.cents), ("Ada", 70));
    assert_eq!(app.ask(BalanceOf { account: AccountId(9) }).await.unwrap(), None);
    let of = |code: &str, account| TurnoverOf {
        code: code.into(),
        account: AccountId(account),
        marker: PhantomData,
    };
    assert_eq!(app.ask(of("USD", 4)).await.unwrap().unwrap().cents, 300);
    assert_eq!(app.ask(of("EUR", 4)).await.unwrap(), None);
}

#[derive(Query)]
#[query(from = Balance)]
struct Everything;

#[derive(Query)]
#[query(from = Balance, order = r#type)]
struct ByType {}

#[derive(Query)]
#[query(from = Balance, descending, order = cents, limit = 2)]
struct Richest {}

#[tokio::test]
async fn query_without_fields_lists_all_rows() {
    let app = app().await;
    assert_eq!(accounts(&app, Everything).await, [1, 2, 3, 4, 5]);
    assert_eq!(accounts(&app, ByType {}).await, [2, 3, 5, 1, 4]);
    assert_eq!(accounts(&app, Richest {}).await, [4, 1]);
}

/// Every kind of condition, as an `Option`.
#[derive(Query, Default, Clone)]
#[query(from = Balance)]
struct Filtered {
    #[equal]
    owner: Option<String>,
    #[equal(r#type)]
    kind: Option<Option<String>>,
    #[at_least(cents)]
    at_least: Option<i64>,
    #[at_most(cents)]
    at_most: Option<i32>,
    #[above(cents)]
    above: Option<u8>,
    #[below(cents)]
    below: std::option::Option<i64>,
    #[prefix(owner)]
    start: Option<String>,
    #[cfg(not(test))]
    #[equal]
    never: Missing,
}

#[tokio::test]
async fn optional_conditions_apply_only_when_given() {
    let app = app().await;
    let all = Filtered::default();
    assert_eq!(accounts(&app, all.clone()).await, [1, 2, 3, 4, 5]);
    assert_eq!(accounts(&app, Filtered { owner: Some("Ada".into()), ..all.clone() }).await, [1, 3]);
    assert_eq!(accounts(&app, Filtered { kind: Some(None), ..all.clone() }).await, [2, 3, 5]);
    assert_eq!(accounts(&app, Filtered { kind: Some(Some("rich".into())), ..all.clone() }).await, [1, 4]);
    assert_eq!(accounts(&app, Filtered { at_least: Some(100), ..all.clone() }).await, [1, 4]);
    assert_eq!(accounts(&app, Filtered { at_most: Some(70), ..all.clone() }).await, [2, 3, 5]);
    assert_eq!(accounts(&app, Filtered { above: Some(70), ..all.clone() }).await, [1, 4]);
    assert_eq!(accounts(&app, Filtered { below: Some(70), ..all.clone() }).await, [2, 5]);
    assert_eq!(accounts(&app, Filtered { start: Some("A".into()), ..all.clone() }).await, [1, 3, 4]);
    let several = Filtered { start: Some("A".into()), above: Some(70), below: Some(300), ..all };
    assert_eq!(accounts(&app, several).await, [1]);
}

/// Every kind of condition, as a plain value.
#[derive(Query)]
#[query(from = Balance, limit = 3)]
struct Given {
    #[prefix(owner)]
    start: String,
    #[at_least(cents)]
    from: i64,
    #[limit]
    limit: usize,
}

#[tokio::test]
async fn page_is_limited_by_the_query() {
    let app = app().await;
    let given = |start: &str, limit| Given { start: start.into(), from: 0, limit };
    assert_eq!(accounts(&app, given("A", 2)).await, [1, 3]);
    assert_eq!(accounts(&app, given("", usize::MAX)).await, [1, 2, 3]);
    assert_eq!(accounts(&app, given("", 0)).await, [1]);
}

/// The rows of a generic projection with a part of the key, a page at a time.
#[derive(Query, Serialize, Deserialize, Clone)]
#[query(from = Turnover<C>)]
struct TurnoverIn<C>
where
    C: From<String> + Field + Default + Debug + Clone + Eq + std::hash::Hash + Send + Sync + 'static,
{
    #[equal]
    currency: C,
    #[limit]
    limit: Option<usize>,
    #[cursor]
    cursor: Option<Cursor>,
}

/// The key of a generic projection.
#[derive(Query)]
#[query(from = Turnover<C>)]
struct GenericTurnoverOf<C>
where
    C: From<String> + Field + Default + Debug + Clone + Eq + std::hash::Hash + Send + Sync + 'static,
{
    #[key]
    currency: C,
    #[key]
    account: AccountId,
}

#[tokio::test]
async fn generic_query_is_serialized_and_continues_at_its_cursor() {
    let app = app().await;
    let (mut seen, mut query) =
        (Vec::new(), TurnoverIn { currency: "EUR".to_owned(), limit: Some(1), cursor: None });
    loop {
        let page = app.ask(query.clone()).await.unwrap();
        seen.extend(page.rows.into_iter().map(|row| row.account.0));
        let Some(next) = page.next else { break };
        query.cursor = Some(next);
        let text = serde_json::to_string(&query).unwrap();
        query = serde_json::from_str(&text).unwrap();
    }
    assert_eq!(seen, [1, 2, 5]);
    let row = app.ask(GenericTurnoverOf { currency: "EUR".to_owned(), account: AccountId(1) }).await.unwrap();
    assert_eq!(row.unwrap().cents, 100);
}

/// A hand-written query to two read models, with its own type of answer.
struct Statement {
    account: AccountId,
}

#[derive(Clone, Debug, PartialEq)]
struct Answered {
    owner: String,
    turnover: Vec<(String, i64)>,
}

impl Query for Statement {
    type Answer = Option<Answered>;

    async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
        let Some(balance) = models.find::<Balance>(&self.account).await? else { return Ok(None) };
        let turnover = models.list::<Turnover<String>>().equal("account", &self.account).await?;
        let turnover = turnover.rows.into_iter().map(|row| (row.currency, row.cents)).collect();
        Ok(Some(Answered { owner: balance.owner, turnover }))
    }
}

#[tokio::test]
async fn hand_written_query_reads_several_models() {
    let app = app().await;
    let answered = app.ask(Statement { account: AccountId(4) }).await.unwrap().unwrap();
    assert_eq!(answered, Answered { owner: "Alan".into(), turnover: vec![("USD".into(), 300)] });
    assert_eq!(app.ask(Statement { account: AccountId(9) }).await.unwrap(), None);
    assert_eq!(app.watch(Statement { account: AccountId(4) }).next().await.unwrap(), Some(answered));
}

/// A crate that re-exports `annalist` under another name.
mod platform {
    pub(crate) mod vendored {
        pub(crate) use annalist as log;
    }
}

mod renamed {
    use super::{Balance, accounts, app};

    #[derive(super::platform::vendored::log::Query)]
    #[query(from = Balance, crate = crate::platform::vendored::log)]
    struct Owned {
        #[equal]
        owner: String,
    }

    #[tokio::test]
    async fn derives_work_with_a_renamed_crate() {
        assert_eq!(accounts(&app().await, Owned { owner: "Ada".into() }).await, [1, 3]);
    }
}
