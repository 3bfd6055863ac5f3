//! Commands that name one aggregate in several fields.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in the helpers too

use std::{sync::Arc, time::Duration};

use annalist::{App, Memory, prelude::*};
use annalist_flow_tests::domain::{Account, AccountEvent, AccountId, Refused, account, deposit};
use tokio::task::JoinSet;

/// An invitation: the same account may be named by several fields, of every shape that a field of ids can have.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = join, error = Refused)]
struct Join {
    #[id(Account)]
    account: AccountId,
    #[id(Account)]
    referrer: Option<AccountId>,
    #[id(Account)]
    friends: Vec<AccountId>,
}

fn join(
    (joining, referrer, friends): (&Account, &Option<Arc<Account>>, &[Arc<Account>]),
    _: &Join,
) -> Result<AccountEvent, Refused> {
    let same = referrer.iter().chain(friends).filter(|other| other.id == joining.id);
    assert!(same.clone().all(|other| other.balance == joining.balance), "one account has two balances");
    Ok(AccountEvent::Deposited { account: joining.id.clone(), amount: 1 })
}

/// A command enters the queue of each aggregate once; otherwise it would wait for itself.
#[tokio::test]
async fn command_that_names_an_aggregate_in_several_fields_enters_its_queue_once() {
    let a = account("a");
    let shapes: [(Option<AccountId>, Vec<AccountId>); 4] = [
        (Some(a.clone()), vec![]),
        (None, vec![a.clone()]),
        (Some(account("b")), vec![a.clone(), account("c"), a.clone()]),
        (Some(a.clone()), vec![a.clone(), account("b")]),
    ];
    let app = App::builder(Memory::new()).start().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..20 {
        for (referrer, friends) in shapes.clone() {
            tasks.spawn(app.execute(Join { account: a.clone(), referrer, friends }).into_future());
            tasks.spawn(app.execute(deposit("a", 1)).into_future());
        }
    }
    let results =
        tokio::time::timeout(Duration::from_secs(60), tasks.join_all()).await.expect("every command returns");
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    assert_eq!(app.load::<Account>(&a).await.unwrap().balance, 160);
}
