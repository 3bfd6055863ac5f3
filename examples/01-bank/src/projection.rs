//! What is asked often, kept ready: rows folded from the events, in tables that any SQL tool can read.

use annalist::{Position, Timestamp, prelude::*};

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
                self.cents -= signed(*amount);
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

/// One line of an account's statement: a row for each thing that happened to it.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "statement_lines", version = 1, context, on(AccountEvent => Line::write by Line::keys))]
pub struct Line {
    /// The account.
    #[key]
    pub account: AccountId,
    /// Where the event stands in the log.
    #[key]
    pub position: Position,
    /// When it was recorded.
    pub time: Timestamp,
    /// Who asked for it.
    pub actor: Option<String>,
    /// What it was.
    pub what: String,
    /// What it did to the balance, in cents.
    pub cents: i64,
}

impl Line {
    fn keys(event: &AccountEvent, context: &Context) -> Vec<(AccountId, Position)> {
        event.accounts().into_iter().cloned().zip(context.position.into_iter().cycle()).collect()
    }

    fn write(&mut self, event: &AccountEvent, context: &Context) {
        self.time = context.time;
        self.actor = context.actor().map(str::to_owned);
        (self.what, self.cents) = match event {
            AccountEvent::Opened { owner, .. } => (format!("opened for {owner}"), 0),
            AccountEvent::Deposited { amount, .. } => ("deposited".to_owned(), signed(*amount)),
            AccountEvent::Withdrawn { amount, .. } => ("withdrew".to_owned(), -signed(*amount)),
            AccountEvent::Moved { from, to, amount } if *from == self.account => {
                (format!("to {to}"), -signed(*amount))
            }
            AccountEvent::Moved { from, amount, .. } => (format!("from {from}"), signed(*amount)),
            AccountEvent::Closed { .. } => ("closed".to_owned(), 0),
        };
    }
}

fn signed(amount: Cents) -> i64 {
    amount.cents().cast_signed()
}
