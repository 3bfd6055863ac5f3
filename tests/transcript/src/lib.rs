//! Executes the transcripts of READMEs: the blocks of the language `console` that run a package, line by line, in a new folder.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // a test fails

mod first_log;

use std::{fs, path::Path, process::Command};

pub use self::first_log::check_first_log;

/// Replaces cargo: drops everything up to `--` and runs the program that was built for this test, on another store if there is one.
const SHIM: &str = r#"cargo() { while [ "$1" != "--" ]; do shift; done; shift; "$PROGRAM" ${STORE:+--store "$STORE"} "$@"; }"#;

/// Executes the calls of a package in a README, at least so many, and compares the output. `…` matches any text within a line.
pub fn check(readme: impl AsRef<Path>, package: &str, program: &str, least: usize) {
    let folder = tempfile::tempdir().unwrap();
    Transcript { readme: readme.as_ref(), package, program, least }.check(folder.path(), None);
}

/// The calls of a package in a README, at least so many.
struct Transcript<'a> {
    readme: &'a Path,
    package: &'a str,
    program: &'a str,
    least: usize,
}

impl Transcript<'_> {
    /// Executes the calls in a folder, on the store with this URL instead of the file that the program opens by default.
    fn check(&self, folder: &Path, store: Option<&str>) {
        let Self { readme, package, program, least } = self;
        let steps = steps(&fs::read_to_string(readme).unwrap(), package);
        assert!(steps.len() >= *least, "the README has only {} calls of `{package}`", steps.len());
        let default = format!(" --store sqlite://{package}.db");
        for (mut command, expected) in steps {
            if store.is_some() {
                command = command.replace(&default, "");
            }
            let actual = run(folder, program, store, &command);
            assert!(
                alike(expected.trim_end(), actual.trim_end()),
                "$ {command}\n--- expected\n{expected}\n--- actual\n{actual}"
            );
        }
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

fn run(folder: &Path, program: &str, store: Option<&str>, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", &format!("{SHIM}\n{{ {command}\n}} 2>&1")])
        .env("PROGRAM", program)
        .env("STORE", store.unwrap_or_default())
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
