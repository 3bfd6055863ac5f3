//! Two processes of one app under load, on a file and on PostgreSQL. Each is killed at random moments and restarted.
//!
//! Without a server (`cargo xtask test` starts one) the test on PostgreSQL is listed as ignored.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // in helper functions too; skipped tests are printed

use std::{collections::BTreeSet, path::Path};

use annalist_faults_tests::{audit, control, location::Location, worker::Worker};
use libtest_mimic::{Arguments, Failed, Trial};
use uuid::Uuid;

const URL: &str = "ANNALIST_POSTGRES_URL";
/// The number of kills.
const KILLS: usize = 12;

fn main() {
    let url = std::env::var(URL).ok();
    let ignored = url.is_none();
    let mut trials = Vec::new();
    for (name, test) in [
        ("two_killed_processes", killed as fn(&Location) -> Result<(), Failed>),
        ("killed_holder_of_a_policy", killed_holder),
    ] {
        let url = url.clone().unwrap_or_default();
        trials.push(Trial::test(format!("sqlite::{name}"), move || on_a_file(test)));
        let on_a_server = Trial::test(format!("postgres::{name}"), move || on_a_server(&url, test));
        trials.push(on_a_server.with_ignored_flag(ignored));
    }
    if ignored {
        eprintln!("skipped, because {URL} names no server: two processes on PostgreSQL");
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn on_a_file(test: fn(&Location) -> Result<(), Failed>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    test(&Location::File(folder.path().join("bank.db").display().to_string()))
}

fn on_a_server(url: &str, test: fn(&Location) -> Result<(), Failed>) -> Result<(), Failed> {
    test(&Location::Schema(format!("faults_{}", Uuid::now_v7().simple()), url.to_owned()))
}

fn killed(location: &Location) -> Result<(), Failed> {
    let control = tempfile::tempdir()?;
    let acknowledged = kill_and_restart(location, control.path());
    tokio::runtime::Runtime::new()?.block_on(audit(location, &acknowledged, control.path()));
    Ok(())
}

/// Kills the process that runs the policy, three times. The other process takes over before its customers lose patience: they wait
/// until the policy has handled their commands.
fn killed_holder(location: &Location) -> Result<(), Failed> {
    let program = env!("CARGO_BIN_EXE_annalist-faults-tests");
    let runtime = tokio::runtime::Runtime::new()?;
    let holder = || runtime.block_on(location.holder());
    let mut first = Worker::start(program, location, None);
    for _ in 0..3 {
        first.await_customers(1);
        let mut second = Worker::start(program, location, None);
        second.await_customers(1);
        let before = holder();
        first.kill();
        second.await_customers(8);
        assert_ne!(holder(), before, "the killed process still holds the claim");
        first = second;
    }
    first.kill();
    runtime.block_on(async {
        let app = location.start().await.unwrap();
        audit::settle(&app).await;
        audit::each_bonus_was_paid_once(&audit::log(&app).await);
    });
    Ok(())
}

/// Returns the ids of all acknowledged commands.
fn kill_and_restart(location: &Location, folder: &Path) -> BTreeSet<String> {
    let program = env!("CARGO_BIN_EXE_annalist-faults-tests");
    // Only one process runs the control: in two it would count wrongly even without kills.
    let start = |number: usize| Worker::start(program, location, (number == 0).then_some(folder));
    let mut random = fastrand::Rng::new();
    let mut acknowledged = BTreeSet::new();
    let mut workers = [0, 1].map(|number| Some(start(number)));
    for kill in 0..KILLS {
        let (victim, other) = (kill % 2, 1 - kill % 2);
        let mut worker = workers[victim].take().unwrap();
        // Kills early or late, and sometimes during the start.
        worker.await_reports(if kill % 5 == 4 { 0 } else { random.usize(1..80) });
        acknowledged.extend(worker.kill());
        workers[other].as_mut().unwrap().await_customers(8);
        workers[victim] = Some(start(victim));
    }
    acknowledged.extend(workers.into_iter().flatten().flat_map(Worker::kill));
    acknowledged
}

async fn audit(location: &Location, acknowledged: &BTreeSet<String>, folder: &Path) {
    let app = location.start().await.unwrap();
    audit::settle(&app).await;
    let log = audit::log(&app).await;
    audit::acknowledged_commands_are_in_the_log(&log, acknowledged);
    audit::rows_are_the_fold(&app, &log).await;
    audit::each_bonus_was_paid_once(&log);
    audit::control_has_counted_twice(&log, control::counted(folder).await);
}
