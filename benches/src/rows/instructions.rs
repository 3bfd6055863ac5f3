//! The cost of the dispatch and of decoding in instructions, counted by `valgrind --tool=callgrind` and equal in every run.

use std::{path::PathBuf, process::Command};

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

fn prepare(size: Size, ours: &'static str, baseline: &'static str) -> Result<Pair> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Err("valgrind is not installed".into());
    }
    let operations = size.of(500, 20_000, 100_000);
    Ok(Pair {
        ours: side((), move |()| count(ours, operations)),
        baseline: side((), move |()| count(baseline, operations)),
    })
}

/// The difference between a run with twice the operations and one with them, so that the start of the program does not count.
async fn count(side: &'static str, operations: usize) -> Result<f64> {
    let counted = tokio::task::spawn_blocking(move || -> Result<f64> {
        Ok(instructions(side, 2 * operations)? - instructions(side, operations)?)
    });
    Ok(counted.await?? / operations as f64)
}

fn instructions(side: &str, operations: usize) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program()?)
        .args([side, &operations.to_string()])
        .output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let collected = stderr.lines().find_map(|line| line.split_once("Collected :"));
    match collected.map(|(_, number)| number.trim().parse()) {
        Some(Ok(number)) if output.status.success() => Ok(number),
        _ => Err(format!("callgrind: {}\n{stderr}", output.status).into()),
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
