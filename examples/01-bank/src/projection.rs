//! The read models: rows folded from the events, in tables that any SQL tool can read.

mod customer_account;
pub mod v2;

pub use self::customer_account::CustomerAccount;
use annalist::{Position, Timestamp, prelude::*};

use crate::{
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
};

/// The balance of each open account. In SQL it is the view `annalist_rows.balances` on PostgreSQL, and
/// `annalist_rows_balances` on SQLite.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account. An event with two accounts is folded into both rows.
    #[key]
    pub account: AccountId,
    /// The owner.
    #[index]
    pub owner: String,
    /// The balance in cents. Databases use signed numbers; decisions never let it become negative.
    #[index]
    pub cents: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) -> Change {
        match event {
            AccountEvent::Opened(Opened { owner, .. }) => self.owner.clone_from(owner),
            AccountEvent::Closed { .. } => return Change::Delete,
            _ => self.cents += effect(event, &self.account),
        }
        Change::Keep
    }

    /// The balance.
    pub fn amount(&self) -> Cents {
        Cents::new(self.cents.unsigned_abs())
    }
}

/// One line of an account's statement: a row for each event of the account.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "statement_lines", version = 1, context, on(AccountEvent => Line::write by Line::keys))]
pub struct Line {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The position of the event.
    #[key]
    pub position: Position,
    /// The time of the event.
    pub time: Timestamp,
    /// The actor of the command.
    pub actor: Option<String>,
    /// A description of the event.
    pub what: String,
    /// The change of the balance, in cents.
    pub cents: i64,
}

impl Line {
    fn keys(event: &AccountEvent, context: &Context) -> Vec<(AccountId, Position)> {
        event.accounts().into_iter().cloned().zip(context.position.into_iter().cycle()).collect()
    }

    fn write(&mut self, event: &AccountEvent, context: &Context) {
        self.time = context.time;
        self.actor = context.actor().map(str::to_owned);
        self.cents = effect(event, &self.account);
        self.what = match event {
            AccountEvent::Opened(Opened { owner, .. }) => format!("opened for {owner}"),
            AccountEvent::Deposited { .. } => "deposited".to_owned(),
            AccountEvent::Withdrawn { .. } => "withdrew".to_owned(),
            AccountEvent::Moved { from, to, .. } if *from == self.account => format!("to {to}"),
            AccountEvent::Moved { from, .. } => format!("from {from}"),
            AccountEvent::Closed { .. } => "closed".to_owned(),
        };
    }
}

/// The change of an account's balance by an event, in cents.
fn effect(event: &AccountEvent, account: &AccountId) -> i64 {
    match event {
        AccountEvent::Opened(_) | AccountEvent::Closed { .. } => 0,
        AccountEvent::Deposited { amount, .. } => signed(*amount),
        AccountEvent::Withdrawn { amount, .. } => -signed(*amount),
        AccountEvent::Moved { from, amount, .. } if from == account => -signed(*amount),
        AccountEvent::Moved { amount, .. } => signed(*amount),
    }
}

fn signed(amount: Cents) -> i64 {
    amount.cents().cast_signed()
}
