//! Executes the transcript of the README line by line and compares the output.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::{path::Path, process::Command};

/// Replaces cargo: drops everything up to `--` and runs the program that was built for this test.
const SHIM: &str = r#"cargo() { while [ "$1" != "--" ]; do shift; done; shift; "$BANK" "$@"; }"#;

#[test]
fn transcript_of_the_readme_matches_the_bank() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 8, "the README has only {} calls of the bank", steps.len());
    for (command, expected) in steps {
        let actual = run(folder.path(), &command);
        assert!(
            alike(expected.trim_end(), actual.trim_end()),
            "$ {command}\n--- expected\n{expected}\n--- actual\n{actual}"
        );
    }
}

/// The commands of all `console` blocks that call the bank, each with its expected output.
fn steps(readme: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let blocks = readme.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    for line in blocks.filter(|block| block.contains("-p bank --")).flat_map(str::lines) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    steps
}

fn run(folder: &Path, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{SHIM}\n{command} 2>&1")])
        .env("BANK", env!("CARGO_BIN_EXE_bank"))
        .current_dir(folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Returns `true` if two texts are equal, where `…` matches any text within a line, such as a time.
fn alike(expected: &str, actual: &str) -> bool {
    let (expected, actual): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    expected.len() == actual.len() && expected.iter().zip(&actual).all(|(one, other)| line_alike(one, other))
}

fn line_alike(expected: &str, actual: &str) -> bool {
    match expected.split_once('…') {
        None => expected == actual,
        Some((start, rest)) => actual.strip_prefix(start).is_some_and(|end| {
            (0..=end.len()).any(|skip| end.get(skip..).is_some_and(|end| line_alike(rest, end)))
        }),
    }
}
