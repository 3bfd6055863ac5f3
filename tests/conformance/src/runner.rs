//! Runs cases: each on its own runtime and its own logs.

use std::{fmt::Display, sync::Arc, time::Duration};

use annalist_core::{
    payload::Payload,
    record::Position,
    store::{EventStore, Snapshot, SnapshotKey},
};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use tokio::{
    runtime::Builder,
    task::{JoinError, JoinHandle},
    time::timeout,
};

use crate::{
    Capability, Case, Failure, Settings, Subject, cases,
    failure::{Outcome, panicked},
    log::{Log, Logs},
    subject::MakerOf,
};

/// Runs every case on a store, as the `main` of a test without harness. Settings come from the environment.
///
/// # Panics
/// If a setting in the environment is no number.
pub fn run<S: Subject>(subject: S) -> ! {
    let suite = Arc::new(Suite::new(subject, Settings::from_env()));
    let trials = cases().iter().map(|case| suite.trial(case)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

/// Lists every case as ignored, for a store that cannot be tested here: `skip("postgres", "no server: …")`.
pub fn skip(name: &str, reason: &str) -> ! {
    let ignored = |case: &Case| {
        let reason = reason.to_owned();
        Trial::ignorable_test(format!("{name}::{}", case.name()), move || {
            Ok(Completion::ignored_with(reason))
        })
    };
    libtest_mimic::run(&Arguments::from_args(), cases().iter().map(ignored).collect()).exit()
}

/// A store and the settings with which its cases are run. [`run`] is all that most stores need; this is for programs
/// that want to see the verdicts themselves.
#[derive(Debug)]
pub struct Suite<S> {
    subject: Arc<S>,
    settings: Settings,
}

/// What came out of one case.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The store keeps this promise, as far as the case can see.
    Kept,
    /// The store breaks it.
    Broken(Failure),
    /// The case did not end within the patience of the settings.
    Stuck,
    /// The store lacks what the case needs, for this reason.
    Skipped(&'static str),
}

impl<S: Subject> Suite<S> {
    /// All cases for this store.
    pub fn new(subject: S, settings: Settings) -> Self {
        Self { subject: Arc::new(subject), settings }
    }

    /// Runs one case, on a runtime and on logs of its own.
    ///
    /// # Panics
    /// If no runtime can be started.
    pub fn check(&self, case: &Case) -> Verdict {
        if let Some(reason) = case.needs().iter().find_map(|need| self.subject.lacks(*need)) {
            return Verdict::Skipped(reason);
        }
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime for the case");
        let verdict = runtime.block_on(self.attempt(case));
        // A case that is stuck must not keep the others waiting for its tasks.
        runtime.shutdown_background();
        verdict.unwrap_or_else(Verdict::Broken)
    }

    async fn attempt(&self, case: &Case) -> Outcome<Verdict> {
        let logs = Logs::new(MakerOf(Arc::clone(&self.subject)), self.settings);
        let log = Log::new(&logs).await?;
        let (lacking, run) = (lacking(log.store(), case.needs()), case.run(log));
        // In a task of its own, so that a panic of the case becomes its failure.
        let task = tokio::spawn(async move {
            match lacking.await? {
                Some(reason) => Ok(Verdict::Skipped(reason)),
                None => run.await.map(|()| Verdict::Kept),
            }
        });
        let verdict = match awaited(task, self.settings.patience).await {
            Some(Ok(verdict)) => verdict,
            Some(Err(error)) => Err(panicked(error)),
            None => Ok(Verdict::Stuck),
        };
        let removed = logs.remove().await;
        verdict.and_then(|verdict| removed.map(|()| verdict))
    }

    fn trial(self: &Arc<Self>, case: &'static Case) -> Trial {
        let suite = Arc::clone(self);
        Trial::ignorable_test(format!("{}::{}", S::NAME, case.name()), move || match suite.check(case) {
            Verdict::Kept => Ok(Completion::Completed),
            Verdict::Skipped(reason) => Ok(Completion::ignored_with(reason)),
            Verdict::Stuck => Err(suite.failed(format!("still running after {:?}", suite.settings.patience))),
            Verdict::Broken(failure) => Err(suite.failed(failure)),
        })
    }

    fn failed(&self, why: impl Display) -> Failed {
        Failed::from(format!("{why}\n  repeat with ANNALIST_CONFORMANCE_SEED={}", self.settings.seed))
    }
}

/// Waits for a task in many short spells: a machine that stands still for long meanwhile uses up one of them, and not all
/// the patience.
async fn awaited<T>(mut task: JoinHandle<T>, patience: Duration) -> Option<Result<T, JoinError>> {
    const SPELLS: u32 = 100;
    for _ in 0..SPELLS {
        if let Ok(ended) = timeout(patience / SPELLS, &mut task).await {
            return Some(ended);
        }
    }
    None
}

/// Why a store lacks one of these capabilities, as the store itself tells.
async fn lacking(store: Arc<dyn EventStore>, needs: &'static [Capability]) -> Outcome<Option<&'static str>> {
    for need in needs {
        let lacks = match need {
            Capability::Rows if store.row_store().is_none() => "it keeps no rows: `row_store()` gives none",
            Capability::AppendAll if store.max_batch() == 1 => {
                "it takes one append at a time: `max_batch()` is 1"
            }
            Capability::Snapshots if !keeps_snapshots(&*store).await? => {
                "it keeps no snapshots: `snapshot()` gives none of what was kept"
            }
            _ => continue,
        };
        return Ok(Some(lacks));
    }
    Ok(None)
}

/// Keeps one of an aggregate that no case is about, and looks for it.
async fn keeps_snapshots(store: &dyn EventStore) -> Outcome<bool> {
    let key = SnapshotKey { aggregate: "Probe", tag: None, fingerprint: 0 };
    let probe = Snapshot { position: Position::new(1), state: Payload::from_stored("{}") };
    store.save_snapshot(&key, &probe).await?;
    Ok(store.snapshot(&key).await?.is_some())
}
