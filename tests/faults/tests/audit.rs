//! Shows each check a violation, because a check that never fails may just not work.
#![allow(clippy::unwrap_used)] // in helper functions too

use std::collections::BTreeSet;

use annalist::{App, Memory, Position, Recorded};
use annalist_faults_tests::{audit, control::Counted, load};
use bank::{
    event::AccountEvent,
    policy::WelcomeBonus,
    projection::{Balance, Line},
};

type Log = Vec<Recorded<AccountEvent>>;

/// A bank without killed processes, with six accounts and their bonuses.
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
async fn correct_data_passes() {
    let (app, log) = bank().await;
    let ids = log.iter().map(|recorded| recorded.metadata.command_id.as_ref().unwrap().to_string());
    audit::acknowledged_commands_are_in_the_log(&log, &ids.collect());
    audit::rows_are_the_fold(&app, &log).await;
    audit::each_bonus_was_paid_once(&log);
    audit::control_has_counted_twice(&log, counted(13));
}

#[tokio::test]
#[should_panic(expected = "are lost")]
async fn lost_command_is_detected() {
    let (_, log) = bank().await;
    audit::acknowledged_commands_are_in_the_log(&log, &BTreeSet::from(["another".to_owned()]));
}

#[tokio::test]
#[should_panic(expected = "happened twice")]
async fn repeated_command_is_detected() {
    let (_, mut log) = bank().await;
    log.push(log[3].clone());
    audit::acknowledged_commands_are_in_the_log(&log, &BTreeSet::new());
}

#[tokio::test]
#[should_panic(expected = "assertion `left == right` failed")]
async fn rows_with_an_extra_event_are_detected() {
    let (app, mut log) = bank().await;
    log.pop();
    audit::rows_are_the_fold(&app, &log).await;
}

#[tokio::test]
#[should_panic(expected = "a second bonus")]
async fn second_bonus_is_detected() {
    let (_, mut log) = bank().await;
    log.push(log.iter().rfind(|recorded| is_bonus(recorded)).unwrap().clone());
    audit::each_bonus_was_paid_once(&log);
}

#[tokio::test]
#[should_panic(expected = "1 accounts have no bonus")]
async fn missing_bonus_is_detected() {
    let (_, mut log) = bank().await;
    log.remove(log.iter().position(is_bonus).unwrap());
    audit::each_bonus_was_paid_once(&log);
}

#[tokio::test]
#[should_panic(expected = "in spite of all kills")]
async fn correct_control_is_detected() {
    let (_, log) = bank().await;
    audit::control_has_counted_twice(&log, counted(12));
}
