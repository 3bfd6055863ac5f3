//! Two processes of one app under load, on a file and on PostgreSQL. Each is killed at random moments and started again.
//!
//! Without a server (`cargo xtask test` starts one) the test on PostgreSQL is listed as ignored.
#![allow(clippy::unwrap_used, clippy::print_stderr)] // in the helpers too; what is left out is said

use std::{collections::BTreeSet, path::Path};

use annalist_faults_tests::{apart, audit, place::Place, worker::Worker};
use libtest_mimic::{Arguments, Failed, Trial};
use uuid::Uuid;

const URL: &str = "ANNALIST_POSTGRES_URL";
/// How often a process is killed, one after the other.
const KILLS: usize = 12;

fn main() {
    let url = std::env::var(URL).ok();
    let ignored = url.is_none();
    let trials = vec![
        Trial::test("sqlite::two_processes_that_are_killed", on_a_file),
        Trial::test("postgres::two_processes_that_are_killed", move || on_a_server(&url.unwrap_or_default()))
            .with_ignored_flag(ignored),
    ];
    if ignored {
        eprintln!("left out, because {URL} names no server: two processes on PostgreSQL");
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn on_a_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    killed(&Place::File(folder.path().join("bank.db").display().to_string()))
}

fn on_a_server(url: &str) -> Result<(), Failed> {
    killed(&Place::Schema(format!("faults_{}", Uuid::now_v7().simple()), url.to_owned()))
}

fn killed(place: &Place) -> Result<(), Failed> {
    let control = tempfile::tempdir()?;
    let acknowledged = kill_and_start_again(place, control.path());
    tokio::runtime::Runtime::new()?.block_on(audit(place, &acknowledged, control.path()));
    Ok(())
}

/// Gives the ids of all commands that were acknowledged to somebody.
fn kill_and_start_again(place: &Place, folder: &Path) -> BTreeSet<String> {
    let program = env!("CARGO_BIN_EXE_annalist-faults-tests");
    // The control is in one of them only: it would count wrongly in two even if nobody were killed.
    let start = |number: usize| Worker::start(program, place, (number == 0).then_some(folder));
    let mut random = fastrand::Rng::new();
    let mut acknowledged = BTreeSet::new();
    let mut workers = [0, 1].map(|number| Some(start(number)));
    for kill in 0..KILLS {
        let (victim, other) = (kill % 2, 1 - kill % 2);
        let mut worker = workers[victim].take().unwrap();
        // Sooner or later, and now and then before it has found its way in.
        worker.says(if kill % 5 == 4 { 0 } else { random.usize(1..80) });
        acknowledged.extend(worker.kill());
        workers[other].as_mut().unwrap().goes_on(8);
        workers[victim] = Some(start(victim));
    }
    acknowledged.extend(workers.into_iter().flatten().flat_map(Worker::kill));
    acknowledged
}

async fn audit(place: &Place, acknowledged: &BTreeSet<String>, folder: &Path) {
    let app = place.start().await.unwrap();
    audit::settle(&app).await;
    let log = audit::log(&app).await;
    audit::acknowledged_is_there(&log, acknowledged);
    audit::rows_are_the_fold(&app, &log).await;
    audit::each_bonus_happened_once(&log);
    audit::the_control_counts_wrongly(&log, apart::counted(folder).await);
}
