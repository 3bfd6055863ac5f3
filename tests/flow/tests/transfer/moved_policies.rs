//! Policies continue on another log where they were.

use std::sync::Arc;

use annalist::{
    App, EventStore, Timestamp,
    projection::State,
    store::CommandKey,
    transfer::{self, TransferError},
};
use annalist_flow_tests::{
    domain::{Account, account, deposit},
    policies::{Bonus, CallCounter, NewBonus, ParksRefusal},
};

use super::logs::{EmptyLog, Form, TIMEOUT, exported};

/// The calls of the handlers of a program.
#[derive(Default)]
struct Calls {
    bonus: CallCounter,
    parks: CallCounter,
}

async fn start(store: &Arc<dyn EventStore>, calls: &Calls) -> App {
    let app = App::builder(Arc::clone(store))
        .policy(Bonus { calls: calls.bonus.clone() })
        .policy(ParksRefusal { calls: calls.parks.clone() })
        .policy(NewBonus);
    app.start().await.unwrap()
}

async fn balance(app: &App, name: &str) -> u64 {
    app.load::<Account>(&account(name)).await.unwrap().balance
}

async fn catch_up(app: &App) {
    tokio::time::timeout(TIMEOUT, app.wait_until_caught_up()).await.unwrap().unwrap();
}

/// Moves a log with policies by an export and by a copy. On the targets a program was started before. The command ids are purged, so
/// that nothing but the checkpoints prevents the policies from handling events again.
pub(crate) async fn check_policies(from: EmptyLog, by_file: EmptyLog, by_copy: EmptyLog) {
    let app = start(&from.store, &Calls::default()).await;
    for (name, amount) in [("ann", 1), ("bob", 100), ("bob", 7), ("ann", 2)] {
        app.execute(deposit(name, amount)).await.unwrap();
    }
    catch_up(&app).await;
    let parked = app.parked("parks_refusal").await.unwrap();
    assert_eq!(parked.len(), 2);
    app.shut_down().await;
    let plain = App::builder(Arc::clone(&from.store)).start().await.unwrap();
    plain.execute(deposit("ann", 3)).await.unwrap();
    plain.shut_down().await;
    from.store.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await.unwrap();

    for to in [&by_file, &by_copy] {
        let app = start(&to.store, &Calls::default()).await;
        catch_up(&app).await;
        app.shut_down().await;
    }
    let file = exported(&from.store, Form::Lines).await;
    let imported = transfer::import(&*by_file.store, &mut file.as_slice()).await.unwrap();
    let copied = transfer::copy(&*from.store, &*by_copy.store).await.unwrap();
    assert_eq!((imported.policies, &copied), (3, &imported));

    for to in [by_file, by_copy] {
        assert_eq!(to.store.policies().await.unwrap(), from.store.policies().await.unwrap());
        let calls = Calls::default();
        let app = start(&to.store, &calls).await;
        catch_up(&app).await;
        // Only the event that was appended after the policies had ended.
        assert_eq!((calls.bonus.count(), calls.parks.count()), (1, 1));
        assert_eq!((balance(&app, "all.bonus").await, balance(&app, "new.bonus").await), (5, 5));
        assert_eq!(app.parked("parks_refusal").await.unwrap(), parked);
        app.execute(deposit("bob", 93)).await.unwrap();
        catch_up(&app).await;
        assert_eq!(balance(&app, "out.of").await, 6);
        app.retry_parked("parks_refusal").await.unwrap();
        catch_up(&app).await;
        assert_eq!(balance(&app, "out.of").await, 206);
        let report = app.verify().await.unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
        app.shut_down().await;
    }
}

/// The program could handle the events before it learns that they were handled.
pub(crate) async fn check_running_policy(from: EmptyLog, to: EmptyLog) {
    let app = start(&from.store, &Calls::default()).await;
    app.execute(deposit("ann", 1)).await.unwrap();
    catch_up(&app).await;
    app.shut_down().await;

    let calls = Calls::default();
    let running = start(&to.store, &calls).await;
    running.wait_until("bonus", |status| status.state == State::CaughtUp).await.unwrap();
    let refused = transfer::copy(&*from.store, &*to.store).await;
    let Err(TransferError::Store(error)) = refused else { panic!("{refused:?}") };
    assert!(error.to_string().contains("shut down the program"), "{error}");
    running.shut_down().await;
    transfer::copy(&*from.store, &*to.store).await.unwrap();
    let app = start(&to.store, &calls).await;
    catch_up(&app).await;
    assert_eq!(calls.bonus.count(), 0);
    app.shut_down().await;
}
