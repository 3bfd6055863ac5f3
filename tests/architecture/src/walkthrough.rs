//! The steps of a walkthrough in `ARCHITECTURE.md`: each names a file and an item that the file declares; for SQL, a function.

use crate::{
    Violation,
    source::{Token, tokens},
};

const RULE: &str = "each step of the walkthrough names a file and an item that the file declares";
const KEYWORDS: [&str; 6] = ["fn", "struct", "enum", "trait", "type", "const"];

/// A numbered step: `1. ` followed by a file and an item in backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number, counted from 1.
    pub number: usize,
    /// The path of the file in the repository.
    pub file: String,
    /// The name of the item, without the type that it belongs to.
    pub item: String,
}

/// The steps of the section with this title, which ends at the next title.
///
/// # Errors
/// [`Violation`] if a step does not begin with a file and an item in backticks.
pub fn steps(markdown: &str, title: &str) -> Result<Vec<Step>, Violation> {
    let lines = markdown.lines().skip_while(|line| line.strip_prefix("## ") != Some(title)).skip(1);
    let numbered = lines.take_while(|line| !line.starts_with("## ")).filter_map(|line| {
        let (number, text) = line.split_once(". ")?;
        Some((number.parse().ok()?, text))
    });
    numbered.map(|(number, text)| step(number, text)).collect()
}

fn step(number: usize, text: &str) -> Result<Step, Violation> {
    let mut spans = text.split('`').skip(1).step_by(2);
    match (spans.next(), spans.next()) {
        (Some(file), Some(item)) if text.starts_with('`') => {
            let item = item.rsplit("::").next().unwrap_or(item).trim_end_matches("()");
            Ok(Step { number, file: file.to_owned(), item: item.to_owned() })
        }
        _ => Err(Violation { rule: RULE.into(), place: format!("step {number}"), found: text.to_owned() }),
    }
}

impl Step {
    /// A violation unless the source of the file declares the item.
    pub fn undeclared(&self, source: &str) -> Option<Violation> {
        let declares = if self.file.ends_with(".sql") {
            source.contains(&format!(".{}(", self.item))
        } else {
            let is_declaration = |two: &[Token]| KEYWORDS.contains(&two[0].text) && two[1].text == self.item;
            tokens(source).windows(2).any(is_declaration)
        };
        (!declares).then(|| Violation {
            rule: RULE.into(),
            place: format!("step {}, {}", self.number, self.file),
            found: format!("`{}` is not declared there", self.item),
        })
    }
}
