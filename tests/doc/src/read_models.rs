//! Further read models, for examples of failing events and of new versions.

use std::sync::atomic::{AtomicBool, Ordering};

use annalist::{Memory, projection::ProjectionOptions};

use crate::{AccountEvent, AccountId, App, Outcome, Projection, open};

/// Whether [`Savings`] can handle withdrawals.
static REPAIRED: AtomicBool = AtomicBool::new(false);

/// Repairs the handler of [`Savings`].
pub fn repair() {
    REPAIRED.store(true, Ordering::SeqCst);
}

/// A read model with a bug: its handler panics at a negative deposit until [`repair`] is called.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "savings", version = 1, on(AccountEvent => Savings::apply))]
pub struct Savings {
    #[key]
    pub account: AccountId,
    pub cents: i64,
}

impl Savings {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { cents, .. } = event {
            assert!(*cents >= 0 || REPAIRED.load(Ordering::SeqCst), "negative deposit");
            self.cents += cents;
        }
    }
}

/// Version 2 of the read model `Balance`: its owners are in upper case.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 2, on(AccountEvent => BalanceV2::apply))]
pub struct BalanceV2 {
    #[key]
    pub account: AccountId,
    #[index]
    pub owner: String,
    #[index]
    pub cents: i64,
}

impl BalanceV2 {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { owner, .. } => self.owner = owner.to_uppercase(),
            AccountEvent::Deposited { cents, .. } => self.cents += cents,
        }
    }
}

/// An app in memory with [`Savings`], these options and the account `ann`.
///
/// # Errors
/// If the app cannot be started.
pub async fn savings(options: ProjectionOptions) -> Outcome<App> {
    let app = App::builder(Memory::new()).projection_with::<Savings>(options).start().await?;
    app.execute(open("ann", "Ann")).await?;
    Ok(app)
}
