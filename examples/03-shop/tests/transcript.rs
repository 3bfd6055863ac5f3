//! Executes the transcript of the README line by line and compares the output.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::{path::Path, process::Command};

/// Replaces cargo: drops everything up to `--` and runs the program that was built for this test.
const SHIM: &str = r#"cargo() { while [ "$1" != "--" ]; do shift; done; shift; "$SHOP" "$@" 2>&1; }"#;

#[test]
fn transcript_of_the_readme_matches_the_shop() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 15, "the README has only {} calls of the shop", steps.len());
    for (command, expected) in steps {
        let actual = run(folder.path(), &command);
        assert_eq!(expected, actual, "$ {command}");
    }
}

/// The commands of all `console` blocks, each with its expected output.
fn steps(readme: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let blocks = readme.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    for line in blocks.flat_map(str::lines) {
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
        .args(["-c", &format!("{SHIM}\n{command}")])
        .env("SHOP", env!("CARGO_BIN_EXE_shop"))
        .current_dir(folder)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}
