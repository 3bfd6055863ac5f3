//! Automatic reactions of the bank to events.

use annalist::Policy;

use crate::{command::Deposit, event::Opened, money::Cents};

/// Pays a bonus into every account, exactly once, however often the program is restarted or killed.
///
/// It reads the log from the beginning, so that customers from before the bonus get it too. A rejection is ignored: an
/// account that was closed before the bonus arrived gets none.
#[derive(Policy)]
#[policy(name = "welcome_bonus", from = beginning, on_reject = ignore, on(Opened => WelcomeBonus::welcome))]
pub struct WelcomeBonus;

impl WelcomeBonus {
    /// The amount of the bonus.
    pub const AMOUNT: Cents = Cents::new(5_00);

    fn welcome(&self, event: &Opened) -> Deposit {
        Deposit { account: event.account.clone(), amount: Self::AMOUNT }
    }
}
