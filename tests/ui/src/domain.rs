//! A small domain for the compile-fail cases, so that each of them contains only its mistake.

use annalist::prelude::*;

/// The id of an account.
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub Uuid);

/// The events of an account.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// The account was opened.
    Opened {
        /// The account.
        #[id]
        account: AccountId,
    },
    /// Money was deposited.
    Deposited {
        /// The account.
        #[id]
        account: AccountId,
        /// The amount.
        amount: u64,
    },
}

/// The account was frozen.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(name = "account.frozen")]
pub struct Frozen {
    /// The account.
    #[id]
    pub account: AccountId,
}

/// The state of an account.
#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Account::on_event), error = AccountError)]
pub struct Account {
    #[id]
    id: AccountId,
    balance: u64,
}

impl Account {
    fn on_event(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { account, amount } = event
            && *account == self.id
        {
            self.balance += amount;
        }
    }
}

/// A state without id.
#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Statistics::on_event))]
pub struct Statistics {
    events: u64,
}

impl Statistics {
    fn on_event(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

/// Why a command is rejected.
#[derive(Debug, PartialEq)]
pub enum AccountError {
    /// The balance is too low.
    Insufficient,
}

/// Opens an account.
#[derive(Command, Serialize, Deserialize)]
#[command(decide = open)]
pub struct Open {
    /// The account.
    #[id(Account)]
    pub account: AccountId,
}

fn open(_: &Account, c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}
