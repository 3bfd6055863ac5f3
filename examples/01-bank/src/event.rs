//! What happened. Events are stored for ever; their stored names are `account.opened`, `account.deposited`, ….

use annalist::prelude::*;

use crate::money::Cents;

/// The name under which the bank keeps an account, such as `ann`.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(String);

/// Somebody became a customer. It is a type of its own: who waits for new customers reads nothing else.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(name = "account.opened")]
pub struct Opened {
    /// The new account.
    #[id]
    pub account: AccountId,
    /// Whose it is.
    pub owner: String,
}

/// Everything that can happen to an account.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    /// Somebody became a customer.
    Opened(Opened),
    /// Money came in.
    Deposited {
        /// The account.
        #[id]
        account: AccountId,
        /// How much.
        amount: Cents,
    },
    /// Money went out.
    Withdrawn {
        /// The account.
        #[id]
        account: AccountId,
        /// How much.
        amount: Cents,
    },
    /// Money moved from one account to another: one event, which belongs to both.
    Moved {
        /// Where it went out.
        #[id]
        from: AccountId,
        /// Where it came in.
        #[id]
        to: AccountId,
        /// How much.
        amount: Cents,
    },
    /// The customer left.
    Closed {
        /// The account.
        #[id]
        account: AccountId,
    },
}

impl AccountEvent {
    /// The accounts that it happened to.
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
