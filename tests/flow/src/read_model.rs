//! Read models of the accounts.

use annalist::prelude::*;

use crate::domain::{AccountEvent, AccountId};

/// What is in each account.
#[derive(Projection, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account.
    #[key]
    pub account: AccountId,
    /// What is in it.
    #[index]
    pub cents: i64,
    /// How many events made it so.
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

/// Refuses an amount that it does not believe: the poison of the tests.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "believed", version = 1, on(AccountEvent => Believed::apply))]
pub struct Believed {
    /// The account.
    #[key]
    pub account: AccountId,
    /// How many events were believed.
    pub events: i64,
}

impl Believed {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { amount, .. } = event {
            assert!(*amount < 1000, "nobody deposits {amount}");
        }
        self.events += 1;
    }
}
