//! Examples in documentation.

use crate::Violation;

/// The folders whose documentation users read.
pub const DOCUMENTED: [&str; 5] = ["src/", "core/src/", "macros/src/", "macros/docs/", "adapters/"];

/// The code blocks that are marked `ignore`, in the documentation comments of a Rust file or in a Markdown page.
pub fn ignored(place: &str, source: &str) -> Vec<Violation> {
    let is_rust = place.ends_with(".rs");
    let mut found = Vec::new();
    for (text, line) in source.lines().zip(1..) {
        let text = text.trim_start();
        let prose = if is_rust { text.strip_prefix("///").or(text.strip_prefix("//!")) } else { Some(text) };
        let Some(marks) = prose.and_then(fence) else { continue };
        // Also `ignore-x86_64` and the like, which ignore the block on one target.
        if marks.split([',', ' ', '{', '}']).any(|mark| mark == "ignore" || mark.starts_with("ignore-")) {
            found.push(Violation {
                rule: "every example is compiled: remove `ignore`".into(),
                place: format!("{place}:{line}"),
                found: format!("a code block marked `{marks}`"),
            });
        }
    }
    found
}

/// The marks after a code fence, if the line is one.
fn fence(line: &str) -> Option<&str> {
    let line = line.trim();
    let marks = line.trim_start_matches(['`', '~']);
    (line.starts_with("```") || line.starts_with("~~~")).then_some(marks)
}
