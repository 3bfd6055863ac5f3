//! Boundaries between modules of the core that may share a floor.

use crate::{Violation, floors::Floors};

/// Modules of the core that do not know others.
#[derive(Clone, Copy, Debug)]
pub struct Boundary {
    /// The rule, as a sentence.
    pub rule: &'static str,
    /// The modules that the rule restricts.
    pub modules: &'static [&'static str],
    /// The modules that they do not name.
    pub unknown: &'static [&'static str],
    /// Files to which the rule does not apply.
    pub except: &'static [&'static str],
}

/// The boundaries of the core.
pub const BOUNDARIES: [Boundary; 5] = [
    boundary("the write path does not know the app", &["execute"], &["app"]),
    Boundary {
        // The methods of the app that start a query.
        except: &["app/queries.rs"],
        ..boundary("the app does not know queries", &["app"], &["query"])
    },
    boundary("the app does not know policies", &["app"], &["policy"]),
    Boundary {
        // Inline rows change in the transaction of their append, so an append carries the folds of the rows. An import writes the
        // checkpoints of policies in its transaction.
        except: &["store.rs", "store/append.rs", "store/import.rs"],
        ..boundary("the store port does not know rows", &["store"], &["rows"])
    },
    boundary("the read side does not know the app", &["daemon", "feed", "projection"], &["app"]),
];

const fn boundary(
    rule: &'static str,
    modules: &'static [&'static str],
    unknown: &'static [&'static str],
) -> Boundary {
    Boundary { rule, modules, unknown, except: &[] }
}

impl Boundary {
    /// Uses across the boundary. `file` is relative to `core/src`: `store/read.rs`.
    pub fn crossings(&self, floors: &Floors, file: &str, source: &str) -> Vec<Violation> {
        let module = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
        if !self.modules.contains(&module) || self.except.contains(&file) {
            return Vec::new();
        }
        let used = floors.used(file, source).into_iter();
        let crossing = used.filter(|used| self.unknown.contains(&used.module.as_str()));
        crossing
            .map(|used| Violation {
                rule: self.rule.into(),
                place: format!("core/src/{file}:{}", used.line),
                found: format!("`{module}` uses `{}`", used.name),
            })
            .collect()
    }
}
