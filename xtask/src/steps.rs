//! The steps of `cargo xtask test`.
//!
//! Warnings become errors through arguments of clippy and rustdoc, never through `RUSTFLAGS`, so that all steps share their
//! artifacts.

use std::{collections::BTreeSet, fs};

use annalist_cluster::URL_VARIABLE;

use crate::{
    Result, browser,
    command::{ask, cargo, program, root, run, run_and_read},
    features,
    report::Notes,
};

/// The facade with its default features brings at most this many crates, itself included.
const CRATES: usize = 60;

pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) quick: bool,
    pub(crate) needs_server: bool,
    /// Runs the step. The argument is the URL of a PostgreSQL server, if there is one.
    pub(crate) run: fn(Option<&str>) -> Result<Notes>,
}

const fn step(name: &'static str, about: &'static str, run: fn(Option<&str>) -> Result<Notes>) -> Step {
    Step { name, about, quick: false, needs_server: false, run }
}

/// All steps, in the order in which they run.
pub(crate) const STEPS: &[Step] = &[
    Step { quick: true, ..step("fmt", "the format of all files", fmt) },
    Step { quick: true, ..step("clippy", "lints, as errors, on all targets", clippy) },
    Step { quick: true, needs_server: true, ..step("test", "all tests, with a PostgreSQL server", test) },
    step("browser", "the inspector in a headless browser", browser::test),
    step("doc", "the documentation, warnings as errors", doc),
    step("features", "the facade with no feature, each alone, all but one, and all", feature_sets),
    step("tree", "how many crates the facade brings", tree),
    step("msrv", "the oldest supported toolchain", msrv),
    step("deny", "licenses, bans and sources of dependencies", deny),
];

fn fmt(_: Option<&str>) -> Result<Notes> {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    Ok(Notes::default())
}

fn clippy(_: Option<&str>) -> Result<Notes> {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"]))?;
    Ok(Notes::default())
}

/// Includes documentation tests and the rules of the workspace (`tests/architecture`).
fn test(url: Option<&str>) -> Result<Notes> {
    let mut tests = cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    // Tests panic on purpose: the backtraces of all of them would hide the message of the one that fails.
    tests.env("RUST_BACKTRACE", "0");
    if let Some(url) = url {
        tests.env(URL_VARIABLE, url);
    }
    let mut tally = Tally::default();
    match run_and_read(&mut tests, |line| tally.count(line)) {
        Ok(()) => Ok(Notes::passed(format!("{} tests", tally.passed)).without(tally.ignored)),
        Err(error) => Err(format!("{error}{}", tally.failures()).into()),
    }
}

/// The number of lines of the output of one failed test that the summary repeats.
const FAILURE_LINES: usize = 30;

/// Counts the lines of test runners, `test name ... ok`, and collects the output of the tests that failed.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: Vec<String>,
    ignored: Vec<String>,
    /// The output of failed tests, each under its heading.
    output: Vec<String>,
    /// How many lines of the output of a failed test may still follow.
    rest: usize,
}

impl Tally {
    fn count(&mut self, line: &str) {
        // `---- name stdout ----`, the output, and in the end `failures:` with a list of the names.
        if line.starts_with("---- ") && line.ends_with(" ----") {
            self.rest = FAILURE_LINES;
        } else if line == "failures:" {
            self.rest = 0;
        }
        if self.rest > 0 {
            self.rest -= 1;
            self.output.push(line.to_owned());
            return;
        }
        let Some((name, outcome)) = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            return;
        };
        let name = name.trim_end();
        match outcome.split([',', ' ']).next() {
            Some("ok") => self.passed += 1,
            Some("FAILED") => self.failed.push(name.to_owned()),
            Some("ignored") => self.ignored.push(format!("{name}: {outcome}")),
            _ => {}
        }
    }

    /// The names of the tests that did not run or failed, and the output of the latter. If there are none, a test did not compile.
    fn failures(&self) -> String {
        let ignored = self.ignored.iter().map(|name| format!("\n  {name}"));
        let failed = self.failed.iter().map(|name| format!("\n  {name}: failed"));
        let output = self.output.iter().map(|line| format!("\n    {line}"));
        ignored.chain(failed).chain(output).collect()
    }
}

fn doc(_: Option<&str>) -> Result<Notes> {
    let mut doc = cargo(&["doc", "--workspace", "--all-features", "--no-deps"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Notes::default())
}

/// Clippy rather than check: an import that only one feature needs is a warning in the other sets.
fn feature_sets(_: Option<&str>) -> Result<Notes> {
    let manifest = fs::read_to_string(root().join("Cargo.toml"))?;
    let features = features::declared(&manifest);
    let sets: Vec<String> = features::sets(&features).iter().map(|set| set.join(",")).collect();
    let passes = |set: &&String| {
        let facade = ["clippy", "--package", "annalist", "--no-default-features", "--features", set];
        run(&mut cargo(&[&facade[..], &["--", "-D", "warnings"]].concat())).is_ok()
    };
    let failed: Vec<String> = sets.iter().filter(|set| !passes(set)).map(|set| format!("[{set}]")).collect();
    if !failed.is_empty() {
        return Err(format!("{} of {} sets fail: {}", failed.len(), sets.len(), failed.join(" ")).into());
    }
    // A new user gets only the default features.
    run(&mut cargo(&["test", "--package", "annalist"]))?;
    Ok(Notes::passed(format!("{} sets of {}", sets.len(), features.join(", "))))
}

fn tree(_: Option<&str>) -> Result<Notes> {
    let mut tree = cargo(&["tree", "--package", "annalist", "--edges", "normal,build", "--prefix", "none"]);
    let lines = ask(&mut tree).ok_or("`cargo tree` fails")?;
    let crates: BTreeSet<&str> =
        lines.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    let count = crates.len();
    println!("{count} crates, at most {CRATES}");
    if count > CRATES {
        let list = crates.into_iter().collect::<Vec<_>>().join("\n  ");
        return Err(format!("{count} crates, more than {CRATES}:\n  {list}").into());
    }
    Ok(Notes::passed(format!("{count} crates, at most {CRATES}")))
}

fn msrv(_: Option<&str>) -> Result<Notes> {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let installed = ask(&mut program("rustup", &["toolchain", "list"])).unwrap_or_default();
    let Some(toolchain) = toolchain(&installed, oldest) else {
        return Ok(Notes::left_out(format!("no toolchain {oldest} (`rustup toolchain install {oldest}`)")));
    };
    let check = ["run", toolchain, "cargo", "check", "--workspace", "--all-targets", "--all-features"];
    run(&mut program("rustup", &check))?;
    Ok(Notes::passed(toolchain))
}

/// `1.94` is also `1.94.1-x86_64-unknown-linux-gnu`, but not `1.940`.
fn toolchain<'a>(installed: &'a str, version: &str) -> Option<&'a str> {
    let names = installed.lines().filter_map(|line| line.split_whitespace().next());
    let mut fitting = names.filter(|name| {
        name.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    });
    fitting.next()
}

fn deny(_: Option<&str>) -> Result<Notes> {
    if ask(&mut cargo(&["deny", "--version"])).is_none() {
        return Ok(Notes::left_out("no cargo-deny (`cargo install cargo-deny`)"));
    }
    run(&mut cargo(&[
        "deny",
        "--offline",
        "--workspace",
        "--all-features",
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))?;
    Ok(Notes::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_of_both_runners_are_counted() {
        let mut tally = Tally::default();
        for line in [
            "test a ... ok",
            "test padded           ... ok",
            "test src/lib.rs - x (line 3) - compile ... ok",
            "test b ... FAILED",
            "test c ... ignored, needs a server",
            "test d      ... ignored",
            "test result: ok. 3 passed; 0 failed",
            "something else ... ok",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.passed, 3);
        assert_eq!(tally.failed, ["b"]);
        assert_eq!(tally.ignored, ["c: ignored, needs a server", "d: ignored"]);
    }

    #[test]
    fn output_of_failed_tests_is_repeated_in_the_summary() {
        let mut tally = Tally::default();
        let long: Vec<String> = (0..FAILURE_LINES).map(|number| format!("line {number}")).collect();
        let head =
            ["test a ... FAILED", "", "failures:", "", "---- a stdout ----", "it is wrong", "test x ... ok"];
        let tail = ["---- b ----", "so is this", "failures:", "    a", "    b", "", "test c ... ok"];
        for line in head.into_iter().chain(long.iter().map(String::as_str)).chain(tail) {
            tally.count(line);
        }
        let failures = tally.failures();
        assert!(
            failures.starts_with("\n  a: failed\n    ---- a stdout ----\n    it is wrong\n    test x ... ok")
        );
        assert!(failures.contains("line 26") && !failures.contains("line 27"), "{failures}");
        assert!(failures.ends_with("\n    ---- b ----\n    so is this"), "{failures}");
        assert_eq!(tally.passed, 1);
    }

    #[test]
    fn the_oldest_toolchain_is_found_by_its_version() {
        let installed = "stable-x86_64 (default)\n1.9.0-x86_64\n1.94.1-x86_64\n";
        assert_eq!(toolchain(installed, "1.94"), Some("1.94.1-x86_64"));
        assert_eq!(toolchain("1.94-x\n", "1.94"), Some("1.94-x"));
        assert_eq!(toolchain("1.95.0-x\n1.940-x", "1.94"), None);
        assert_eq!(toolchain("", "1.94"), None);
    }
}
