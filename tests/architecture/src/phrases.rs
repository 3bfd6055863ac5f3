//! Phrases that make prose hard to read, such as pronouns in place of the subject.

use std::collections::HashMap;

use crate::{Violation, comments::Paragraph};

/// The phrases, by each word that may begin them.
#[derive(Clone, Debug, Default)]
pub struct Phrases {
    by_first_word: HashMap<String, Vec<Phrase>>,
}

#[derive(Clone, Debug)]
struct Phrase {
    name: String,
    /// The alternatives for each word.
    words: Vec<Vec<String>>,
    instead: String,
}

/// A phrase and the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    /// The phrase as the list spells it.
    pub phrase: &'a str,
    /// The line of its first word.
    pub line: usize,
    /// What the list proposes.
    pub instead: &'a str,
}

impl Found<'_> {
    /// The violation of the rule in this file.
    pub fn violation(&self, file: &str) -> Violation {
        Violation {
            rule: format!("write plainly: {} (tests/architecture/lists/phrases.txt)", self.instead).into(),
            place: format!("{file}:{}", self.line),
            found: self.phrase.to_owned(),
        }
    }
}

impl Phrases {
    /// Parses lines of the form `phrase => advice`; the list itself describes the spelling of a phrase.
    pub fn read(list: &str) -> Self {
        let mut phrases = Self::default();
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let Some((name, instead)) = line.split_once(" => ") else { continue };
            let name = name.trim();
            let words = name.split(' ').map(|word| word.split('|').map(str::to_owned).collect());
            let words: Vec<Vec<String>> = words.collect();
            let phrase = Phrase { name: name.to_owned(), words, instead: instead.trim().to_owned() };
            for first in &phrase.words[0] {
                phrases.by_first_word.entry(first.clone()).or_default().push(phrase.clone());
            }
        }
        phrases
    }

    /// The phrases in prose, outside of inline code and link targets.
    pub fn in_prose<'a>(&'a self, paragraphs: &[Paragraph<'_>]) -> Vec<Found<'a>> {
        paragraphs.iter().flat_map(|paragraph| self.in_paragraph(paragraph)).collect()
    }

    fn in_paragraph<'a>(&'a self, paragraph: &Paragraph<'_>) -> Vec<Found<'a>> {
        let words = words(paragraph);
        let mut found = Vec::new();
        for (at, (line, word)) in words.iter().enumerate() {
            for phrase in self.by_first_word.get(word).into_iter().flatten() {
                let here = words[at..].iter().map(|(_, word)| word);
                let matches = phrase.words.iter().zip(here).filter(|(any, word)| any.contains(word)).count();
                if matches == phrase.words.len() {
                    found.push(Found { phrase: &phrase.name, line: *line, instead: &phrase.instead });
                }
            }
        }
        found
    }
}

/// The lower-case words of a paragraph with their lines; `.` is the start or the end of a sentence.
fn words(paragraph: &Paragraph<'_>) -> Vec<(usize, String)> {
    let mut words = vec![(0, ".".to_owned())];
    let mut in_code = false;
    let mut in_target = false;
    for (line, text) in paragraph {
        let mut word = String::new();
        let mut before = ' ';
        for c in text.chars().chain([' ']) {
            let is_part = c.is_alphanumeric() || c == '\'';
            in_code ^= c == '`';
            in_target = (in_target && c != ')') || (c == '(' && before == ']');
            before = c;
            if is_part && !in_code && !in_target {
                word.extend(c.to_lowercase());
                continue;
            }
            if !word.is_empty() {
                words.push((*line, std::mem::take(&mut word)));
            }
            if matches!(c, '.' | ';' | ':' | '|' | '`') {
                let mark = if c == '`' { "`" } else { "." };
                words.push((*line, mark.to_owned()));
            }
        }
    }
    words
}
