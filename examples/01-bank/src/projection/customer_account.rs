//! The accounts of registered customers.

use annalist::{Change, Projection, Secret};

use super::effect;
use crate::{
    event::{AccountEvent, AccountId, AccountOpened, CustomerId},
    money::Cents,
};

/// An account of a registered customer, with their name, which is encrypted in the rows too, and forgotten with its customer.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(
    name = "customer_accounts",
    on(AccountOpened => CustomerAccount::open, AccountEvent => CustomerAccount::apply)
)]
pub struct CustomerAccount {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The customer.
    #[index]
    pub customer: Option<CustomerId>,
    /// The name of the customer.
    #[secret(subject = customer)]
    pub name: Option<Secret<String>>,
    /// The balance in cents.
    pub cents: i64,
}

impl CustomerAccount {
    fn open(&mut self, event: &AccountOpened) {
        self.customer = Some(event.customer.clone());
        self.name = Some(event.name.clone());
    }

    fn apply(&mut self, event: &AccountEvent) -> Change {
        let is_closed = matches!(event, AccountEvent::Closed { .. });
        if self.customer.is_none() || is_closed {
            // The account does not belong to a registered customer: it has no row.
            return Change::Delete;
        }
        self.cents += effect(event, &self.account);
        Change::Keep
    }

    /// The balance.
    pub fn amount(&self) -> Cents {
        Cents::new(self.cents.unsigned_abs())
    }
}
