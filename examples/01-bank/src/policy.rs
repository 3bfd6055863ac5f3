//! What the bank does by itself when something has happened.

use annalist::Policy;

use crate::{command::Deposit, event::Opened, money::Cents};

/// Pays a bonus into every account, once: an event is reacted to once, however often the program is started or killed.
///
/// From the beginning: those who were customers before there was a bonus get theirs too. A rejection is ignored: who has
/// closed the account before the bonus came gets none, and nobody has to look into it.
#[derive(Policy)]
#[policy(name = "welcome_bonus", from = beginning, on_reject = ignore, on(Opened => WelcomeBonus::welcome))]
pub struct WelcomeBonus;

impl WelcomeBonus {
    /// How much it is.
    pub const AMOUNT: Cents = Cents::new(5_00);

    fn welcome(&self, event: &Opened) -> Deposit {
        Deposit { account: event.account.clone(), amount: Self::AMOUNT }
    }
}
