//! The states that decisions look at, folded from events.

use annalist::Aggregate;

use crate::{
    decide::BankError,
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
};

/// One account, as its own events tell.
#[derive(Aggregate, Clone, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Account::apply), error = BankError)]
pub struct Account {
    /// Which one: an event with two accounts is folded into both, and only the id says which side this is.
    #[id]
    pub id: AccountId,
    /// Whose it is; empty before it was opened.
    pub owner: String,
    /// Whether money may move.
    pub open: bool,
    /// What is in it.
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
