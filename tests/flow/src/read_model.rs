//! Read models of the accounts.

use annalist::prelude::*;

use crate::domain::{AccountEvent, AccountId};

/// The balance of each account.
#[derive(Projection, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The balance.
    #[index]
    pub cents: i64,
    /// The number of events of the account.
    pub events: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) {
        self.events += 1;
        match event {
            AccountEvent::Deposited { amount, .. } => self.cents += amount.cast_signed(),
            AccountEvent::Moved { from, amount, .. } if *from == self.account => {
                self.cents -= amount.cast_signed();
            }
            AccountEvent::Moved { amount, .. } => self.cents += amount.cast_signed(),
        }
    }
}

/// The number of events of each account. Its handler panics on a deposit of 1000 or more.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "event_counts", version = 1, on(AccountEvent => EventCount::apply))]
pub struct EventCount {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The number of events.
    pub events: i64,
}

impl EventCount {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { amount, .. } = event {
            assert!(*amount < 1000, "cannot handle a deposit of {amount}");
        }
        self.events += 1;
    }
}
