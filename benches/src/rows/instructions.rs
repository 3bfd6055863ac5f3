//! The cost of the dispatch, of decoding and of telemetry in instructions, counted by `valgrind --tool=callgrind` and equal in every run.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Result,
    harness::{Pair, Size, side},
};

/// The dispatch of a command beside a hand-written `match`.
pub(super) async fn dispatch(size: Size) -> Result<Pair> {
    prepare(size, "dispatched", "matched")
}

/// Decoding the current version of an event that has older ones, beside an event that has none.
pub(super) async fn decoding(size: Size) -> Result<Pair> {
    prepare(size, "versioned", "unversioned")
}

/// Commands of an app without a subscriber, beside the same in a program whose spans and log lines are compiled out.
pub(super) async fn telemetry(size: Size) -> Result<Pair> {
    let without = tokio::task::spawn_blocking(program_without_telemetry).await??;
    let (with, operations) = (program()?, operations(size)? / 10);
    Ok(Pair {
        ours: side(with, move |program| count(program, "known-app", operations)),
        baseline: side(without, move |program| count(program, "known-app", operations)),
    })
}

fn prepare(size: Size, ours: &'static str, baseline: &'static str) -> Result<Pair> {
    let (program, operations) = (program()?, operations(size)?);
    Ok(Pair {
        ours: side(program.clone(), move |program| count(program, ours, operations)),
        baseline: side(program, move |program| count(program, baseline, operations)),
    })
}

/// The number of operations of a run.
fn operations(size: Size) -> Result<usize> {
    match Command::new("valgrind").arg("--version").output() {
        Ok(_) => Ok(size.of(500, 20_000, 100_000)),
        Err(_) => Err("valgrind is not installed".into()),
    }
}

/// The difference between a run with twice the operations and one with them, so that the start of the program does not count.
async fn count(program: PathBuf, work: &'static str, operations: usize) -> Result<f64> {
    let counted = tokio::task::spawn_blocking(move || -> Result<f64> {
        Ok(instructions(&program, work, 2 * operations)? - instructions(&program, work, operations)?)
    });
    Ok(counted.await?? / operations as f64)
}

fn instructions(program: &Path, work: &str, operations: usize) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([work, &operations.to_string()])
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let collected = stderr.lines().find_map(|line| line.split_once("Collected :"));
    match collected.map(|(_, number)| number.trim().parse()) {
        Some(Ok(number)) if output.status.success() => Ok(number),
        _ => Err(format!("callgrind: {}\n{stderr}", output.status).into()),
    }
}

/// Builds the counted program again, with features of `tracing` and `log` that remove all spans and log lines.
fn program_without_telemetry() -> Result<PathBuf> {
    let folder = Path::new("target/bench/without-telemetry");
    let build = Command::new("cargo")
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            "annalist-bench",
            "--bin",
            "instructions",
        ])
        .args(["--features", "tracing/max_level_off,log/max_level_off"])
        .env("CARGO_TARGET_DIR", folder)
        .status()?;
    match build.success() {
        true => Ok(folder.join("release/instructions")),
        false => Err(format!("cargo build: {build}").into()),
    }
}

/// The counted program is in the folder of this one.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("instructions");
    if program.exists() {
        return Ok(program);
    }
    Err(format!("{} is missing: build the package with all its programs", program.display()).into())
}
