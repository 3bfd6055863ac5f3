//! A process under test: its output, and its end.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::location::Location;

/// Far longer than needed, for busy machines.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A process that is killed when it is dropped.
pub struct Worker {
    child: Child,
    reports: Receiver<String>,
    /// The ids of the commands that the process reported as accepted.
    done: BTreeSet<String>,
}

impl Worker {
    /// Starts a program on a log; with a folder it runs the control too.
    pub fn start(program: &str, location: &Location, control: Option<&Path>) -> Self {
        let mut command = Command::new(program);
        command.arg(location.to_string()).args(control).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, reports) = channel();
        thread::spawn(move || {
            // Complete lines only: the last one may be cut off.
            let reports = lines.map_while(Result::ok).filter_map(|line| {
                let (_, report) = line.split_once("<<")?;
                report.strip_suffix(">>").map(str::to_owned)
            });
            reports.map_while(|report| sender.send(report).ok()).for_each(drop);
        });
        Self { child, reports, done: BTreeSet::new() }
    }

    /// Waits for a number of further reports.
    ///
    /// # Panics
    /// If the process ends by itself, or reports nothing for a minute.
    pub fn await_reports(&mut self, reports: usize) {
        for _ in 0..reports {
            self.next();
        }
    }

    /// Skips the pending reports, and waits until a number of customers is finished.
    ///
    /// # Panics
    /// As [`Worker::await_reports`].
    pub fn await_customers(&mut self, customers: usize) {
        self.drain();
        let mut seen = 0;
        while seen < customers {
            seen += usize::from(self.next() == "seen");
        }
    }

    /// Kills the process, and returns the ids of all commands that it reported as accepted.
    ///
    /// # Panics
    /// If the process has ended by itself.
    pub fn kill(mut self) -> BTreeSet<String> {
        assert_eq!(self.child.try_wait().unwrap(), None, "it ended by itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while let Ok(report) = self.reports.recv() {
            self.note(&report);
        }
        std::mem::take(&mut self.done)
    }

    fn drain(&mut self) {
        while let Ok(report) = self.reports.try_recv() {
            self.note(&report);
        }
    }

    fn next(&mut self) -> String {
        let start = Instant::now();
        let report = self.reports.recv_timeout(DEFAULT_TIMEOUT);
        let report = report.unwrap_or_else(|error| panic!("{error} after {:?}", start.elapsed()));
        self.note(&report);
        report
    }

    fn note(&mut self, report: &str) {
        if let Some(id) = report.strip_prefix("done ") {
            self.done.insert(id.to_owned());
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // The process may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
