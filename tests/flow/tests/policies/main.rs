//! Policies: each command is executed once, even after a crash; a rejection or a failure stops the policy, parks the
//! event or is ignored, as configured.
#![allow(clippy::unwrap_used)] // in the helpers too

/// Runs each test on a store in memory and on one in a file.
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
mod command_ids;
mod exactly_once;
mod failures;
mod no_commands;
mod one_process;
mod rejections;
mod slow;

use std::sync::Arc;

use annalist::{
    App, Tag,
    manual::Payload,
    prelude::*,
    projection::{State, Status, Stopped},
    store::Draft,
    testing::given,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, account, deposit, transfer_of},
    policies::{CallCounter, ParksError, StopsAtRefusal},
};

type Store = Arc<dyn EventStore>;

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

fn status(app: &App, name: &str) -> Status {
    let statuses = app.statuses();
    statuses.into_iter().find(|(other, _)| *other == name).unwrap().1
}

/// Waits until the policy is stopped, and returns the reason.
async fn wait_until_stopped(app: &App, name: &str) -> Stopped {
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
async fn given_an_event_policies_send_commands() {
    let deposited = AccountEvent::Deposited { account: account("ann"), amount: 5 };
    let expected = (transfer_of("ann", "out.of", 5), deposit("after.refusal", 1));
    given(())
        .react(StopsAtRefusal { calls: CallCounter::default() }, deposited.clone())
        .await
        .sends(expected);
    given(())
        .react(ParksError { calls: CallCounter::default(), failures: 1 }, deposited)
        .await
        .sends(deposit("after.failure", 1));
    let moved = AccountEvent::Moved { from: account("ann"), to: account("bob"), amount: 1 };
    given(()).react(StopsAtRefusal { calls: CallCounter::default() }, moved).await.sends_nothing();
}
