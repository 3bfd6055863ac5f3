//! The verification of a running app.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::time::Duration;

use annalist::{App, Memory, Sqlite, prelude::*, projection::ProjectionOptions};
use serde::{Deserialize, Serialize};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct AccountId(String);

#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
enum AccountEvent {
    Deposited {
        #[id]
        account: AccountId,
        cents: i64,
    },
    Praised {
        #[id]
        account: AccountId,
    },
}

#[derive(Aggregate, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[aggregate(on(AccountEvent => Account::apply), snapshot(every = 2))]
struct Account {
    #[id]
    id: AccountId,
    cents: i64,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { cents, .. } = event {
            self.cents += cents;
        }
    }

    fn deposit(&self, command: &Deposit) -> AccountEvent {
        AccountEvent::Deposited { account: self.id.clone(), cents: command.cents }
    }

    fn praise(&self, _: &Praise) -> AccountEvent {
        AccountEvent::Praised { account: self.id.clone() }
    }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
struct Deposit {
    #[id]
    account: AccountId,
    cents: i64,
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::praise)]
struct Praise {
    #[id]
    account: AccountId,
}

#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    fn apply(&mut self, event: &AccountEvent) {
        if let AccountEvent::Deposited { cents, .. } = event {
            self.cents += cents;
        }
    }
}

#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "totals", version = 1, on(AccountEvent => Total::apply))]
struct Total {
    #[key]
    account: AccountId,
    deposits: i64,
}

impl Total {
    fn apply(&mut self, _: &AccountEvent) {
        self.deposits += 1;
    }
}

/// Praises each deposit.
#[derive(Policy, Clone)]
#[policy(name = "praise", from = now, on(AccountEvent => Praising::react), on_reject = stop)]
struct Praising;

impl Praising {
    fn react(&self, event: &AccountEvent) -> Option<Praise> {
        match event {
            AccountEvent::Deposited { account, .. } => Some(Praise { account: account.clone() }),
            AccountEvent::Praised { .. } => None,
        }
    }
}

fn id(text: &str) -> AccountId {
    AccountId(text.to_owned())
}

async fn deposit(app: &App, account: &str, number: u32) {
    let command = Deposit { account: id(account), cents: 1 };
    app.execute(command).id(format!("{account}-{number}")).await.unwrap();
}

/// Executes commands while the app is verified, with an inline projection, one in another store, and a policy.
async fn verified_while_running(store: impl EventStore + Clone) {
    let app = App::builder(store)
        .projection_with::<Balance>(ProjectionOptions::new().inline())
        .projection_with::<Total>(ProjectionOptions::new().rows(Memory::new()))
        .policy(Praising)
        .journal(annalist::app::Journal::Accepted)
        .start()
        .await
        .unwrap();
    let commands = async {
        for number in 0..40 {
            deposit(&app, ["ann", "bob"][number as usize % 2], number).await;
        }
    };
    let reports = async {
        let mut reports = Vec::new();
        for _ in 0..20 {
            reports.push(app.verify().await.unwrap());
            tokio::task::yield_now().await;
        }
        reports
    };
    let ((), reports) = tokio::join!(commands, reports);
    for report in reports {
        assert!(report.is_sound(), "{report}");
    }
    app.wait_until_caught_up().await.unwrap();
    let report = app.verify().await.unwrap();
    assert!(report.is_sound() && report.events == 80, "{report}");
    app.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_app_in_memory_has_no_findings() {
    verified_while_running(Memory::new()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn running_app_on_sqlite_has_no_findings() {
    let folder = tempfile::tempdir().unwrap();
    verified_while_running(Sqlite::open(folder.path().join("log.db")).await.unwrap()).await;
}

/// An edit that a load does not notice: the type of an event changes, and its tags in the index do not.
#[tokio::test]
async fn edit_that_a_load_does_not_notice_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.db");
    let app = App::builder(Sqlite::open(&file).await.unwrap()).state_cache_capacity(0).start().await.unwrap();
    deposit(&app, "ann", 1).await;
    assert!(app.verify().await.unwrap().is_sound());

    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(Duration::from_secs(5));
    let mut raw = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("UPDATE annalist_event_tags SET type = 'account.lost'").execute(&mut raw).await.unwrap();
    assert_eq!(app.load::<Account>(&id("ann")).await.unwrap().cents, 0);

    let report = app.verify().await.unwrap();
    let places: Vec<&str> = report.findings.iter().map(|finding| &*finding.place).collect();
    assert_eq!((report.total, places), (2, vec!["position 1", "position 1"]), "{report}");
}
