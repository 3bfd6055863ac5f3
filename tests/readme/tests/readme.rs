//! The example of the README is the program of this package, and has a limited length.

const README: &str = include_str!("../../../README.md");
const PROGRAM: &str = include_str!("../src/main.rs");
const SEAM: &str = "// Part two: the rest of the program.\n";

/// The Rust block after a marker of the README.
fn block(marker: &str) -> &'static str {
    let (_, rest) = README.split_once(marker).unwrap_or_else(|| panic!("no `{marker}` in the README"));
    let (_, code) = rest.split_once("```rust\n").expect("a Rust block after the marker");
    code.split_once("```").expect("the end of the block").0
}

#[test]
fn example_is_the_program_that_the_tests_run() {
    let (one, two) = PROGRAM.split_once(SEAM).expect("the seam between both parts");
    assert_eq!(block("<!-- example: part one -->").trim(), one.trim());
    assert_eq!(block("<!-- example: part two -->").trim(), two.trim());
}

#[test]
fn example_is_short() {
    let one = block("<!-- example: part one -->").lines().count();
    let two = block("<!-- example: part two -->").lines().count();
    assert!(one <= 60, "the first part has {one} lines");
    assert!(one + two <= 130, "the example has {} lines", one + two);
}

#[test]
fn program_prints_what_its_comments_say() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_annalist-readme")).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["there is not enough money", "40"]);
    assert!(lines[2].starts_with("1 ") && lines[2].contains("Deposited"), "{text}");
    assert!(lines[3].starts_with("2 ") && lines[3].contains("Moved"), "{text}");
    assert_eq!(lines.len(), 4);
}
