//! Policies of the accounts.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use annalist::prelude::*;
use tokio::sync::Semaphore;

use crate::domain::{AccountEvent, AccountId, Deposit, Transfer, account, deposit, transfer_of};

/// Counts how often a handler ran. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Calls(Arc<AtomicUsize>);

impl Calls {
    /// How often so far.
    pub fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Counts one call, and gives its number.
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

/// The account of a deposit by a person: their names have no dot.
fn deposited(event: &AccountEvent) -> Option<(&AccountId, u64)> {
    match event {
        AccountEvent::Deposited { account, amount } if !account.to_string().contains('.') => {
            Some((account, *amount))
        }
        _ => None,
    }
}

/// Pays 1 into `all.bonus` for each deposit, from the first one on: its balance is the number of reactions.
#[derive(Policy)]
#[policy(name = "bonus", from = beginning, on_reject = stop, on(AccountEvent => Bonus::react))]
pub struct Bonus {
    /// How often it reacted.
    pub calls: Calls,
}

impl Bonus {
    async fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event)?;
        self.calls.add();
        tokio::task::yield_now().await;
        Some(deposit("all.bonus", 1))
    }
}

/// The same for what happens from now on, into `new.bonus`.
#[derive(Policy)]
#[policy(name = "new_bonus", from = now, on_reject = stop, on(AccountEvent => NewBonus::react))]
pub struct NewBonus;

impl NewBonus {
    fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event).map(|_| deposit("new.bonus", 1))
    }
}

/// Policies that move the double of a deposit on, which is refused, and then pay 1 into `after.refusal`.
macro_rules! movers {
    ($($policy:ident $name:literal $on_reject:ident;)+) => {
        $(#[doc = concat!("Moves too much: on_reject = ", stringify!($on_reject))]
        #[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = $on_reject, on(AccountEvent => $policy::react))]
        pub struct $policy {
            /// How often it reacted to such a deposit.
            pub calls: Calls,
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

/// Policies whose reaction to deposits from 100 on fails, as often as is wished.
macro_rules! failing {
    ($($policy:ident $name:literal $on_error:ident;)+) => {
        $(#[doc = concat!("Fails: on_error = ", stringify!($on_error))]
        #[derive(Policy)]
        #[policy(name = $name, from = beginning, on_reject = stop, retry = 4, on_error = $on_error)]
        #[policy(on(AccountEvent => $policy::react))]
        pub struct $policy {
            /// How often it reacted to such a deposit.
            pub calls: Calls,
            /// How many of these reactions fail.
            pub failures: usize,
        }

        impl $policy {
            async fn react(&self, event: &AccountEvent) -> Result<Option<Deposit>, Outage> {
                match deposited(event) {
                    Some((_, amount)) if amount >= 100 && self.calls.add() <= self.failures => {
                        assert!(amount < 1000, "nobody deposits {amount}");
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

/// The world outside does not answer.
#[derive(Debug)]
pub struct Outage;

impl std::fmt::Display for Outage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the mail server does not answer")
    }
}

impl std::error::Error for Outage {}

/// Waits for a permit before it pays 1 into `slow.bonus`.
#[derive(Policy)]
#[policy(name = "slow", from = beginning, on_reject = stop, on(AccountEvent => Slow::react))]
pub struct Slow {
    /// Counts those who have come.
    pub here: Arc<Semaphore>,
    /// Lets them go.
    pub gate: Arc<Semaphore>,
}

impl Slow {
    async fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event)?;
        self.here.add_permits(1);
        self.gate.acquire().await.ok()?.forget();
        Some(deposit("slow.bonus", 1))
    }
}

/// Reacts to every deposit with a deposit, and so to its own.
#[derive(Policy)]
#[policy(name = "echo", from = beginning, on_reject = stop, on(AccountEvent => Echo::react))]
pub struct Echo;

impl Echo {
    fn react(&self, _: &AccountEvent) -> Deposit {
        deposit("echo", 1)
    }
}

/// A chain: what `first` pays into `chain.1`, `second` pays on into `chain.2`.
#[derive(Policy)]
#[policy(name = "first", from = beginning, on_reject = stop, on(AccountEvent => First::react))]
pub struct First;

impl First {
    fn react(&self, event: &AccountEvent) -> Option<Deposit> {
        deposited(event).map(|(_, amount)| deposit("chain.1", amount))
    }
}

/// The second half of the chain.
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
