//! The cases, by theme.

use std::{fmt, pin::Pin, sync::LazyLock};

use crate::{Capability, failure::Outcome, support::log::Log};

/// One test of the suite.
pub struct Case {
    name: &'static str,
    needs: &'static [Capability],
    run: fn(Log) -> Run,
}

type Run = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Case {
    /// Theme and name: `conditions::own_events_are_no_conflict`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The capabilities that the store must support, else the case is skipped.
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

/// Declares the cases of a theme: async functions from a new log to an outcome. After `needs` the capabilities that all
/// of them need; after `durable` the cases that also need [`Capability::Durable`].
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
    (@one $theme:literal, $name:ident, [$($need:ident),*] [$($durability:ident)?]) => {
        $crate::Case {
            name: concat!($theme, "::", stringify!($name)),
            needs: &[$($crate::Capability::$need,)* $($crate::Capability::$durability)?],
            run: |log| Box::pin($name(log)),
        }
    };
}

mod decisions;
mod inline;
mod keys;
mod log;
mod projections;
mod rows;

/// Every case, in reading order.
pub fn cases() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let themes =
            [log::THEMES, keys::THEMES, decisions::THEMES, rows::THEMES, inline::THEMES, projections::THEMES];
        let copy = |case: &Case| Case { name: case.name, needs: case.needs, run: case.run };
        themes.concat().into_iter().flatten().map(copy).collect()
    });
    &ALL
}
