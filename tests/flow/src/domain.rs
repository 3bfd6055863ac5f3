//! The domain of the tests: accounts with a balance.

use annalist::prelude::*;

/// An account.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

/// Returns the id of the account with this name.
pub fn account(name: &str) -> AccountId {
    AccountId(name.to_owned())
}

/// The events of accounts.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// Money was deposited.
    Deposited {
        /// The account.
        #[id]
        account: AccountId,
        /// The amount.
        amount: u64,
    },
    /// Money was moved to another account.
    Moved {
        /// The source.
        #[id]
        from: AccountId,
        /// The destination.
        #[id]
        to: AccountId,
        /// The amount.
        amount: u64,
    },
}

/// The state of an account: its balance.
#[derive(Aggregate, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Account::apply), error = Refused)]
pub struct Account {
    /// The account.
    #[id]
    pub id: AccountId,
    /// The balance.
    pub balance: u64,
}

/// The reason for a rejection.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// The balance is too small.
    Insufficient {
        /// The balance.
        balance: u64,
    },
    /// Source and destination are the same account.
    SameAccount,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Insufficient { balance } => write!(f, "the balance is only {balance}"),
            Self::SameAccount => f.write_str("source and destination are the same account"),
        }
    }
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.id => self.balance -= amount,
            AccountEvent::Moved { amount, .. } => self.balance += amount,
        }
    }

    fn deposit(&self, command: &Deposit) -> Result<AccountEvent, Refused> {
        Ok(AccountEvent::Deposited { account: command.account.clone(), amount: command.amount })
    }

    fn deposit_if_empty(&self, _: &DepositIfEmpty) -> Result<Option<AccountEvent>, Refused> {
        let deposited = AccountEvent::Deposited { account: self.id.clone(), amount: 1 };
        Ok((self.balance == 0).then_some(deposited))
    }
}

/// Deposits money.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    /// The account.
    #[id]
    pub account: AccountId,
    /// The amount.
    pub amount: u64,
}

/// Deposits 1 if the account is empty; otherwise it is accepted without an event.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit_if_empty)]
pub struct DepositIfEmpty {
    /// The account.
    #[id]
    pub account: AccountId,
}

/// Moves money to another account.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = transfer)]
pub struct Transfer {
    /// The source.
    #[id(Account)]
    pub from: AccountId,
    /// The destination.
    #[id(Account)]
    pub to: AccountId,
    /// The amount.
    pub amount: u64,
}

fn transfer((from, to): (&Account, &Account), command: &Transfer) -> Result<AccountEvent, Refused> {
    if from.id == to.id {
        return Err(Refused::SameAccount);
    }
    if from.balance < command.amount {
        return Err(Refused::Insufficient { balance: from.balance });
    }
    Ok(AccountEvent::Moved { from: from.id.clone(), to: to.id.clone(), amount: command.amount })
}

/// Returns a deposit.
pub fn deposit(name: &str, amount: u64) -> Deposit {
    Deposit { account: account(name), amount }
}

/// Returns a transfer.
pub fn transfer_of(from: &str, to: &str, amount: u64) -> Transfer {
    Transfer { from: account(from), to: account(to), amount }
}
