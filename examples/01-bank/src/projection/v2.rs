//! Version 2 of the balances. A real program would change `Balance` itself and increase its version; this one contains
//! both, to show how a new version replaces the old one while queries continue.

use annalist::{Change, Projection};

use super::effect;
use crate::event::{AccountEvent, AccountId, Opened};

/// The balance of each open account, with the family name of its owner first, so that a list by owner is sorted like a
/// telephone book. It has the columns of version 1, so queries use the rows of version 1 until this one is complete.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 2, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The owner, as `Lee, Ann`.
    #[index]
    pub owner: String,
    /// The balance in cents.
    #[index]
    pub cents: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) -> Change {
        match event {
            AccountEvent::Opened(Opened { owner, .. }) => self.owner = family_name_first(owner),
            AccountEvent::Closed { .. } => return Change::Delete,
            _ => self.cents += effect(event, &self.account),
        }
        Change::Keep
    }
}

/// Both versions are displayed in the same way.
impl From<Balance> for super::Balance {
    fn from(Balance { account, owner, cents }: Balance) -> Self {
        Self { account, owner, cents }
    }
}

fn family_name_first(owner: &str) -> String {
    match owner.rsplit_once(' ') {
        Some((first, family)) => format!("{family}, {first}"),
        None => owner.to_owned(),
    }
}
