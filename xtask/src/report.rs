//! The report of a run: steps, results, and everything that did not run.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use crate::{Result, disk::free_space};

/// The result of a step that did not fail.
#[derive(Default)]
pub(crate) struct Notes {
    /// One line for the table.
    pub(crate) result: String,
    /// The parts of the step that did not run, each with the reason.
    pub(crate) left_out: Vec<String>,
    /// Whether no part of the step ran.
    all_left_out: bool,
}

impl Notes {
    pub(crate) fn passed(result: impl Into<String>) -> Self {
        Self { result: result.into(), ..Self::default() }
    }

    /// Adds parts that did not run.
    pub(crate) fn without(mut self, parts: Vec<String>) -> Self {
        self.left_out.extend(parts);
        self
    }

    /// The result of a step that did not run at all.
    pub(crate) fn left_out(what: impl Into<String>) -> Self {
        Self { left_out: vec![what.into()], all_left_out: true, ..Self::default() }
    }
}

pub(crate) struct Report {
    start: Instant,
    rows: Vec<Row>,
    left_out: Vec<String>,
}

struct Row {
    step: &'static str,
    outcome: Outcome,
    took: Duration,
    /// The message. The table shows its first line, the list of failures all of it.
    message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    LeftOut,
    Failed,
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::LeftOut => "left out",
            Self::Failed => "FAILED",
        }
    }
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), rows: Vec::new(), left_out: Vec::new() }
    }

    /// Runs a step and records its outcome. Returns `None` if it failed.
    pub(crate) fn step<T>(
        &mut self,
        step: &'static str,
        about: &str,
        run: impl FnOnce() -> Result<(T, Notes)>,
    ) -> Option<T> {
        println!("\n=== {step}: {about}");
        let start = Instant::now();
        let (value, outcome, message) = match run() {
            Ok((value, notes)) => {
                self.left_out.extend(notes.left_out.iter().map(|what| format!("{step}: {what}")));
                let outcome = if notes.all_left_out { Outcome::LeftOut } else { Outcome::Passed };
                (Some(value), outcome, notes.result)
            }
            Err(error) => {
                eprintln!("{step} failed: {error}");
                (None, Outcome::Failed, error.to_string())
            }
        };
        self.rows.push(Row { step, outcome, took: start.elapsed(), message });
        value
    }

    pub(crate) fn leave_out(&mut self, step: &str, why: &str) {
        self.left_out.push(format!("{step}: {why}"));
    }

    /// Prints the summary. Returns the exit code: success if every step passed.
    pub(crate) fn conclude(&self) -> ExitCode {
        println!("\n=== summary");
        for Row { step, outcome, took, message } in &self.rows {
            let message = message.lines().next().unwrap_or_default();
            println!("{step:10} {:9} {:>6.1} s  {message}", outcome.word(), took.as_secs_f64());
        }
        if !self.left_out.is_empty() {
            println!("\nLeft out:");
            self.left_out.iter().for_each(|what| println!("  {what}"));
        }
        let with = |outcome| self.rows.iter().filter(move |row| row.outcome == outcome);
        for row in with(Outcome::Failed) {
            println!("\n{} failed: {}", row.step, row.message);
        }
        let [passed, failed] = [Outcome::Passed, Outcome::Failed].map(|outcome| with(outcome).count());
        if failed > 0
            && let Some(line) = free_space()
        {
            println!("\n{line}");
        }
        println!("\nSteps passed: {passed}, failed: {failed}, in {} s", self.start.elapsed().as_secs());
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
