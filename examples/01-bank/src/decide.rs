//! The decisions: pure functions from a state and a command to events or an error.

use std::sync::Arc;

use annalist::Id;

use crate::{
    aggregate::{Account, Customer},
    command::{Close, Deposit, Import, Open, OpenFor, Register, Transfer, Withdraw},
    event::{AccountEvent, AccountId, AccountOpened, CustomerEvent, CustomerId, Opened},
    money::Cents,
};

/// Why a command is rejected.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BankError {
    /// The name is empty.
    #[error("an account needs a name")]
    NoName,
    /// The name is already used.
    #[error("there is an account `{0}` already")]
    Exists(AccountId),
    /// The number is already used.
    #[error("there is a customer `{0}` already")]
    Registered(CustomerId),
    /// The customer is not registered.
    #[error("there is no customer `{0}`")]
    NoCustomer(CustomerId),
    /// The customer is forgotten.
    #[error("customer `{0}` is forgotten")]
    Forgotten(CustomerId),
    /// The account does not exist or is closed.
    #[error("there is no open account `{0}`")]
    NotOpen(AccountId),
    /// The balance is too low.
    #[error("`{account}` has {balance}, which is less than {amount}")]
    Insufficient {
        /// The account.
        account: AccountId,
        /// The balance.
        balance: Cents,
        /// The requested amount.
        amount: Cents,
    },
    /// The amount is zero.
    #[error("the amount must be more than 0.00")]
    NoAmount,
    /// The balance would exceed [`Cents::MAX`].
    #[error("`{0}` cannot hold that much")]
    TooMuch(AccountId),
    /// Both accounts of a transfer are the same.
    #[error("a transfer needs two accounts")]
    SameAccount,
    /// The account cannot be closed, because it is not empty.
    #[error("`{account}` still has {balance}")]
    NotEmpty {
        /// The account.
        account: AccountId,
        /// The balance.
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

    /// Checks that the amount can be withdrawn.
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

    /// Checks that the amount can be deposited, so that no fold and no column overflows.
    fn accepts(&self, amount: Cents) -> Result<(), BankError> {
        self.is_open()?;
        match self.balance.checked_add(amount) {
            _ if amount == Cents::ZERO => Err(BankError::NoAmount),
            Some(sum) if sum <= Cents::MAX => Ok(()),
            _ => Err(BankError::TooMuch(self.id.clone())),
        }
    }
}

impl Customer {
    pub(crate) fn register(&self, command: &Register) -> Result<CustomerEvent, BankError> {
        if self.name.is_some() {
            return Err(BankError::Registered(self.id.clone()));
        }
        let Register { customer, name, email } = command.clone();
        match name.known() {
            Some(text) if !text.is_empty() && !customer.as_inner().is_empty() => {
                Ok(CustomerEvent::Registered { customer, name, email })
            }
            _ => Err(BankError::NoName),
        }
    }
}

/// Decides over a customer and a new account. The event of the account has the number of the customer and no personal data.
pub(crate) fn open_for(
    (customer, account): (&Customer, &Account),
    _: &OpenFor,
) -> Result<(AccountOpened, AccountEvent), BankError> {
    let id = customer.id.clone();
    let name = customer.name.clone().ok_or_else(|| BankError::NoCustomer(id.clone()))?;
    if name.is_forgotten() {
        return Err(BankError::Forgotten(id));
    }
    let opened = account.open(&Open { account: account.id.clone(), owner: format!("customer {id}") })?;
    let account = account.id.clone();
    Ok((AccountOpened { account, customer: id, name }, AccountEvent::Opened(opened)))
}

/// Decides over two accounts.
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

/// Decides over all imported accounts.
pub(crate) fn import(accounts: &[Arc<Account>], command: &Import) -> Result<Vec<AccountEvent>, BankError> {
    if let Some(known) = accounts.iter().find(|account| !account.owner.is_empty()) {
        return Err(BankError::Exists(known.id.clone()));
    }
    let mut named = command.books.iter().flat_map(AccountEvent::accounts);
    match named.find(|id| !command.accounts.contains(id)) {
        Some(stranger) => Err(BankError::NotOpen(stranger.clone())),
        None => Ok(command.books.clone()),
    }
}
