//! Questions that are asked once.

use std::{sync::Arc, time::Duration};

use annalist::{App, Error, Memory, manual::ReadModels, prelude::*};
use annalist_flow_tests::{
    domain::account,
    read_model::{Balance, Believed},
};
use tokio::time::Instant;

use super::{Accounts, Richest, balance_of, both, gated::Gated, names, on_each_store, pay};

#[tokio::test]
async fn a_row_shows_what_its_receipt_did() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for round in 1..=20 {
            let receipt = pay(&app, "a", 2).await;
            let row = app.ask(balance_of("a")).after(&receipt).await.unwrap().unwrap();
            assert_eq!((row.cents, row.events), (2 * round, round));
        }
        assert_eq!(app.ask(balance_of("nobody")).await.unwrap(), None);
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

/// Whatever comes, goes on and moves in between: who was there all the time is seen once.
#[tokio::test]
async fn pages_show_everything_once_while_rows_change() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().start().await.unwrap();
        for number in 10..40 {
            pay(&app, &format!("n{number}"), 1).await;
        }
        app.wait_until_caught_up().await.unwrap();
        let (mut seen, mut question, mut round) = (Vec::new(), Accounts::default(), 0);
        loop {
            let page = app.ask(question.clone()).await.unwrap();
            seen.extend(names(&page).into_iter().filter(|name| !name.contains('x')));
            let Some(next) = page.next else { break };
            // The cursor travels, and meanwhile rows come before and behind the page, and change on it.
            question.cursor = Some(next.to_string().parse().unwrap());
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
async fn cursors_belong_to_their_question() {
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
        // A forged one is no worse than any other wrong input.
        let forged = r#"{"query":"balances_v1","sort":null,"key":[{"text":"a\u0000"}]}"#.parse().unwrap();
        let error = app.ask(Accounts { from: None, cursor: Some(forged) }).await.unwrap_err();
        assert!(error.to_string().contains("NUL"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_list_says_what_it_can_be_asked_by() {
    let app = App::builder(Memory::new()).projection::<Balance>().start().await.unwrap();
    let error = app.list::<Balance>().at_least("events", &1i64).await.unwrap_err().to_string();
    assert!(error.contains("account, cents") && error.contains("#[index]"), "{error}");
    let error = app.list::<Balance>().below("cents", &"1".to_owned()).await.unwrap_err().to_string();
    assert!(error.contains("another type"), "{error}");
    let missing = app.ask(both("a")).await.unwrap_err();
    assert!(missing.to_string().contains(".projection::<"), "{missing}");
}

#[tokio::test]
async fn one_answer_shows_the_same_write_in_all_its_models() {
    on_each_store(async |builder| {
        let app = builder.projection::<Balance>().projection::<Believed>().start().await.unwrap();
        for round in 1..=20 {
            let receipt = pay(&app, "a", 3).await;
            let answer = app.ask(both("a")).after(&receipt).await.unwrap();
            assert_eq!(answer, (Some(3 * round), Some(round)));
        }
    })
    .await;
}

/// One model shows the write and the other does not: without the position of the receipt the answer has both states.
#[tokio::test(start_paused = true)]
async fn an_answer_waits_for_the_last_of_its_models_until_its_deadline() {
    let slow = Arc::new(Gated::new());
    let builder = App::builder(Memory::new()).projection::<Balance>();
    let app = builder.projection_in::<Believed>(Arc::clone(&slow)).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.changes.close();
    let receipt = pay(&app, "a", 3).await;
    slow.changes.reached().await;
    app.ask(balance_of("a")).after(&receipt).await.unwrap();
    assert_eq!(app.ask(both("a")).await.unwrap(), (Some(3), None));

    let error = app.ask(both("a")).after(&receipt).timeout(Duration::from_secs(60)).await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "believed", .. }), "{error:?}");

    let answer = tokio::spawn(app.ask(both("a")).after(&receipt).into_future());
    slow.changes.let_go();
    assert_eq!(answer.await.unwrap().unwrap(), (Some(3), Some(1)));
}

/// Asks two models that are behind, one after the other.
struct Patient;

impl Query for Patient {
    type Answer = [bool; 2];

    async fn answer(&self, models: &ReadModels) -> Result<[bool; 2], Error> {
        let first = models.find::<Balance>(&account("a")).await.is_err();
        let second = models.reached::<Believed>().await.is_err();
        Ok([first, second])
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_for_the_answer_and_not_for_each_model() {
    let slow = Arc::new(Gated::new());
    let builder = App::builder(Memory::new()).rows(Arc::clone(&slow)).projection::<Balance>();
    let app = builder.projection::<Believed>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.changes.close();
    let receipt = pay(&app, "a", 3).await;
    // The clock of the test moves only when everybody waits for it.
    let before = Instant::now();
    let behind = app.ask(Patient).after(&receipt).timeout(Duration::from_secs(7)).await.unwrap();
    assert_eq!(behind, [true, true]);
    assert!(before.elapsed() < Duration::from_secs(8), "{:?}", before.elapsed());
    assert_eq!(app.ask(Patient).timeout(Duration::MAX).await.unwrap(), [false, false]);
}

/// Waits for a projection by its name, as an answer in SQL does.
struct Named(&'static str);

impl Query for Named {
    type Answer = ();

    async fn answer(&self, models: &ReadModels) -> Result<(), Error> {
        models.passed(self.0).await
    }
}

#[tokio::test]
async fn an_answer_in_sql_waits_for_a_projection_by_its_name() {
    let slow = Arc::new(Gated::new());
    let app =
        App::builder(Memory::new()).rows(Arc::clone(&slow)).projection::<Balance>().start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    slow.changes.close();
    let receipt = pay(&app, "a", 3).await;
    let error = app.ask(Named("balances")).after(&receipt).timeout(Duration::ZERO).await.unwrap_err();
    assert!(matches!(error, Error::NotCaughtUp { projection: "balances", .. }), "{error:?}");
    slow.changes.let_go();
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
async fn a_panic_of_an_answer_is_an_error() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    for (later, message) in [(false, "before it is a future"), (true, "while it is one")] {
        let error = app.ask(Panics(later)).await.unwrap_err();
        assert!(matches!(error, Error::Panicked { .. }), "{error:?}");
        assert!(error.to_string().contains(message) && error.to_string().contains("Panics"), "{error}");
    }
}
