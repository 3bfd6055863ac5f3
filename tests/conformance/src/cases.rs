//! The cases, by theme.

use std::{fmt, pin::Pin, sync::LazyLock};

use crate::{Capability, failure::Outcome, log::Log};

/// One promise as a test.
pub struct Case {
    name: &'static str,
    needs: &'static [Capability],
    run: fn(Log) -> Run,
}

type Run = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Case {
    /// Its theme and what it promises: `append::an_empty_log_is_empty`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What a store must be capable of for the case to make sense.
    pub const fn needs(&self) -> &'static [Capability] {
        self.needs
    }

    pub(crate) fn run(&self, log: Log) -> Run {
        (self.run)(log)
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case").field("name", &self.name).field("needs", &self.needs).finish()
    }
}

/// The cases of one theme: functions from a new log to an outcome, and after `durable` those that need it.
macro_rules! cases {
    ($theme:literal: [$($name:ident),+ $(,)?] $(durable [$($durable:ident),+ $(,)?])?) => {
        pub(in crate::cases) const CASES: &[$crate::Case] = &[
            $($crate::Case {
                name: concat!($theme, "::", stringify!($name)),
                needs: &[],
                run: |log| Box::pin($name(log)),
            },)+
            $($($crate::Case {
                name: concat!($theme, "::", stringify!($durable)),
                needs: &[$crate::Capability::Durable],
                run: |log| Box::pin($durable(log)),
            },)+)?
        ];
    };
}

mod append;
mod conditions;
mod criteria;
mod decisions;
mod drops;
mod feeds;
mod idempotency;
mod journal;
mod limits;
mod live_feeds;
mod oracle;
mod races;
mod reads;
mod scripts;
mod times;

/// Every case, in reading order.
pub fn cases() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let themes = [
            append::CASES,
            reads::CASES,
            criteria::CASES,
            limits::CASES,
            conditions::CASES,
            idempotency::CASES,
            journal::CASES,
            times::CASES,
            feeds::CASES,
            live_feeds::CASES,
            races::CASES,
            drops::CASES,
            oracle::CASES,
            scripts::CASES,
            decisions::COURSES,
            decisions::USERNAMES,
            decisions::TOKENS,
            decisions::INVOICES,
        ];
        let of = |case: &Case| Case { name: case.name, needs: case.needs, run: case.run };
        themes.iter().flat_map(|theme| theme.iter().map(of)).collect()
    });
    &ALL
}
