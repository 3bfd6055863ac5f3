//! One read model in several versions, as in older and newer programs.

use annalist::prelude::*;

use crate::domain::{AccountEvent, AccountId};

/// The amount that an event adds to an account.
fn paid(account: &AccountId, event: &AccountEvent) -> i64 {
    match event {
        AccountEvent::Deposited { amount, .. } => amount.cast_signed(),
        AccountEvent::Moved { from, amount, .. } if from == account => -amount.cast_signed(),
        AccountEvent::Moved { amount, .. } => amount.cast_signed(),
    }
}

macro_rules! tally {
    ($(#[$doc:meta])* $name:ident, $version:literal, |$row:ident, $event:ident| $change:expr) => {
        $(#[$doc])*
        #[derive(Projection, Clone, Debug, PartialEq)]
        #[projection(name = "tallies", version = $version, on(AccountEvent => $name::apply))]
        pub struct $name {
            /// The account.
            #[key]
            pub account: AccountId,
            /// The sum.
            pub sum: i64,
        }

        impl $name {
            fn apply(&mut self, $event: &AccountEvent) {
                let $row = self;
                $change
            }
        }
    };
}

tally! {
    /// The first version: the sum of the amounts.
    Tally, 1, |row, event| row.sum += paid(&row.account, event)
}

tally! {
    /// The same version with a changed handler, which counts in thousandths.
    Changed, 1, |row, event| row.sum += 1000 * paid(&row.account, event)
}

tally! {
    /// The same version with a handler that panics on amounts of 1000 and more.
    Strict, 1, |row, event| {
        let paid = paid(&row.account, event);
        assert!(paid.abs() < 1000, "cannot handle a payment of {paid}");
        row.sum += paid;
    }
}

tally! {
    /// The second version, which counts in tenths.
    Tenths, 2, |row, event| row.sum += 10 * paid(&row.account, event)
}

/// The third version, with another column.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "tallies", version = 3, on(AccountEvent => Wide::apply))]
pub struct Wide {
    /// The account.
    #[key]
    pub account: AccountId,
    /// The sum.
    pub sum: i64,
    /// The number of events of the account.
    pub events: i64,
}

impl Wide {
    fn apply(&mut self, event: &AccountEvent) {
        self.sum += paid(&self.account, event);
        self.events += 1;
    }
}
