//! Opaque phrases, in every kind of prose.

use annalist_architecture::{comments, phrases::Phrases};

const LIST: &str = "# A comment\nwho|whoever => the caller\nin vain => without effect\n. gives => returns\n";

fn phrases(prose: &[comments::Paragraph<'_>]) -> Vec<(String, usize)> {
    let phrases = Phrases::read(LIST);
    phrases.in_prose(prose).into_iter().map(|found| (found.phrase.to_owned(), found.line)).collect()
}

fn found(expected: &[(&str, usize)]) -> Vec<(String, usize)> {
    expected.iter().map(|&(phrase, line)| (phrase.to_owned(), line)).collect()
}

#[test]
fn phrases_are_found_in_comments_of_rust() {
    let source = "//! Who\n/// Waits in\n/// vain. Gives 1.\nfn f() {} // whoever\n/* block\n in vain */";
    let expected = [("who|whoever", 1), ("in vain", 2), (". gives", 3), ("who|whoever", 4), ("in vain", 6)];
    assert_eq!(phrases(&comments::of_rust(source)), found(&expected));
}

#[test]
fn code_strings_and_examples_of_rust_are_not_read() {
    let source = "let who = \"who // in vain\";\n/// A `who` [x](who).\n/// ```\n/// who\n/// ```\n/// The call gives 1.";
    assert_eq!(phrases(&comments::of_rust(source)), []);
}

#[test]
fn phrases_are_found_in_comments_of_sql() {
    let source = "SELECT 1; -- in\n-- vain\nSELECT who, 'in vain';";
    assert_eq!(phrases(&comments::of_sql(source)), found(&[("in vain", 1)]));
}

#[test]
fn phrases_are_found_in_markdown_outside_of_code() {
    let source = "# Who\n\n- In vain\n\n```rust\nwho\n```\n\n| gives | `who` | it gives |";
    let expected = [("who|whoever", 1), ("in vain", 3), (". gives", 9)];
    assert_eq!(phrases(&comments::of_markdown(source)), found(&expected));
}

#[test]
fn a_phrase_does_not_cross_sentences_or_paragraphs() {
    assert_eq!(phrases(&comments::of_markdown("Step in. Vain words.\n\nin\n\nvain")), []);
}
