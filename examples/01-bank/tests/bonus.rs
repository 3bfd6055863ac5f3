//! The welcome bonus: the commands of the policy and their effect, in memory and on a file.
#![allow(clippy::unwrap_used)] // in helper functions too

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
/// Far longer than needed, for busy machines.
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

/// Waits until the bonuses for all events so far are paid, and returns the balance of an account.
async fn balance(app: &App, name: &str) -> Cents {
    app.wait_until_caught_up().await.unwrap();
    app.load::<Account>(&id(name)).await.unwrap().balance
}

#[tokio::test]
async fn bonus_is_paid_into_a_new_account() {
    let opened = Opened { account: id("ann"), owner: "somebody".to_owned() };
    given(()).react(WelcomeBonus, opened).await.sends(Deposit { account: id("ann"), amount: BONUS });
    let deposited = AccountEvent::Deposited { account: id("ann"), amount: BONUS };
    given(()).react(WelcomeBonus, deposited).await.sends_nothing();
}

#[tokio::test]
async fn new_customer_gets_the_bonus_once() {
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
async fn two_programs_pay_the_bonus_once() {
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
async fn earlier_customers_get_the_bonus_unless_their_account_is_closed() {
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
