//! Policies of the accounts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use annalist::prelude::*;
use tokio::sync::Semaphore;

use crate::domain::{AccountEvent, AccountId, Deposit, Transfer, account, deposit, transfer_of};

/// Counts the calls of a handler. Clones share one counter.
#[derive(Clone, Debug, Default)]
pub struct CallCounter(Arc<AtomicUsize>);

impl CallCounter {
    /// The number of calls so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one call and returns its number.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The account and amount of a customer's deposit. The names of customers have no dot.
fn deposited(event: &AccountEvent) -> Option<(&AccountId, u64)> {
    match event {
        AccountEvent::Deposited { account, amount } if !account.to_string().contains('.') => {
            Some((account, *amount))
        }
        _ => None,
    }
}

/// Deposits 1 into `all.bonus` for each deposit, from the beginning of the log: the balance is the number of reactions.
#[derive(Policy)]
#[policy(name = "bonus", from = beginning, on_reject = stop, on(AccountEvent => Bonus::react))]
pub struct Bonus {
    /// Counts its reactions.
    pub calls: CallCounter,
}

impl Bonus {
    async fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event)?;
        self.calls.add();
        tokio::task::yield_now().await;
        Some(deposit("all.bonus", 1))
    }
}

/// Deposits 1 into `new.bonus` for each deposit after its first start.
#[derive(Policy)]
#[policy(name = "new_bonus", from = now, on_reject = stop, on(AccountEvent => NewBonus::react))]
pub struct NewBonus;

impl NewBonus {
    fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event).map(|_| deposit("new.bonus", 1))
    }
}

/// Policies that transfer a deposit to `out.of` and then deposit 1 into `after.refusal`. From 100 on they transfer the
/// double amount, which is rejected if the balance is too small.
macro_rules! movers {
    ($($policy:ident $name:literal $on_reject:ident;)+) => {
        $(#[doc = concat!("Transfers too much: on_reject = ", stringify!($on_reject))]
        #[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = $on_reject, on(AccountEvent => $policy::react))]
        pub struct $policy {
            /// Counts its reactions to such deposits.
            pub calls: CallCounter,
        }

        impl $policy {
            async fn react(&self, event: &AccountEvent) -> Option<(Transfer, Deposit)> {
                let (account, amount) = deposited(event)?;
                self.calls.add();
                let factor = if amount < 100 { 1 } else { 2 };
                Some((transfer_of(&account.to_string(), "out.of", factor * amount), deposit("after.refusal", 1)))
            }
        })+
    };
}

movers! {
    StopsAtRefusal "stops_at_refusal" stop;
    ParksRefusal "parks_refusal" park;
    IgnoresRefusal "ignores_refusal" ignore;
}

/// Policies whose reaction to deposits from 100 on fails a given number of times.
macro_rules! failing {
    ($($policy:ident $name:literal $on_error:ident;)+) => {
        $(#[doc = concat!("Fails: on_error = ", stringify!($on_error))]
        #[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = stop, retry = 4, on_error = $on_error)]
        #[policy(on(AccountEvent => $policy::react))]
        pub struct $policy {
            /// Counts its reactions to such deposits.
            pub calls: CallCounter,
            /// The number of reactions that fail.
            pub failures: usize,
        }

        impl $policy {
            async fn react(&self, event: &AccountEvent) -> Result<Option<Deposit>, Outage> {
                match deposited(event) {
                    Some((_, amount)) if amount >= 100 && self.calls.add() <= self.failures => {
                        assert!(amount < 1000, "cannot handle a deposit of {amount}");
                        Err(Outage)
                    }
                    Some(_) => Ok(Some(deposit("after.failure", 1))),
                    None => Ok(None),
                }
            }
        })+
    };
}

failing! {
    StopsAtError "stops_at_error" stop;
    ParksError "parks_error" park;
}

/// An external service does not respond.
#[derive(Debug)]
pub struct Outage;

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the mail server does not answer")
    }
}

impl std::error::Error for Outage {}

/// Waits for a permit before it deposits 1 into `slow.bonus`.
#[derive(Policy)]
#[policy(name = "slow", from = beginning, on_reject = stop, on(AccountEvent => Slow::react))]
pub struct Slow {
    /// Has one permit for each reaction that has started.
    pub started: Arc<Semaphore>,
    /// Each permit completes one reaction.
    pub gate: Arc<Semaphore>,
}

impl Slow {
    async fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event)?;
        self.started.add_permits(1);
        self.gate.acquire().await.ok()?.forget();
        Some(deposit("slow.bonus", 1))
    }
}

/// Reacts to every event with a deposit, and so also to its own deposits.
#[derive(Policy)]
#[policy(name = "echo", from = beginning, on_reject = stop, on(AccountEvent => Echo::react))]
pub struct Echo;

impl Echo {
    fn react(&self, _: &AccountEvent) -> Deposit {
        deposit("echo", 1)
    }
}

/// The first policy of a chain: `first` deposits into `chain.1`, and `second` reacts with a deposit into `chain.2`.
#[derive(Policy)]
#[policy(name = "first", from = beginning, on_reject = stop, on(AccountEvent => First::react))]
pub struct First;

impl First {
    fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event).map(|(_, amount)| deposit("chain.1", amount))
    }
}

/// The second policy of the chain.
#[derive(Policy)]
#[policy(name = "second", from = beginning, on_reject = stop, context, on(AccountEvent => Second::react))]
pub struct Second;

impl Second {
    async fn react(&self, event: &AccountEvent, context: &Context<'_>) -> Option<Deposit> {
        match event {
            AccountEvent::Deposited { account: to, amount } if *to == account("chain.1") => {
                assert_eq!(context.actor(), Some("policy:first"));
                Some(deposit("chain.2", *amount))
            }
            _ => None,
        }
    }
}
