//! The welcome bonus: what the policy asks for, and what comes of it, in memory and on a file.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{App, EventStore, Memory, Sqlite, testing::given};
use bank::{
    aggregate::Account,
    command::{Close, Deposit, Open},
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
    policy::WelcomeBonus,
};

const BONUS: Cents = WelcomeBonus::AMOUNT;
/// Nothing takes as long; a busy machine may take its time.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

type Store = Arc<dyn EventStore>;

fn id(name: &str) -> AccountId {
    name.parse().unwrap()
}

fn open(name: &str) -> Open {
    Open { account: id(name), owner: "somebody".to_owned() }
}

/// Each kind of store, empty.
async fn stores(folder: &tempfile::TempDir) -> [Store; 2] {
    let file = Sqlite::open(folder.path().join("bank.db")).await.unwrap();
    [Arc::new(Memory::new()), Arc::new(file)]
}

async fn bank(store: &Store) -> App {
    App::builder(Arc::clone(store)).policy(WelcomeBonus).start().await.unwrap()
}

/// Waits until the bonuses of everything that happened so far are paid, and tells what is in an account.
async fn balance(app: &App, name: &str) -> Cents {
    app.wait_until_caught_up().await.unwrap();
    app.load::<Account>(&id(name)).await.unwrap().balance
}

#[tokio::test]
async fn it_is_paid_into_an_account_that_was_opened() {
    let opened = Opened { account: id("ann"), owner: "somebody".to_owned() };
    given(()).react(WelcomeBonus, opened).await.sends(Deposit { account: id("ann"), amount: BONUS });
    let deposited = AccountEvent::Deposited { account: id("ann"), amount: BONUS };
    given(()).react(WelcomeBonus, deposited).await.sends_nothing();
}

#[tokio::test]
async fn a_new_customer_gets_it_once() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores(&folder).await {
        let app = bank(&store).await;
        let receipt = app.execute(open("ann")).await.unwrap();
        app.wait_for_position("welcome_bonus", &receipt, DEFAULT_TIMEOUT).await.unwrap();
        let history = app.history::<AccountEvent>(&id("ann")).await.unwrap();
        let [opened, bonus] = &history[..] else { panic!("{history:?}") };
        assert_eq!(bonus.event, AccountEvent::Deposited { account: id("ann"), amount: BONUS });
        assert_eq!(bonus.metadata.actor.as_ref().unwrap().as_str(), "policy:welcome_bonus");
        assert_eq!(bonus.metadata.causation.as_ref().unwrap().as_str(), opened.id.to_string());
        assert_eq!(bonus.metadata.correlation, opened.metadata.correlation);

        app.shut_down().await;
        assert_eq!(balance(&bank(&store).await, "ann").await, BONUS, "after a start anew");
    }
}

#[tokio::test]
async fn two_programs_pay_it_once() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores(&folder).await {
        let apps = [bank(&store).await, bank(&store).await];
        for number in 0..20 {
            apps[number % 2].execute(open(&format!("c{number}"))).await.unwrap();
        }
        for number in 0..20 {
            for app in &apps {
                assert_eq!(balance(app, &format!("c{number}")).await, BONUS);
            }
        }
    }
}

#[tokio::test]
async fn those_from_before_get_it_too_unless_they_have_left() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores(&folder).await {
        let before = App::builder(Arc::clone(&store)).start().await.unwrap();
        for name in ["ann", "bob"] {
            before.execute(open(name)).await.unwrap();
        }
        before.execute(Close { account: id("ann") }).await.unwrap();

        let app = bank(&store).await;
        assert_eq!(balance(&app, "ann").await, Cents::ZERO);
        assert_eq!(balance(&app, "bob").await, BONUS);
    }
}
