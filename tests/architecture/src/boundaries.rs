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
}

/// The boundaries of the core.
pub const BOUNDARIES: [Boundary; 5] = [
    Boundary { rule: "the write path does not know the app", modules: &["execute"], unknown: &["app"] },
    Boundary { rule: "the app does not know queries", modules: &["app"], unknown: &["query"] },
    Boundary { rule: "the app does not know policies", modules: &["app"], unknown: &["policy"] },
    Boundary { rule: "the store port does not know rows", modules: &["store"], unknown: &["rows"] },
    Boundary {
        rule: "the read side does not know the app",
        modules: &["daemon", "feed", "projection"],
        unknown: &["app"],
    },
];

impl Boundary {
    /// Uses across the boundary. `file` is relative to `core/src`: `store/read.rs`.
    pub fn crossings(&self, floors: &Floors, file: &str, source: &str) -> Vec<Violation> {
        let module = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
        if !self.modules.contains(&module) {
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
