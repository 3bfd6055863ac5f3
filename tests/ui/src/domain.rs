//! A small domain that the compile-fail cases stand on, so that each of them shows its mistake alone.

use annalist::prelude::*;

/// The id of an account.
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(pub Uuid);

/// What happens to accounts.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// An account exists.
    Opened {
        /// Which one.
        #[id]
        account: AccountId,
    },
    /// Money came in.
    Deposited {
        /// Where.
        #[id]
        account: AccountId,
        /// How much.
        amount: u64,
    },
}

/// A single event.
#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(name = "account.frozen")]
pub struct Frozen {
    /// Which account.
    #[id]
    pub account: AccountId,
}

/// A state.
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

/// Why a decision says no.
#[derive(Debug, PartialEq)]
pub enum AccountError {
    /// Too little money.
    Insufficient,
}

/// A command.
#[derive(Command, Serialize, Deserialize)]
#[command(decide = open)]
pub struct Open {
    /// Which account.
    #[id(Account)]
    pub account: AccountId,
}

fn open(_: &Account, c: &Open) -> Result<AccountEvent, AccountError> {
    Ok(AccountEvent::Opened { account: c.account })
}
