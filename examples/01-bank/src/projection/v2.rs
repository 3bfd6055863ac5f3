//! Version 2 of the balances. A real program would change `Balance` itself and count its version up; here both are kept, to
//! show how one takes over from the other while questions go on being answered.

use annalist::{Change, Projection};

use super::effect;
use crate::event::{AccountEvent, AccountId, Opened};

/// What is in each open account, with the family name of its owner first: a list by owner is in the order of a telephone
/// book. It has the columns of version 1, so questions read the rows of that until this one is complete.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 2, on(AccountEvent => Balance::apply))]
pub struct Balance {
    /// The account.
    #[key]
    pub account: AccountId,
    /// Whose it is: `Lee, Ann`.
    #[index]
    pub owner: String,
    /// What is in it, in cents.
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

/// The row is shown as any other.
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
