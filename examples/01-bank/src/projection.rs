//! What is asked often, kept ready: rows folded from the events, in tables that any SQL tool can read.

use annalist::prelude::*;

use crate::{
    event::{AccountEvent, AccountId},
    money::Cents,
};

/// What is in each open account. In SQL: `SELECT * FROM balances` (on SQLite `annalist_balances`).
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account: an event with two accounts is folded into both rows.
    #[key]
    pub account: AccountId,
    /// Whose it is.
    #[index]
    pub owner: String,
    /// What is in it, in cents. Databases count in signed numbers; the rules keep it above zero.
    #[index]
    pub cents: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) -> Change {
        match event {
            AccountEvent::Opened { owner, .. } => self.owner.clone_from(owner),
            AccountEvent::Deposited { amount, .. } => self.cents += signed(*amount),
            AccountEvent::Withdrawn { amount, .. } => self.cents -= signed(*amount),
            AccountEvent::Moved { from, amount, .. } if *from == self.account => {
                self.cents -= signed(*amount)
            }
            AccountEvent::Moved { amount, .. } => self.cents += signed(*amount),
            AccountEvent::Closed { .. } => return Change::Delete,
        }
        Change::Keep
    }

    /// What is in it.
    pub fn amount(&self) -> Cents {
        Cents::new(self.cents.unsigned_abs())
    }
}

fn signed(amount: Cents) -> i64 {
    amount.cents().cast_signed()
}
