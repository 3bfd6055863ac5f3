//! Queries that are answered once.

use std::{sync::Arc, time::Duration};

use annalist::{App, Error, Memory, prelude::*, projection::ProjectionOptions, query::ReadModels};
use annalist_flow_tests::{
    domain::account,
    read_model::{Balance, EventCount},
};
use tokio::time::Instant;

use super::{
    Accounts, Richest, balance_and_count, balance_of, gated_rows::GatedRows, names, on_each_store, pay,
};

#[tokio::test]
async fn answer_after_a_receipt_includes_its_events() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for round in 1..=20 {
            let receipt = pay(&app, "a", 2).await;
            let row = app.ask(balance_of("a")).after(&receipt).await.unwrap().unwrap();
            assert_eq!((row.cents, row.events), (2 * round, round));
        }
        assert_eq!(app.ask(balance_of("unknown")).await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn rows_are_listed_by_index() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for (name, amount) in [("ann", 5), ("bob", 3), ("cat", 5), ("dan", 9), ("eve", 1)] {
            pay(&app, name, amount).await;
        }
        app.wait_until_caught_up().await.unwrap();
        let page = app.ask(Accounts { from: Some(5), cursor: None }).await.unwrap();
        assert_eq!((names(&page), page.next), (["ann", "cat", "dan"].map(String::from).to_vec(), None));
        let page = app.ask(Richest::default()).await.unwrap();
        assert_eq!(names(&page), ["dan", "cat", "ann"]);
        let page = app.ask(Richest { cursor: page.next }).await.unwrap();
        assert_eq!((names(&page), page.next), (["bob", "eve"].map(String::from).to_vec(), None));
    })
    .await;
}

/// Each row that exists during the whole iteration is returned once, whatever other rows change.
#[tokio::test]
async fn pages_return_each_row_once_while_rows_change() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for number in 10..40 {
            pay(&app, &format!("n{number}"), 1).await;
        }
        app.wait_until_caught_up().await.unwrap();
        let (mut seen, mut query, mut round) = (Vec::new(), Accounts::default(), 0);
        loop {
            let page = app.ask(query.clone()).await.unwrap();
            seen.extend(names(&page).into_iter().filter(|name| !name.contains('x')));
            let Some(next) = page.next else { break };
            // The cursor is sent as text. Meanwhile rows are added before and after the page, and changed on it.
            query.cursor = Some(next.to_string().parse().unwrap());
            for name in [format!("a-x{round}"), format!("n{}-x", 10 + 3 * round), format!("n{}", 10 + round)]
            {
                let receipt = pay(&app, &name, 7).await;
                app.ask(balance_of(&name)).after(&receipt).await.unwrap();
            }
            round += 1;
        }
        assert_eq!(seen, (10..40).map(|number| format!("n{number}")).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn cursor_of_another_query_is_refused() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for name in ["a", "b", "c", "d"] {
            pay(&app, name, 1).await;
        }
        app.wait_until_caught_up().await.unwrap();
        let next = app.ask(Accounts::default()).await.unwrap().next;
        for wrong in [
            app.ask(Richest { cursor: next.clone() }).await.unwrap_err(),
            app.ask(Accounts { from: Some(1), cursor: next.clone() }).await.unwrap_err(),
        ] {
            assert!(matches!(wrong, Error::Invalid(_)), "{wrong:?}");
            assert!(wrong.to_string().contains("another query"), "{wrong}");
        }
        let page = app.ask(Accounts { from: None, cursor: next }).await.unwrap();
        assert_eq!(names(&page), ["d"]);
        // A forged cursor is refused as any other invalid input.
        let forged = r#"{"query":"balances_v1","sort":null,"key":[{"text":"a\u0000"}]}"#.parse().unwrap();
        let error = app.ask(Accounts { from: None, cursor: Some(forged) }).await.unwrap_err();
        assert!(error.to_string().contains("NUL"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn invalid_filter_is_refused_with_the_possible_columns() {
    let app = App::builder(Memory::new()).projection::<Balance>().start().await.unwrap();
    let error = app.list::<Balance>().at_least("events", &1i64).await.unwrap_err().to_string();
    assert!(error.contains("account, cents") && error.contains("#[index]"), "{error}");
    let error = app.list::<Balance>().below("cents", &"1".to_owned()).await.unwrap_err().to_string();
    assert!(error.contains("another type"), "{error}");
    let missing = app.ask(balance_and_count("a")).await.unwrap_err();
    assert!(missing.to_string().contains(".projection::<"), "{missing}");
}

#[tokio::test]
async fn answer_after_a_receipt_includes_it_in_every_model() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().projection::<EventCount>().start().await.unwrap();
        for round in 1..=20 {
            let receipt = pay(&app, "a", 3).await;
            let answer = app.ask(balance_and_count("a")).after(&receipt).await.unwrap();
            assert_eq!(answer, (Some(3 * round), Some(round)));
        }
    })
    .await;
}

/// One model includes the write, the other one does not yet: without the receipt the answer combines both.
#[tokio::test(start_paused = true)]
async fn answer_waits_for_its_slowest_model_until_the_timeout() {
    let slow = Arc::new(GatedRows::new());
    let builder = App::builder(Memory::new()).projection::<Balance>();
    let app = builder
        .projection_with::<EventCount>(ProjectionOptions::new().rows(Arc::clone(&slow)))
        .start()
        .await
        .unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.commits.close();
    let receipt = pay(&app, "a", 3).await;
    slow.commits.until_held().await;
    app.ask(balance_of("a")).after(&receipt).await.unwrap();
    assert_eq!(app.ask(balance_and_count("a")).await.unwrap(), (Some(3), None));

    let error =
        app.ask(balance_and_count("a")).after(&receipt).timeout(Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "event_counts", .. }), "{error:?}");

    let answer = tokio::spawn(app.ask(balance_and_count("a")).after(&receipt).into_future());
    slow.commits.open();
    assert_eq!(answer.await.unwrap().unwrap(), (Some(3), Some(1)));
}

/// Waits for two models that are not caught up, one after the other.
struct TwoSlowModels;

impl Query for TwoSlowModels {
    type Answer = [bool; 2];

    async fn answer(&self, models: &ReadModels) -> Result<[bool; 2], Error> {
        let first = models.find::<Balance>(&account("a")).await.is_err();
        let second = models.wait_for::<EventCount>().await.is_err();
        Ok([first, second])
    }
}

#[tokio::test(start_paused = true)]
async fn timeout_applies_to_the_whole_answer() {
    let slow = Arc::new(GatedRows::new());
    let builder = App::builder(Memory::new()).rows(Arc::clone(&slow)).projection::<Balance>();
    let app = builder.projection::<EventCount>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.commits.close();
    let receipt = pay(&app, "a", 3).await;
    // The paused clock advances only while every task waits.
    let before = Instant::now();
    let behind = app.ask(TwoSlowModels).after(&receipt).timeout(Duration::from_secs(7)).await.unwrap();
    assert_eq!(behind, [true, true]);
    assert!(before.elapsed() < Duration::from_secs(8), "{:?}", before.elapsed());
    assert_eq!(app.ask(TwoSlowModels).timeout(Duration::MAX).await.unwrap(), [false, false]);
}

/// Waits for a projection by its name, as a query in SQL does.
struct Named(&'static str);

impl Query for Named {
    type Answer = ();

    async fn answer(&self, models: &ReadModels) -> Result<(), Error> {
        models.wait_for_name(self.0).await
    }
}

#[tokio::test]
async fn query_waits_for_a_projection_by_its_name() {
    let slow = Arc::new(GatedRows::new());
    let app =
        App::builder(Memory::new()).rows(Arc::clone(&slow)).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.commits.close();
    let receipt = pay(&app, "a", 3).await;
    let error = app.ask(Named("balances")).after(&receipt).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "balances", .. }), "{error:?}");
    slow.commits.open();
    app.ask(Named("balances")).after(&receipt).await.unwrap();
    let error = app.ask(Named("balance")).await.unwrap_err().to_string();
    assert!(error.contains("`balance`") && error.contains("it runs: balances"), "{error}");
}

struct Panics(bool);

impl Query for Panics {
    type Answer = ();

    fn answer(&self, _: &ReadModels) -> impl Future<Output = Result<(), Error>> + Send {
        assert!(self.0, "before it is a future");
        async { panic!("while it is one") }
    }
}

#[tokio::test]
async fn panic_in_a_query_is_an_error() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    for (later, message) in [(false, "before it is a future"), (true, "while it is one")] {
        let error = app.ask(Panics(later)).await.unwrap_err();
        assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
        assert!(error.to_string().contains(message) && error.to_string().contains("Panics"), "{error}");
    }
}
