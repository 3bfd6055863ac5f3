//! Shows each check something that is wrong: a check that finds nothing anywhere would be no check.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::collections::BTreeSet;

use annalist::{App, Memory, Position, Recorded};
use annalist_faults_tests::{apart::Counted, audit, load};
use bank::{
    event::AccountEvent,
    policy::WelcomeBonus,
    projection::{Balance, Line},
};

type Log = Vec<Recorded<AccountEvent>>;

/// A bank in which nobody is killed, with six accounts and their bonuses.
async fn bank() -> (App, Log) {
    let builder = App::builder(Memory::new()).projection::<Balance>().projection::<Line>();
    let app = builder.policy(WelcomeBonus).start().await.unwrap();
    load::prepare(&app).await;
    audit::settle(&app).await;
    let log = audit::log(&app).await;
    assert_eq!(log.len(), 12);
    (app, log)
}

fn is_bonus(recorded: &Recorded<AccountEvent>) -> bool {
    recorded.metadata.hops > 0
}

fn counted(events: u64) -> Counted {
    Counted { events, position: Position::new(12) }
}

#[tokio::test]
async fn what_is_right_passes() {
    let (app, log) = bank().await;
    let ids = log.iter().map(|recorded| recorded.metadata.command_id.as_ref().unwrap().to_string());
    audit::acknowledged_is_there(&log, &ids.collect());
    audit::rows_are_the_fold(&app, &log).await;
    audit::each_bonus_happened_once(&log);
    audit::the_control_counts_wrongly(&log, counted(13));
}

#[tokio::test]
#[should_panic(expected = "are lost")]
async fn a_lost_command_is_found() {
    let (_, log) = bank().await;
    audit::acknowledged_is_there(&log, &BTreeSet::from(["another".to_owned()]));
}

#[tokio::test]
#[should_panic(expected = "happened twice")]
async fn a_command_that_happened_twice_is_found() {
    let (_, mut log) = bank().await;
    log.push(log[3].clone());
    audit::acknowledged_is_there(&log, &BTreeSet::new());
}

#[tokio::test]
#[should_panic(expected = "assertion `left == right` failed")]
async fn rows_with_one_event_too_many_are_found() {
    let (app, mut log) = bank().await;
    log.pop();
    audit::rows_are_the_fold(&app, &log).await;
}

#[tokio::test]
#[should_panic(expected = "a second bonus")]
async fn a_second_bonus_is_found() {
    let (_, mut log) = bank().await;
    log.push(log.iter().rfind(|recorded| is_bonus(recorded)).unwrap().clone());
    audit::each_bonus_happened_once(&log);
}

#[tokio::test]
#[should_panic(expected = "1 accounts have no bonus")]
async fn a_missing_bonus_is_found() {
    let (_, mut log) = bank().await;
    log.remove(log.iter().position(is_bonus).unwrap());
    audit::each_bonus_happened_once(&log);
}

#[tokio::test]
#[should_panic(expected = "in spite of all kills")]
async fn a_control_that_counts_right_is_found() {
    let (_, log) = bank().await;
    audit::the_control_counts_wrongly(&log, counted(12));
}
