//! Random histories of a read model: commands, restarts in another mode, rebuilds, poison events with retries, and a new
//! version.
//!
//! At the end the rows equal a plain fold of the commands.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::collections::BTreeMap;

use annalist::{
    ExecuteError, Memory,
    app::App,
    projection::{Projection, ProjectionOptions},
};
use annalist_flow_tests::{
    domain::{AccountId, deposit, transfer_of},
    test_log::{TestLog, wait_until},
    versions::{Strict, Tally, Tenths},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// The mode in which a program maintains the read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Background,
    Inline,
    /// With a handler that fails on large amounts, which are parked.
    Parking,
    /// In the next version. No later restart returns to the first one.
    Next {
        inline: bool,
    },
}

#[derive(Clone, Debug)]
enum Step {
    Pay(u8, u64),
    Move(u8, u8, u64),
    Rebuild,
    Retry,
    /// Waits until the rows include every event.
    CatchUp,
    Restart {
        mode: Mode,
        graceful: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let mode = prop_oneof![
        4 => Just(Mode::Background),
        4 => Just(Mode::Inline),
        4 => Just(Mode::Parking),
        1 => any::<bool>().prop_map(|inline| Mode::Next { inline }),
    ];
    // One payment in eight is a poison event for the mode `Parking`.
    let amount = prop_oneof![7 => 1..100u64, 1 => Just(5000)];
    prop_oneof![
        6 => (0..4u8, amount).prop_map(|(name, amount)| Step::Pay(name, amount)),
        3 => (0..4u8, 0..4u8, 1..50u64).prop_map(|(from, to, amount)| Step::Move(from, to, amount)),
        1 => Just(Step::Rebuild),
        1 => Just(Step::Retry),
        2 => Just(Step::CatchUp),
        2 => (mode, any::<bool>()).prop_map(|(mode, graceful)| Step::Restart { mode, graceful }),
    ]
}

fn name(number: u8) -> String {
    format!("a{number}")
}

async fn start(log: &TestLog, mode: Mode) -> App {
    let builder = log.app().await;
    let options = match mode {
        Mode::Inline | Mode::Next { inline: true } => ProjectionOptions::new().inline().park(),
        _ => ProjectionOptions::new().park(),
    };
    let builder = match mode {
        Mode::Background | Mode::Inline => builder.projection_with::<Tally>(options),
        Mode::Parking => builder.projection_with::<Strict>(options),
        Mode::Next { .. } => builder.projection_with::<Tenths>(options),
    };
    builder.start().await.unwrap()
}

/// Executes a history, and returns the expected sums of the accounts.
async fn run(log: &TestLog, steps: &[Step]) -> BTreeMap<String, i64> {
    let (mut sums, mut mode) = (BTreeMap::new(), Mode::Background);
    let mut app = start(log, mode).await;
    for step in steps {
        match step {
            Step::Pay(to, amount) => {
                app.execute(deposit(&name(*to), *amount)).await.unwrap();
                *sums.entry(name(*to)).or_default() += amount.cast_signed();
            }
            Step::Move(from, to, amount) => {
                match app.execute(transfer_of(&name(*from), &name(*to), *amount)).await {
                    Ok(_) => {
                        *sums.entry(name(*from)).or_default() -= amount.cast_signed();
                        *sums.entry(name(*to)).or_default() += amount.cast_signed();
                    }
                    Err(ExecuteError::Rejected(_)) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            Step::Rebuild => app.rebuild("tallies").await.unwrap(),
            Step::CatchUp => app.wait_until_caught_up().await.unwrap(),
            Step::Retry => drop(app.retry_parked("tallies").await.unwrap()),
            Step::Restart { mode: next, graceful } => {
                if *graceful {
                    app.shut_down().await;
                }
                drop(app);
                mode = if matches!(mode, Mode::Next { .. }) && !matches!(next, Mode::Next { .. }) {
                    mode
                } else {
                    *next
                };
                app = start(log, mode).await;
            }
        }
    }
    app.shut_down().await;
    sums
}

/// The rows of a version, after its newest build is live and every parked event is handled.
async fn rows<P: Projection>(log: &TestLog, sum: fn(P) -> (AccountId, i64)) -> BTreeMap<String, i64> {
    let options = ProjectionOptions::new().park();
    let app = log.app().await.projection_with::<P>(options).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let overview = app.overview().await.unwrap();
    let own = overview[0].builds.iter().rfind(|build| build.version == P::TABLE.version);
    let newest = own.unwrap().order();
    wait_until(&app, "tallies", |status| status.reads.is_some_and(|table| table.order() == newest)).await;
    while app.retry_parked("tallies").await.unwrap().parked > 0
        || !app.parked("tallies").await.unwrap().is_empty()
    {
        app.wait_until_caught_up().await.unwrap();
    }
    let page = app.list::<P>().await.unwrap();
    page.rows.into_iter().map(sum).map(|(account, sum)| (account.to_string(), sum)).collect()
}

async fn check(log: &TestLog, steps: &[Step]) {
    let sums = run(log, steps).await;
    let tenths = sums.iter().map(|(name, sum)| (name.clone(), 10 * sum)).collect();
    assert_eq!(rows::<Tally>(log, |row| (row.account, row.sum)).await, sums);
    assert_eq!(rows::<Tenths>(log, |row| (row.account, row.sum)).await, tenths);
}

fn check_random(cases: u32, log: fn() -> TestLog) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&vec(step(), 0..40), |steps| {
        runtime().block_on(check(&log(), &steps));
        Ok(())
    });
    result.unwrap();
}

#[test]
fn rows_equal_the_plain_fold_in_memory() {
    check_random(60, || TestLog::Memory(Memory::new()));
}

#[test]
fn rows_equal_the_plain_fold_in_a_file() {
    check_random(8, TestLog::file);
}

/// The control: a payment that is missing in the expected sums is detected.
#[tokio::test]
#[should_panic(expected = "left == right")]
async fn missing_payment_is_detected() {
    let log = TestLog::Memory(Memory::new());
    let steps = [Step::Pay(0, 1), Step::Restart { mode: Mode::Inline, graceful: true }, Step::Pay(0, 2)];
    run(&log, &steps).await;
    check(&log, &steps).await;
}
