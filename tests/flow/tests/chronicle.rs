//! Random histories of a read model: commands, restarts in another way of keeping it, builds anew, poison and its cure, a new
//! version. In the end the rows are the plain fold of the commands, whatever came in between.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::collections::BTreeMap;

use annalist::{
    ExecuteError, Memory,
    app::App,
    projection::{Projection, ProjectionOptions},
};
use annalist_flow_tests::{
    domain::{AccountId, deposit, transfer_of},
    stage::{Stage, until},
    versions::{Strict, Tally, Tenths},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};

/// How a program keeps the read model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Background,
    Inline,
    /// With a handler that stops at large amounts, which are parked.
    Parking,
    /// In the next version. There is no way back.
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
    /// Until all of it is in the rows.
    Rest,
    Restart {
        way: Way,
        orderly: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let way = prop_oneof![
        4 => Just(Way::Background),
        4 => Just(Way::Inline),
        4 => Just(Way::Parking),
        1 => any::<bool>().prop_map(|inline| Way::Next { inline }),
    ];
    // One payment in eight is poison for some.
    let amount = prop_oneof![7 => 1..100u64, 1 => Just(5000)];
    prop_oneof![
        6 => (0..4u8, amount).prop_map(|(name, amount)| Step::Pay(name, amount)),
        3 => (0..4u8, 0..4u8, 1..50u64).prop_map(|(from, to, amount)| Step::Move(from, to, amount)),
        1 => Just(Step::Rebuild),
        1 => Just(Step::Retry),
        2 => Just(Step::Rest),
        2 => (way, any::<bool>()).prop_map(|(way, orderly)| Step::Restart { way, orderly }),
    ]
}

fn name(number: u8) -> String {
    format!("a{number}")
}

async fn start(stage: &Stage, way: Way) -> App {
    let builder = stage.app().await;
    let keep = match way {
        Way::Inline | Way::Next { inline: true } => ProjectionOptions::new().inline().park(),
        _ => ProjectionOptions::new().park(),
    };
    let builder = match way {
        Way::Background | Way::Inline => builder.projection_with::<Tally>(keep),
        Way::Parking => builder.projection_with::<Strict>(keep),
        Way::Next { .. } => builder.projection_with::<Tenths>(keep),
    };
    builder.start().await.unwrap()
}

/// Plays a history, and gives what has to be in the accounts.
async fn play(stage: &Stage, steps: &[Step]) -> BTreeMap<String, i64> {
    let (mut sums, mut way) = (BTreeMap::new(), Way::Background);
    let mut app = start(stage, way).await;
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
            Step::Rest => app.wait_until_caught_up().await.unwrap(),
            Step::Retry => drop(app.retry_parked("tallies").await.unwrap()),
            Step::Restart { way: next, orderly } => {
                if *orderly {
                    app.shut_down().await;
                }
                drop(app);
                way = if matches!(way, Way::Next { .. }) && !matches!(next, Way::Next { .. }) {
                    way
                } else {
                    *next
                };
                app = start(stage, way).await;
            }
        }
    }
    app.shut_down().await;
    sums
}

/// The rows of a version once its newest build is there and nothing is parked in it any more.
async fn rows<P: Projection>(stage: &Stage, sum: fn(P) -> (AccountId, i64)) -> BTreeMap<String, i64> {
    let keep = ProjectionOptions::new().park();
    let app = stage.app().await.projection_with::<P>(keep).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let overview = app.overview().await.unwrap();
    let own = overview[0].builds.iter().rfind(|build| build.version == P::TABLE.version);
    let newest = own.unwrap().order();
    until(&app, "tallies", |status| status.reads.is_some_and(|table| table.order() == newest)).await;
    while app.retry_parked("tallies").await.unwrap().parked > 0
        || !app.parked("tallies").await.unwrap().is_empty()
    {
        app.wait_until_caught_up().await.unwrap();
    }
    let page = app.list::<P>().await.unwrap();
    page.rows.into_iter().map(sum).map(|(account, sum)| (account.to_string(), sum)).collect()
}

async fn check(stage: &Stage, steps: &[Step]) {
    let sums = play(stage, steps).await;
    let tenths = sums.iter().map(|(name, sum)| (name.clone(), 10 * sum)).collect();
    assert_eq!(rows::<Tally>(stage, |row| (row.account, row.sum)).await, sums);
    assert_eq!(rows::<Tenths>(stage, |row| (row.account, row.sum)).await, tenths);
}

fn on(cases: u32, stage: fn() -> Stage) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let played = TestRunner::new(config).run(&vec(step(), 0..40), |steps| {
        runtime().block_on(check(&stage(), &steps));
        Ok(())
    });
    played.unwrap();
}

#[test]
fn rows_are_the_plain_fold_in_memory() {
    on(60, || Stage::Memory(Memory::new()));
}

#[test]
fn rows_are_the_plain_fold_in_a_file() {
    on(8, Stage::file);
}

/// The control: a fold that forgets one payment is found.
#[tokio::test]
#[should_panic(expected = "left == right")]
async fn a_forgotten_payment_is_found() {
    let stage = Stage::Memory(Memory::new());
    let steps = [Step::Pay(0, 1), Step::Restart { way: Way::Inline, orderly: true }, Step::Pay(0, 2)];
    play(&stage, &steps).await;
    check(&stage, &steps).await;
}
