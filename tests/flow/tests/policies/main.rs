//! Reactions: each event is reacted to and each command executed once, whatever dies; what is rejected or fails stops,
//! parks or is passed over, as the policy says.
#![allow(clippy::unwrap_used)] // in the helpers too

/// Runs cases on a store in memory and on one in a file.
macro_rules! on_stores {
    ($($case:ident;)+) => {
        mod memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(std::sync::Arc::new(annalist::Memory::new())).await;
            })+
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                let folder = tempfile::tempdir().unwrap();
                let store = annalist::Sqlite::open(folder.path().join("bank.db")).await.unwrap();
                super::$case(std::sync::Arc::new(store)).await;
            })+
        }
    };
}

mod chains;
mod ends;
mod failing;
mod once;
mod passed;
mod refused;

use std::sync::Arc;

use annalist::{
    App, Draft, Payload, Tag,
    prelude::*,
    projection::{State, Status, Stopped},
    testing::given,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit, transfer_of},
    policies::{Calls, ParksError, StopsAtRefusal},
};

type Store = Arc<dyn EventStore>;

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

fn status(app: &App, name: &str) -> Status {
    let statuses = app.statuses();
    statuses.into_iter().find(|(other, _)| *other == name).unwrap().1
}

/// Waits until it stands still.
async fn stopped(app: &App, name: &str) -> Stopped {
    loop {
        if let State::Stopped(stopped) = status(app, name).state {
            return stopped;
        }
        tokio::task::yield_now().await;
    }
}

fn ann_deposited() -> Draft {
    let data = Payload::parse(r#"{"account":"ann","amount":1}"#).unwrap();
    Draft::new("account.deposited", 1, [Tag::of(&account("ann")).unwrap()], data).unwrap()
}

#[tokio::test]
async fn given_an_event_the_commands() {
    let deposited = AccountEvent::Deposited { account: account("ann"), amount: 5 };
    let expected = (transfer_of("ann", "out.of", 5), deposit("after.refusal", 1));
    given(()).react(StopsAtRefusal { calls: Calls::default() }, deposited.clone()).await.sends(expected);
    given(())
        .react(ParksError { calls: Calls::default(), failures: 1 }, deposited)
        .await
        .sends(deposit("after.failure", 1));
    let moved = AccountEvent::Moved { from: account("ann"), to: account("bob"), amount: 1 };
    given(()).react(StopsAtRefusal { calls: Calls::default() }, moved).await.sends_nothing();
}
