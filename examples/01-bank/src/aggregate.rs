//! The states of decisions, folded from events.

use annalist::{Aggregate, Secret};

use crate::{
    decide::BankError,
    event::{AccountEvent, AccountId, CustomerEvent, CustomerId, Opened},
    money::Cents,
};

/// One account, folded from its own events.
#[derive(Aggregate, Clone, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Account::apply), error = BankError)]
pub struct Account {
    /// The id, which distinguishes the two sides of a transfer: its event is folded into both accounts.
    #[id]
    pub id: AccountId,
    /// The owner; empty before the account is opened.
    pub owner: String,
    /// Whether the account is open.
    pub open: bool,
    /// The balance.
    pub balance: Cents,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened(Opened { owner, .. }) => {
                self.owner.clone_from(owner);
                self.open = true;
            }
            AccountEvent::Deposited { amount, .. } => self.balance += *amount,
            AccountEvent::Withdrawn { amount, .. } => self.balance -= *amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.id => self.balance -= *amount,
            AccountEvent::Moved { amount, .. } => self.balance += *amount,
            AccountEvent::Closed { .. } => self.open = false,
        }
    }
}

/// A customer, folded from their own events.
#[derive(Aggregate, Clone, Debug, PartialEq)]
#[aggregate(on(CustomerEvent => Customer::apply), error = BankError)]
pub struct Customer {
    /// The id.
    #[id]
    pub id: CustomerId,
    /// The name; `None` before the customer is registered.
    pub name: Option<Secret<String>>,
}

impl Customer {
    fn apply(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered { name, .. } => self.name = Some(name.clone()),
            CustomerEvent::AccountOpened(_) => {}
        }
    }
}
