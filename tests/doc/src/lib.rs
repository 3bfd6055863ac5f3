//! The domain that the examples in the documentation share: accounts that are opened and receive deposits.
//!
//! An example imports everything on a hidden line. The domain is compiled once, not once for each example.
#![allow(missing_docs, reason = "readers see only the examples")]

mod read_models;
mod tables;

use std::fmt;

pub use annalist::prelude::*;

pub use self::{
    read_models::{BalanceV2, Savings, repair, savings},
    tables::{Database, DepositTotals, Totals},
};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    Opened {
        #[id]
        account: AccountId,
        owner: String,
    },
    Deposited {
        #[id]
        account: AccountId,
        cents: i64,
    },
}

#[derive(Debug, PartialEq)]
pub enum AccountError {
    AlreadyOpen,
    NotOpen,
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyOpen => "the account is already open",
            Self::NotOpen => "the account is not open",
        })
    }
}

impl std::error::Error for AccountError {}

#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Account::apply), error = AccountError)]
pub struct Account {
    #[id]
    pub id: AccountId,
    pub open: bool,
    pub cents: i64,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Deposited { cents, .. } => self.cents += cents,
        }
    }

    fn open(&self, command: &Open) -> Result<AccountEvent, AccountError> {
        if self.open {
            return Err(AccountError::AlreadyOpen);
        }
        Ok(AccountEvent::Opened { account: self.id.clone(), owner: command.owner.clone() })
    }

    fn deposit(&self, command: &Deposit) -> Result<AccountEvent, AccountError> {
        if !self.open {
            return Err(AccountError::NotOpen);
        }
        Ok(AccountEvent::Deposited { account: self.id.clone(), cents: command.cents })
    }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::open)]
pub struct Open {
    #[id]
    pub account: AccountId,
    pub owner: String,
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    #[id]
    pub account: AccountId,
    pub cents: i64,
}

/// The row of a read model.
#[derive(Projection, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub struct Balance {
    #[key]
    pub account: AccountId,
    #[index]
    pub owner: String,
    #[index]
    pub cents: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { owner, .. } => self.owner = owner.clone(),
            AccountEvent::Deposited { cents, .. } => self.cents += cents,
        }
    }
}

/// The answer is `Option<Balance>`.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = Balance)]
pub struct BalanceOf {
    #[key]
    pub account: AccountId,
}

/// Deposits one euro into every new account.
#[derive(Policy)]
#[policy(name = "welcome_bonus", from = beginning, on_reject = ignore, on(AccountEvent => WelcomeBonus::react))]
pub struct WelcomeBonus;

impl WelcomeBonus {
    fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        match event {
            AccountEvent::Opened { account, .. } => Some(Deposit { account: account.clone(), cents: 100 }),
            AccountEvent::Deposited { .. } => None,
        }
    }
}

pub fn id(account: &str) -> AccountId {
    AccountId(account.into())
}

pub fn open(account: &str, owner: &str) -> Open {
    Open { account: id(account), owner: owner.into() }
}

pub fn opened(account: &str, owner: &str) -> AccountEvent {
    AccountEvent::Opened { account: id(account), owner: owner.into() }
}

pub fn deposited(account: &str, cents: i64) -> AccountEvent {
    AccountEvent::Deposited { account: id(account), cents }
}

/// The result of an example.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// Runs an example on a runtime with one thread.
///
/// # Panics
/// If the example fails.
pub fn run(example: impl Future<Output = Outcome>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    if let Err(error) = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(example)) {
        panic!("{error}");
    }
}

/// An app in memory, with the accounts `a` (Ada, 10 cents), `b` (Bob, 30 cents) and `c` (Cay, 20 cents).
///
/// # Errors
/// If the app cannot be started or a command fails.
pub async fn bank() -> Outcome<App> {
    let app = App::builder(annalist::Memory::new()).projection::<Balance>().start().await?;
    for (account, owner, cents) in [("a", "Ada", 10), ("b", "Bob", 30), ("c", "Cay", 20)] {
        app.execute(open(account, owner)).await?;
        app.execute(Deposit { account: id(account), cents }).await?;
    }
    app.wait_until_caught_up().await?;
    Ok(app)
}
