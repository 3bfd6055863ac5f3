//! Accounts with a balance: small enough to see what a test is about.

use annalist::prelude::*;

/// An account.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

/// An account by its name.
pub fn account(name: &str) -> AccountId {
    AccountId(name.to_owned())
}

/// What happens to accounts.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// Money came in.
    Deposited {
        /// Where.
        #[id]
        account: AccountId,
        /// How much.
        amount: u64,
    },
    /// Money moved.
    Moved {
        /// From where.
        #[id]
        from: AccountId,
        /// To where.
        #[id]
        to: AccountId,
        /// How much.
        amount: u64,
    },
}

/// A balance, with the number of decisions it has seen: tests count them.
#[derive(Aggregate, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Account::apply), error = Refused)]
pub struct Account {
    /// Which account.
    #[id]
    pub id: AccountId,
    /// What is in it.
    pub balance: u64,
}

/// Why not.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// Too little money.
    Insufficient {
        /// What there is.
        balance: u64,
    },
    /// From and to are the same.
    SameAccount,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Insufficient { balance } => write!(f, "there is only {balance}"),
            Self::SameAccount => f.write_str("that is the same account"),
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

    fn empty(&self, _: &DepositIfEmpty) -> Result<Option<AccountEvent>, Refused> {
        let deposited = AccountEvent::Deposited { account: self.id.clone(), amount: 1 };
        Ok((self.balance == 0).then_some(deposited))
    }
}

/// Pays money in.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    /// Where.
    #[id]
    pub account: AccountId,
    /// How much.
    pub amount: u64,
}

/// Pays 1 into an empty account, and nothing into another.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::empty)]
pub struct DepositIfEmpty {
    /// Where.
    #[id]
    pub account: AccountId,
}

/// Moves money.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = transfer)]
pub struct Transfer {
    /// From where.
    #[id(Account)]
    pub from: AccountId,
    /// To where.
    #[id(Account)]
    pub to: AccountId,
    /// How much.
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

/// A deposit.
pub fn deposit(name: &str, amount: u64) -> Deposit {
    Deposit { account: account(name), amount }
}

/// A transfer.
pub fn transfer_of(from: &str, to: &str, amount: u64) -> Transfer {
    Transfer { from: account(from), to: account(to), amount }
}
