//! A projection that is at work on the rows of a subject while the subject is forgotten.

use std::sync::Arc;

use annalist::{App, EventStore, Secret, prelude::*, projection::Value, raw::rows::SharedRows};
use annalist_flow_tests::faulty_rows::{FaultPoint, FaultyRows, RowFault};

use super::{
    checks::registered_in,
    domain::{Befriend, CustomerEvent, CustomerId, customer, email_of, register},
    row_checks::{befriend, builder, contact, found, raw_rows, registered, row_domain::Contact, start},
    secret_log::{SecretLog, master},
};

/// Passes the names of all checks to a macro.
macro_rules! for_each_forget_race {
    ($run:ident) => {
        $run! {
            secret_that_was_read_before_stays_forgotten_after_its_subject_is_readmitted
            lookup_that_is_committed_during_the_erasure_is_removed
            lookup_of_a_process_that_ends_with_its_commit_is_removed_by_the_next_erasure
            rows_that_change_meanwhile_are_cleaned_and_not_overwritten
        }
    };
}

/// A store of rows whose calls are held when a test says so.
async fn faulty_rows(store: &Arc<dyn EventStore>) -> Arc<FaultyRows> {
    Arc::new(FaultyRows::new(store.row_store().unwrap()))
}

async fn stored_rows<P: annalist::Projection>(log: &SecretLog) -> Vec<annalist::raw::rows::Row> {
    let rows: SharedRows = log.open().await.row_store().unwrap();
    raw_rows::<P>(&rows).await
}

/// The secret and the lookup of a customer in the store.
async fn stored_email(log: &SecretLog, name: &str) -> (Value, Value) {
    let rows = stored_rows::<Contact>(log).await;
    let row = rows.into_iter().find(|row| row[0] == Value::Text(name.to_owned())).unwrap();
    (row[1].clone(), row[2].clone())
}

fn forgotten() -> (Value, Value) {
    (Value::Text("forgotten".to_owned()), Value::Null)
}

/// Makes new secrets of what it reads: these have no key of their event.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "remade", reads_secrets, on(CustomerEvent => Remade::apply))]
struct Remade {
    #[key]
    customer: CustomerId,
    #[secret(subject = customer)]
    email: Secret<String>,
}

impl Remade {
    fn apply(&mut self, event: &CustomerEvent) {
        if let CustomerEvent::Registered { email, .. } = event {
            self.email = email.known().cloned().map_or_else(Secret::forgotten, Secret::new);
        }
    }
}

/// The page with the event is in memory, with its secret, while the subject is forgotten and readmitted and has a new key. The control is a
/// projection whose secrets do not have the key of the event: its row has the forgotten value, encrypted with the new key.
pub(crate) async fn secret_that_was_read_before_stays_forgotten_after_its_subject_is_readmitted(
    log: &SecretLog,
) {
    for is_control in [false, true] {
        let log = log.another();
        let store = log.open().await;
        let rows = faulty_rows(&store).await;
        let builder = App::builder(store).rows(Arc::clone(&rows)).keys(master(7));
        let builder =
            if is_control { builder.projection::<Remade>() } else { builder.projection::<Contact>() };
        let app = builder.start().await.unwrap();
        registered_in(&app, &["bob"], if is_control { "remade" } else { "contacts" }).await;

        rows.plan(FaultPoint::Reads, RowFault::Held);
        let receipt = app.execute(register("ann")).await.unwrap();
        rows.until_injected().await;
        // A process without projections.
        let other = App::builder(log.open().await).keys(master(7)).start().await.unwrap();
        other.forget(&customer("ann")).await.unwrap();
        assert!(other.readmit(&customer("ann")).await.unwrap());
        other.execute(befriend("ann", "bob")).await.unwrap();
        rows.end_faults();

        let ann = customer("ann");
        let email = if is_control {
            app.find::<Remade>(&ann).after(&receipt).await.unwrap().unwrap().email
        } else {
            app.find::<Contact>(&ann).after(&receipt).await.unwrap().unwrap().email
        };
        let expected = if is_control { Secret::new(email_of("ann")) } else { Secret::forgotten() };
        assert_eq!(email.known(), expected.known(), "control: {is_control}");
        if !is_control {
            assert_eq!(stored_email(&log, "ann").await, forgotten());
        }
    }
}

/// The row is encrypted, and its commit is held until `forget` has returned: in the same process, and in another one.
pub(crate) async fn lookup_that_is_committed_during_the_erasure_is_removed(log: &SecretLog) {
    for is_same in [true, false] {
        let log = log.another();
        let store = log.open().await;
        let rows = faulty_rows(&store).await;
        let app = builder(store).rows(Arc::clone(&rows)).keys(master(7)).start().await.unwrap();
        registered(&app, &["bob"]).await;
        let other = App::builder(log.open().await).keys(master(7)).start().await.unwrap();

        rows.plan(FaultPoint::Named("commit"), RowFault::Held);
        let receipt = app.execute(register("ann")).await.unwrap();
        rows.until_injected().await;
        let forgetting = if is_same { &app } else { &other };
        forgetting.forget(&customer("ann")).await.unwrap();
        rows.end_faults();

        assert!(
            app.find::<Contact>(&customer("ann"))
                .after(&receipt)
                .await
                .unwrap()
                .unwrap()
                .email
                .is_forgotten()
        );
        assert_eq!(stored_email(&log, "ann").await, forgotten());
        assert_eq!(found(&app, &email_of("ann")).await, Vec::<String>::new());
        assert_eq!(found(&app, &email_of("bob")).await, ["bob"]);
    }
}

/// The control of the check above: the process does not come to look at its rows again. What it has left is removed with the next subject that
/// is forgotten.
pub(crate) async fn lookup_of_a_process_that_ends_with_its_commit_is_removed_by_the_next_erasure(
    log: &SecretLog,
) {
    let store = log.open().await;
    let rows = faulty_rows(&store).await;
    let app = builder(store).rows(Arc::clone(&rows)).keys(master(7)).start().await.unwrap();
    registered(&app, &["bob"]).await;
    rows.plan(FaultPoint::Named("commit"), RowFault::HeldTwice);
    app.execute(register("ann")).await.unwrap();
    rows.until_injected().await;
    let writer = App::builder(log.open().await).keys(master(7)).start().await.unwrap();
    writer.forget(&customer("ann")).await.unwrap();
    rows.gate.add_permits(1);
    rows.until_injected().await;

    let (secret, lookup) = stored_email(log, "ann").await;
    assert!(secret != forgotten().0 && lookup != Value::Null, "{lookup:?}");
    let next = start(log).await;
    assert!(contact(&next, "ann").await.email.is_forgotten());
    next.forget(&customer("bob")).await.unwrap();
    assert_eq!(stored_email(log, "ann").await, forgotten());
}

/// `forget` has read a page of rows, and another process changes one of them before `forget` writes it.
pub(crate) async fn rows_that_change_meanwhile_are_cleaned_and_not_overwritten(log: &SecretLog) {
    let app = start(log).await;
    registered(&app, &["ann", "bob"]).await;
    let store = log.open().await;
    let rows = faulty_rows(&store).await;
    let other = builder(store).rows(Arc::clone(&rows)).keys(master(7)).start().await.unwrap();
    other.wait_until_caught_up().await.unwrap();

    rows.plan(FaultPoint::Named("commit"), RowFault::Held);
    let ann = customer("ann");
    let forgetting = async { other.forget(&ann).await };
    let changing = async {
        rows.until_injected().await;
        let without_secrets_of_ann = Befriend { to_notes: Vec::new(), ..befriend("bob", "ann") };
        let receipt = app.execute(without_secrets_of_ann).await.unwrap();
        assert_eq!(app.find::<Contact>(&ann).after(&receipt).await.unwrap().unwrap().events, 2);
        rows.end_faults();
    };
    tokio::join!(forgetting, changing).0.unwrap();
    assert_eq!(stored_email(log, "ann").await, forgotten());
    let row = contact(&app, "ann").await;
    assert_eq!((row.events, row.email.is_forgotten()), (2, true));
}
