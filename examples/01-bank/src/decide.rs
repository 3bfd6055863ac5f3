//! Who says yes or no: pure functions from a state and a command to events or an error.

use annalist::Id;

use crate::{
    aggregate::Account,
    command::{Close, Deposit, Import, Open, Transfer, Withdraw},
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
};

/// Why the bank says no.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BankError {
    /// Nothing to call it by.
    #[error("an account needs a name")]
    NoName,
    /// The name is taken.
    #[error("there is an account `{0}` already")]
    Exists(AccountId),
    /// No money moves there.
    #[error("there is no open account `{0}`")]
    NotOpen(AccountId),
    /// Not enough money.
    #[error("`{account}` has {balance}, which is less than {amount}")]
    Insufficient {
        /// The account.
        account: AccountId,
        /// What is in it.
        balance: Cents,
        /// What was asked for.
        amount: Cents,
    },
    /// Nothing to do.
    #[error("the amount must be more than 0.00")]
    NoAmount,
    /// More money than the bank can count.
    #[error("`{0}` cannot hold that much")]
    TooMuch(AccountId),
    /// From and to are the same.
    #[error("a transfer needs two accounts")]
    SameAccount,
    /// Money is left.
    #[error("`{account}` still has {balance}")]
    NotEmpty {
        /// The account.
        account: AccountId,
        /// What is in it.
        balance: Cents,
    },
}

impl Account {
    pub(crate) fn open(&self, command: &Open) -> Result<Opened, BankError> {
        if self.id.as_inner().is_empty() || command.owner.is_empty() {
            return Err(BankError::NoName);
        }
        if !self.owner.is_empty() {
            return Err(BankError::Exists(self.id.clone()));
        }
        Ok(Opened { account: self.id.clone(), owner: command.owner.clone() })
    }

    pub(crate) fn deposit(&self, command: &Deposit) -> Result<AccountEvent, BankError> {
        self.accepts(command.amount)?;
        Ok(AccountEvent::Deposited { account: self.id.clone(), amount: command.amount })
    }

    pub(crate) fn withdraw(&self, command: &Withdraw) -> Result<AccountEvent, BankError> {
        self.has(command.amount)?;
        Ok(AccountEvent::Withdrawn { account: self.id.clone(), amount: command.amount })
    }

    pub(crate) fn close(&self, _: &Close) -> Result<AccountEvent, BankError> {
        self.is_open()?;
        if self.balance != Cents::ZERO {
            return Err(BankError::NotEmpty { account: self.id.clone(), balance: self.balance });
        }
        Ok(AccountEvent::Closed { account: self.id.clone() })
    }

    fn is_open(&self) -> Result<(), BankError> {
        if self.open { Ok(()) } else { Err(BankError::NotOpen(self.id.clone())) }
    }

    /// Whether this much can go out.
    fn has(&self, amount: Cents) -> Result<(), BankError> {
        self.is_open()?;
        match amount {
            Cents::ZERO => Err(BankError::NoAmount),
            _ if amount > self.balance => {
                Err(BankError::Insufficient { account: self.id.clone(), balance: self.balance, amount })
            }
            _ => Ok(()),
        }
    }

    /// Whether this much can come in. What a fold could not add up, and a table not count, is refused here.
    fn accepts(&self, amount: Cents) -> Result<(), BankError> {
        self.is_open()?;
        match self.balance.checked_add(amount) {
            _ if amount == Cents::ZERO => Err(BankError::NoAmount),
            Some(sum) if sum <= Cents::MOST => Ok(()),
            _ => Err(BankError::TooMuch(self.id.clone())),
        }
    }
}

/// One decision over two accounts.
pub(crate) fn transfer(
    (from, to): (&Account, &Account),
    command: &Transfer,
) -> Result<AccountEvent, BankError> {
    if from.id == to.id {
        return Err(BankError::SameAccount);
    }
    from.has(command.amount)?;
    to.accepts(command.amount)?;
    Ok(AccountEvent::Moved { from: from.id.clone(), to: to.id.clone(), amount: command.amount })
}

/// One decision over as many accounts as there are in the books.
pub(crate) fn import(accounts: &[Account], command: &Import) -> Result<Vec<AccountEvent>, BankError> {
    if let Some(known) = accounts.iter().find(|account| !account.owner.is_empty()) {
        return Err(BankError::Exists(known.id.clone()));
    }
    let mut named = command.books.iter().flat_map(AccountEvent::accounts);
    match named.find(|id| !command.accounts.contains(id)) {
        Some(stranger) => Err(BankError::NotOpen(stranger.clone())),
        None => Ok(command.books.clone()),
    }
}
