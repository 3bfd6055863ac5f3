//! Forgetting in programs that run other projections than the program that began it, and what the log keeps of commands.

use annalist::{
    App, Error, EventStore, Memory, Secret, prelude::*, projection::ProjectionOptions, raw::store::PageLimit,
};

use crate::{
    checks::{polled, registered, until},
    domain::{Address, CustomerEvent, CustomerId, Register, customer},
    secret_log::{SecretLog, master},
};

/// The next version of [`Address`], with other rows.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "addresses", version = 2, on(CustomerEvent => Shouted::apply))]
struct Shouted {
    #[key]
    customer: CustomerId,
    email: String,
}

impl Shouted {
    fn apply(&mut self, event: &CustomerEvent) {
        if let CustomerEvent::Registered { email, .. } = event {
            self.email = email.known().map_or("FORGOTTEN".to_owned(), |email| email.to_uppercase());
        }
    }
}

/// Registers a customer, and begins to forget it.
async fn begun(log: &SecretLog) {
    for polls in 1.. {
        let app = log.app().await;
        registered(&app, &[&format!("ann{polls}")]).await;
        let over = polled(polls, app.forget(&customer(&format!("ann{polls}"))).into_future()).await.is_some();
        drop(app);
        let keys = log.open().await.key_store().unwrap();
        if !keys.erasures(true).await.unwrap().is_empty() {
            return;
        }
        assert!(!over, "it was not interrupted");
    }
}

async fn incomplete(log: &SecretLog) -> usize {
    log.open().await.key_store().unwrap().erasures(true).await.unwrap().len()
}

#[tokio::test]
async fn program_without_the_projections_does_not_complete_an_erasure() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        begun(&log).await;
        let other = App::builder(log.open().await).keys(master(7)).start().await.unwrap();
        // This takes as long as the completion of the other erasure would.
        other.forget(&customer("bob")).await.unwrap();
        assert_eq!(incomplete(&log).await, 1);

        let _app = log.app().await;
        until("the erasure is complete", async || incomplete(&log).await == 0).await;
    }
}

#[tokio::test]
async fn program_of_the_older_version_reports_the_rows_of_the_newer_one() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        let older = log.app().await;
        registered(&older, &["ann"]).await;
        // Its rows differ, so they are not promoted.
        let options = ProjectionOptions::new().compare();
        let newer = App::builder(log.open().await).keys(master(7)).projection_with::<Shouted>(options);
        let newer = newer.start().await.unwrap();
        newer.wait_until("addresses", |status| status.promotion_blocked.is_some()).await.unwrap();

        let error = older.forget(&customer("ann")).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, Error::Unusable { .. }) && text.contains("rows of version 2"), "{text}");
        let row = older.find::<Address>(&customer("ann")).await.unwrap().unwrap();
        assert_eq!((row.email.as_str(), incomplete(&log).await), ("forgotten", 1));

        let erasure = newer.forget(&customer("ann")).await.unwrap();
        assert!(erasure.completed_at.is_some());
        let row = newer.find::<Shouted>(&customer("ann")).await.unwrap().unwrap();
        assert_eq!(row.email, "FORGOTTEN");
    }
}

#[tokio::test]
async fn actor_is_a_name() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        let app = log.app().await;
        for actor in ["", "a\0b", &"a".repeat(201)] {
            let error = app.forget(&customer("ann")).actor(actor).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{error:?}");
        }
        assert!(app.erasures().await.unwrap().is_empty());
    }
}

/// A short secret could be guessed from a hash.
#[tokio::test]
async fn command_ids_depend_on_no_secret() {
    let mut scopes = Vec::new();
    for email in ["a@example.org", "b@example.org"] {
        let store = Memory::new();
        let app = App::builder(store.clone()).keys(master(7)).start().await.unwrap();
        let command = Register { customer: customer("ann"), email: Secret::new(email.to_owned()) };
        app.execute(command).id("registration").await.unwrap();
        let accepted = store.command_ids("", PageLimit::CHUNK).await.unwrap();
        scopes.push(accepted[0].key.scope().to_owned());
    }
    assert_eq!(scopes[0], scopes[1]);
}
