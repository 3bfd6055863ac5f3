//! Names that are retired, because a term of the field replaced them.

use std::collections::HashMap;

use crate::{Violation, source::tokens};

/// The retired names, by the way they are matched.
#[derive(Clone, Debug, Default)]
pub struct RetiredNames {
    /// Whole identifiers.
    exact: HashMap<String, Retired>,
    /// Sequences of words inside identifiers, by their first word.
    words: HashMap<String, Vec<Retired>>,
}

#[derive(Clone, Debug)]
struct Retired {
    name: String,
    words: Vec<String>,
    instead: String,
}

/// A retired name and the line it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The identifier.
    pub identifier: &'a str,
    /// Its line, or `None` for a file name.
    pub line: Option<usize>,
    /// The retired name as the list spells it.
    pub name: &'a str,
    /// What the list proposes.
    pub instead: &'a str,
}

impl Found<'_> {
    /// The violation of the rule in this file.
    pub fn violation(&self, file: &str) -> Violation {
        Violation {
            rule: format!(
                "`{}` is retired; use {} (tests/architecture/lists/retired-names.txt)",
                self.name, self.instead
            )
            .into(),
            place: self.line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")),
            found: self.identifier.to_owned(),
        }
    }
}

impl RetiredNames {
    /// Parses lines of the form `name  replacement`; the list itself describes the spelling of a name.
    pub fn read(list: &str) -> Self {
        let mut names = Self::default();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, instead)) = line.split_once(' ') else { continue };
            let words = words(name.trim_start_matches('='));
            let retired = Retired { name: name.to_owned(), words, instead: instead.trim().to_owned() };
            if name.starts_with('=') || name.starts_with(char::is_uppercase) {
                names.exact.insert(name.trim_start_matches('=').to_owned(), retired);
            } else {
                names.words.entry(retired.words[0].clone()).or_default().push(retired);
            }
        }
        names
    }

    /// The retired names among the identifiers of a Rust file.
    pub fn in_rust<'a>(&'a self, source: &'a str) -> Vec<Found<'a>> {
        let names = tokens(source).into_iter().filter(super::source::Token::is_name);
        self.found(names.map(|token| (token.text, token.line)))
    }

    /// The retired names among the identifiers of an SQL file.
    pub fn in_sql<'a>(&'a self, source: &'a str) -> Vec<Found<'a>> {
        let lines = source.lines().map(|line| line.split("--").next().unwrap_or_default());
        // Outside of literals, which are the odd parts between quotes.
        let code = lines
            .zip(1..)
            .flat_map(|(line, number)| line.split('\'').step_by(2).map(move |code| (code, number)));
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let names = code.flat_map(move |(code, line)| {
            code.split(move |c: char| !is_part(c))
                .filter(|name| !name.is_empty())
                .map(move |name| (name, line))
        });
        self.found(names)
    }

    /// The retired names in the last part of a path, without its extension.
    pub fn in_path<'a>(&'a self, path: &'a str) -> Vec<Found<'a>> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default();
        let found = self.in_words(&words(stem)).map(|retired| Found {
            identifier: name,
            line: None,
            name: &retired.name,
            instead: &retired.instead,
        });
        found.into_iter().collect()
    }

    fn found<'a>(&'a self, names: impl Iterator<Item = (&'a str, usize)>) -> Vec<Found<'a>> {
        let mut seen: HashMap<&str, Option<&Retired>> = HashMap::new();
        let mut found = Vec::new();
        for (identifier, line) in names {
            let retired = *seen.entry(identifier).or_insert_with(|| self.retired(identifier));
            if let Some(Retired { name, instead, .. }) = retired {
                found.push(Found { identifier, line: Some(line), name, instead });
            }
        }
        found
    }

    fn retired(&self, identifier: &str) -> Option<&Retired> {
        self.exact.get(identifier).or_else(|| self.in_words(&words(identifier)))
    }

    fn in_words(&self, words: &[String]) -> Option<&Retired> {
        (0..words.len()).find_map(|at| {
            let candidates = self.words.get(&words[at])?;
            candidates.iter().find(|retired| words[at..].starts_with(&retired.words))
        })
    }
}

/// The lower-case words of `snake_case`, `kebab-case`, `CamelCase` and `UPPER_CASE`.
fn words(identifier: &str) -> Vec<String> {
    let is_upper = !identifier.contains(char::is_lowercase);
    let mut words = vec![String::new()];
    for c in identifier.chars() {
        let starts_word = c.is_uppercase() && !is_upper;
        if (starts_word || !c.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (c.is_alphanumeric(), words.last_mut()) {
            word.extend(c.to_lowercase());
        }
    }
    words
}
