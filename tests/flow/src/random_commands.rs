//! Random commands over every shape of ids, executed concurrently, and an oracle that checks them against the final log.
//!
//! Every event records what its decision saw. The oracle folds the log with a model of its own and compares: each decision was
//! made on the states at its position. A rejection was made on states that the log had during the call.

mod oracle;
mod shapes;

use std::{sync::Arc, time::Duration};

use annalist::{App, ExecuteError, Receipt};
use fastrand::Rng;
use tokio::{task::JoinSet, time::timeout};

pub use self::oracle::Commits;
use self::{
    oracle::{Executed, check},
    shapes::{Entry, Refused, Shaped},
};

/// Longer than any call takes; a call without an answer fails.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// The seed of a run, to repeat its commands. Their interleaving differs.
const SEED: &str = "ANNALIST_FLOW_SEED";

/// How many tasks execute how many commands each.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The number of tasks.
    pub tasks: usize,
    /// The number of commands of a task.
    pub commands: usize,
}

/// How many commands were accepted and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted.
    pub accepted: usize,
    /// Rejected.
    pub rejected: usize,
}

/// Executes random commands on two apps of one store, and checks all of them against the final log.
///
/// # Errors
/// What is wrong, with the seed.
pub async fn run(apps: [App; 2], size: Size, commits: Commits) -> Result<Counts, String> {
    let seed =
        std::env::var(SEED).ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    let result = run_with(apps, size, commits, Rng::with_seed(seed)).await;
    result.map_err(|error| format!("{error}\n(repeat the commands with {SEED}={seed})"))
}

async fn run_with(apps: [App; 2], size: Size, commits: Commits, mut random: Rng) -> Result<Counts, String> {
    let mut tasks = JoinSet::new();
    let store = Arc::clone(apps[0].store());
    for task in 0..size.tasks {
        let (apps, random) = (apps.clone(), random.fork());
        tasks.spawn(execute_all(apps, random, (task * size.commands) as u64, size.commands));
    }
    let mut calls = Vec::new();
    while let Some(task) = tasks.join_next().await {
        calls.extend(task.map_err(|panic| panic.to_string())??);
    }
    check(&*store, &calls, commits).await?;
    let accepted = calls.iter().filter(|call| call.outcome.is_ok()).count();
    Ok(Counts { accepted, rejected: calls.len() - accepted })
}

/// Executes random commands one after the other.
async fn execute_all(
    apps: [App; 2],
    mut random: Rng,
    first: u64,
    count: usize,
) -> Result<Vec<Executed>, String> {
    let mut calls = Vec::with_capacity(count);
    for op in first..first + count as u64 {
        let (command, app) = (Shaped::random(op, &mut random), &apps[random.usize(..2)]);
        let settled = app.store().settled().await.map_err(|error| error.to_string())?;
        let outcome = execute(app, &command, None).await?;
        calls.push(Executed { op, from: settled.position, outcome });
        // A command with an id is executed by both apps, and accepted once.
        if random.u8(..8) == 0 {
            let op = op | Entry::WITH_ID;
            let (command, id) = (command.with_op(op), format!("op-{op}"));
            let first = execute(app, &command, Some(&id)).await?;
            if let Ok(receipt) = &first {
                for app in &apps {
                    let again = execute(app, &command, Some(&id)).await?;
                    if again.as_ref().map(Receipt::position) != Ok(receipt.position()) {
                        return Err(format!("{command:?} has the receipt {receipt:?}, and then {again:?}"));
                    }
                }
            }
            calls.push(Executed { op, from: settled.position, outcome: first });
        }
    }
    Ok(calls)
}

/// Executes a command. An error that is no rejection fails the run.
async fn execute(app: &App, command: &Shaped, id: Option<&str>) -> Result<Result<Receipt, Refused>, String> {
    let execution = app.execute(command.clone());
    let execution = match id {
        Some(id) => execution.id(id.to_owned()),
        None => execution,
    };
    match timeout(CALL_TIMEOUT, execution.into_future()).await {
        Ok(Ok(receipt)) => Ok(Ok(receipt)),
        Ok(Err(ExecuteError::Rejected(refused))) => Ok(Err(refused)),
        Ok(Err(error)) => Err(format!("{command:?}: {error}")),
        Err(_) => Err(format!("{command:?} has no answer after {CALL_TIMEOUT:?}")),
    }
}
