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

/// The cases of one theme: functions from a new log to an outcome, after `durable` those that need that, too. What all of
/// them need stands in brackets behind the theme's name.
macro_rules! cases {
    ($theme:literal: $($names:tt)+) => {
        cases!($theme needs []: $($names)+);
    };
    ($theme:literal needs $needs:tt: [$($name:ident),+ $(,)?] $(durable [$($durable:ident),+ $(,)?])?) => {
        pub(in crate::cases) const CASES: &[$crate::Case] = &[
            $(cases!(@one $theme, $name, $needs []),)+
            $($(cases!(@one $theme, $durable, $needs [Durable]),)+)?
        ];
    };
    (@one $theme:literal, $name:ident, [$($need:ident),*] [$($too:ident)?]) => {
        $crate::Case {
            name: concat!($theme, "::", stringify!($name)),
            needs: &[$($crate::Capability::$need,)* $($crate::Capability::$too)?],
            run: |log| Box::pin($name(log)),
        }
    };
}

mod append;
mod conditions;
mod counts;
mod criteria;
mod decisions;
mod drops;
mod feeds;
mod idempotency;
mod inline;
mod journal;
mod limits;
mod live_feeds;
mod oracle;
mod parts;
mod projections;
mod races;
mod reads;
mod row_builds;
mod row_commits;
mod row_discards;
mod row_keys;
mod row_names;
mod row_pages;
mod row_parked;
mod row_queries;
mod row_races;
mod row_scripts;
mod row_switches;
mod row_tables;
mod row_values;
mod scripts;
mod snapshots;
mod times;
mod together;

/// Every case, in reading order.
pub fn cases() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let themes = [
            append::CASES,
            reads::CASES,
            parts::CASES,
            criteria::CASES,
            limits::CASES,
            conditions::CASES,
            idempotency::CASES,
            journal::CASES,
            times::CASES,
            feeds::CASES,
            live_feeds::CASES,
            counts::CASES,
            races::CASES,
            drops::CASES,
            together::CASES,
            oracle::CASES,
            scripts::CASES,
            snapshots::CASES,
            decisions::COURSES,
            decisions::USERNAMES,
            decisions::TOKENS,
            decisions::INVOICES,
            row_tables::CASES,
            row_names::CASES,
            row_commits::CASES,
            row_races::CASES,
            row_parked::CASES,
            row_builds::CASES,
            row_switches::CASES,
            row_discards::CASES,
            row_values::CASES,
            row_keys::CASES,
            row_queries::CASES,
            row_pages::CASES,
            row_scripts::CASES,
            inline::CASES,
            inline::GOING,
            inline::RACES,
            inline::SCRIPTS,
            inline::TOGETHER,
        ];
        let of = |case: &Case| Case { name: case.name, needs: case.needs, run: case.run };
        themes.iter().chain(&projections::THEMES).flat_map(|theme| theme.iter().map(of)).collect()
    });
    &ALL
}
