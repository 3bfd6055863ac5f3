//! The events. Events are stored for ever, under the names `account.opened`, `account.deposited`, ….

use annalist::{Secret, prelude::*};

use crate::money::Cents;

/// The name of an account, such as `ann`.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

/// The number of a customer, such as `1001`. Ids are stored in plain text, so it does not identify a person by itself.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerId(String);

/// A customer opened an account. It is a separate type, so that a policy can subscribe to this event alone.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "account.opened")]
pub struct Opened {
    /// The new account.
    #[id]
    pub account: AccountId,
    /// The owner.
    pub owner: String,
}

/// All events of an account.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// A customer opened an account.
    Opened(Opened),
    /// Money was paid in.
    Deposited {
        /// The account.
        #[id]
        account: AccountId,
        /// The amount.
        amount: Cents,
    },
    /// Money was taken out.
    Withdrawn {
        /// The account.
        #[id]
        account: AccountId,
        /// The amount.
        amount: Cents,
    },
    /// Money moved between two accounts: one event, which belongs to both.
    Moved {
        /// The account that paid.
        #[id]
        from: AccountId,
        /// The account that received.
        #[id]
        to: AccountId,
        /// The amount.
        amount: Cents,
    },
    /// The account was closed.
    Closed {
        /// The account.
        #[id]
        account: AccountId,
    },
}

impl AccountEvent {
    /// The accounts of the event.
    pub fn accounts(&self) -> Vec<&AccountId> {
        match self {
            Self::Opened(Opened { account, .. })
            | Self::Deposited { account, .. }
            | Self::Withdrawn { account, .. }
            | Self::Closed { account } => vec![account],
            Self::Moved { from, to, .. } => vec![from, to],
        }
    }
}

/// Personal data of customers. Each secret is encrypted with a key of its customer, and unreadable once the customer is forgotten.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "customer")]
pub enum CustomerEvent {
    /// A customer registered.
    Registered {
        /// The new customer.
        #[id]
        customer: CustomerId,
        /// The name.
        #[secret(subject = customer)]
        name: Secret<String>,
        /// The e-mail address.
        #[secret(subject = customer)]
        email: Secret<String>,
    },
    /// An account belongs to a customer.
    AccountOpened(AccountOpened),
}

/// An account belongs to a customer.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "customer.account_opened")]
pub struct AccountOpened {
    /// The account.
    #[id]
    pub account: AccountId,
    /// The customer.
    #[id]
    pub customer: CustomerId,
    /// The name of the customer.
    #[secret(subject = customer)]
    pub name: Secret<String>,
}
