//! Executes the transcripts of READMEs: the blocks of the language `console` that run a package, line by line, in a new folder.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // a test fails

use std::{fs, path::Path, process::Command};

/// Replaces cargo: drops everything up to `--` and runs the program that was built for this test.
const SHIM: &str = r#"cargo() { while [ "$1" != "--" ]; do shift; done; shift; "$PROGRAM" "$@"; }"#;

/// Executes the calls of a package in a README, at least so many, and compares the output. `…` matches any text within a line.
pub fn check(readme: impl AsRef<Path>, package: &str, program: &str, least: usize) {
    check_in(tempfile::tempdir().unwrap().path(), readme.as_ref(), package, program, least);
}

/// As [`check`], with a log that was exported to a file beside the README, `first.jsonl`. It is in the file of the name that the
/// program opens by default.
pub fn check_with_log(readme: impl AsRef<Path>, package: &str, program: &str, least: usize) {
    let (readme, folder) = (readme.as_ref(), tempfile::tempdir().unwrap());
    let file = folder.path().join(format!("{package}.db"));
    let import = async {
        let store = annalist::Sqlite::open(file).await.unwrap();
        let log = tokio::fs::File::open(readme.with_file_name("first.jsonl")).await.unwrap();
        annalist::transfer::import(&store, &mut tokio::io::BufReader::new(log)).await.unwrap();
    };
    tokio::runtime::Runtime::new().unwrap().block_on(import);
    check_in(folder.path(), readme, package, program, least);
}

fn check_in(folder: &Path, readme: &Path, package: &str, program: &str, least: usize) {
    let steps = steps(&fs::read_to_string(readme).unwrap(), package);
    assert!(steps.len() >= least, "the README has only {} calls of `{package}`", steps.len());
    for (command, expected) in steps {
        let actual = run(folder, program, &command);
        assert!(
            alike(expected.trim_end(), actual.trim_end()),
            "$ {command}\n--- expected\n{expected}\n--- actual\n{actual}"
        );
    }
}

/// The commands of all `console` blocks that call the package, each with its expected output.
fn steps(readme: &str, package: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let blocks = readme.split("```console\n").skip(1).filter_map(|block| block.split("```").next());
    let call = format!("-p {package} --");
    for line in blocks.filter(|block| block.contains(&call)).flat_map(str::lines) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => panic!("output without a command: {line}"),
        }
    }
    steps
}

fn run(folder: &Path, program: &str, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{SHIM}\n{{ {command}\n}} 2>&1")])
        .env("PROGRAM", program)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_calls_of_the_package() {
        let readme = "text\n```console\n$ cargo run -p a -- x\none\ntwo\n$ cargo run -p a -- y\n```\n```console\n$ other\n```\n";
        let expected = [("cargo run -p a -- x", "one\ntwo\n"), ("cargo run -p a -- y", "")];
        assert_eq!(steps(readme, "a"), expected.map(|(call, output)| (call.to_owned(), output.to_owned())));
    }

    #[test]
    fn different_output_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let readme = folder.path().join("README.md");
        fs::write(&readme, "```console\n$ cargo run -p a -- x …\nx …\n```\n").unwrap();
        check(&readme, "a", "echo", 1);
        fs::write(&readme, "```console\n$ cargo run -p a -- x\ny\n```\n").unwrap();
        assert!(std::panic::catch_unwind(|| check(&readme, "a", "echo", 1)).is_err());
    }

    #[test]
    fn ellipsis_matches_within_a_line() {
        assert!(alike("a … c\nd", "a bb c\nd") && alike("a…", "a"));
        assert!(!alike("a … c", "a bb d") && !alike("a\n…", "a"));
    }
}
