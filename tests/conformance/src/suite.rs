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
    Capability, Case, Failure, Settings, StoreUnderTest, cases,
    failure::{Outcome, panicked},
    store_under_test::FactoryFor,
    support::log::{Log, Logs},
};

/// Runs all cases on a store: the `main` of a test with `harness = false`. Settings come from the environment, the
/// choice of cases from the command line.
///
/// # Panics
/// If a setting in the environment is not a whole number.
pub fn run<S: StoreUnderTest>(store: S) -> ! {
    let suite = Arc::new(Suite::new(store, Settings::from_env()));
    let trials = cases().iter().map(|case| suite.trial(case)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}

/// Lists every case as ignored, for a store that cannot be tested on this machine: `skip("postgres", "no server: …")`.
pub fn skip(name: &str, reason: &str) -> ! {
    let ignored = |case: &Case| {
        let reason = reason.to_owned();
        Trial::ignorable_test(format!("{name}::{}", case.name()), move || {
            Ok(Completion::ignored_with(reason))
        })
    };
    libtest_mimic::run(&Arguments::from_args(), cases().iter().map(ignored).collect()).exit()
}

/// A store and the settings of its run, for programs that read the verdicts themselves. Most stores need only [`run`].
#[derive(Debug)]
pub struct Suite<S> {
    store: Arc<S>,
    settings: Settings,
}

/// The result of one case.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The case found no fault.
    Passed,
    /// The case found a fault.
    Failed(Failure),
    /// The case did not end within [`Settings::timeout`].
    TimedOut,
    /// The case was not run because it needs a capability that the store does not support, for this reason.
    Skipped(&'static str),
}

impl<S: StoreUnderTest> Suite<S> {
    /// Creates the suite for a store.
    pub fn new(store: S, settings: Settings) -> Self {
        Self { store: Arc::new(store), settings }
    }

    /// Runs one case, on its own runtime and its own logs.
    ///
    /// # Panics
    /// If no runtime can be started.
    pub fn check(&self, case: &Case) -> Verdict {
        if let Some(reason) = case.needs().iter().find_map(|need| self.store.unsupported(*need)) {
            return Verdict::Skipped(reason);
        }
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime for the case");
        let verdict = runtime.block_on(self.run_on_new_logs(case));
        // Does not wait for the tasks of a case that timed out.
        runtime.shutdown_background();
        verdict.unwrap_or_else(Verdict::Failed)
    }

    async fn run_on_new_logs(&self, case: &Case) -> Outcome<Verdict> {
        let logs = Logs::new(FactoryFor(Arc::clone(&self.store)), self.settings);
        let log = Log::new(&logs).await?;
        let (missing_capability, run) = (missing_capability(log.store(), case.needs()), case.run(log));
        // In its own task, so that a panic of the case becomes its failure.
        let task = tokio::spawn(async move {
            match missing_capability.await? {
                Some(reason) => Ok(Verdict::Skipped(reason)),
                None => run.await.map(|()| Verdict::Passed),
            }
        });
        let verdict = match join_within(task, self.settings.timeout).await {
            Some(Ok(verdict)) => verdict,
            Some(Err(error)) => Err(panicked(error)),
            None => Ok(Verdict::TimedOut),
        };
        let removed = logs.remove().await;
        verdict.and_then(|verdict| removed.map(|()| verdict))
    }

    fn trial(self: &Arc<Self>, case: &'static Case) -> Trial {
        let suite = Arc::clone(self);
        Trial::ignorable_test(format!("{}::{}", S::NAME, case.name()), move || match suite.check(case) {
            Verdict::Passed => Ok(Completion::Completed),
            Verdict::Skipped(reason) => Ok(Completion::ignored_with(reason)),
            Verdict::TimedOut => {
                Err(suite.failed(format!("the case did not end within {:?}", suite.settings.timeout)))
            }
            Verdict::Failed(failure) => Err(suite.failed(failure)),
        })
    }

    fn failed(&self, reason: impl Display) -> Failed {
        Failed::from(format!("{reason}\n  repeat with ANNALIST_CONFORMANCE_SEED={}", self.settings.seed))
    }
}

/// Joins a task, or returns `None` after a time limit. The limit consists of many short intervals: a suspension of the
/// machine uses up one interval and not the whole limit.
async fn join_within<T>(mut task: JoinHandle<T>, limit: Duration) -> Option<Result<T, JoinError>> {
    const INTERVALS: u32 = 100;
    for _ in 0..INTERVALS {
        if let Ok(ended) = timeout(limit / INTERVALS, &mut task).await {
            return Some(ended);
        }
    }
    None
}

/// Returns the reason if the store lacks one of the capabilities that can be detected.
async fn missing_capability(
    store: Arc<dyn EventStore>,
    needs: &'static [Capability],
) -> Outcome<Option<&'static str>> {
    for need in needs {
        let reason = match need {
            Capability::Rows if store.row_store().is_none() => "no rows: `row_store()` returns `None`",
            Capability::Keys if store.key_store().is_none() => "no keys: `key_store()` returns `None`",
            Capability::AppendBatch if store.max_batch() == 1 => "no batches of appends: `max_batch()` is 1",
            Capability::Snapshots if !saves_snapshots(&*store).await? => {
                "no snapshots: `snapshot()` returns `None` after `save_snapshot()`"
            }
            Capability::Import if store.import().await.is_err() => "no imports: `import()` returns an error",
            _ => continue,
        };
        return Ok(Some(reason));
    }
    Ok(None)
}

/// Saves a snapshot under a key that no case uses, and looks for it.
async fn saves_snapshots(store: &dyn EventStore) -> Outcome<bool> {
    let key = SnapshotKey { aggregate: "Probe", tag: None, fingerprint: 0 };
    let probe = Snapshot { position: Position::new(1), state: Payload::from_stored("{}") };
    store.save_snapshot(&key, &probe).await?;
    Ok(store.snapshot(&key).await?.is_some())
}
