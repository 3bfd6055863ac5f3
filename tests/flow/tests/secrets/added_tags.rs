//! Tags are added to stored events that have encrypted secrets.

use std::sync::Arc;

use annalist::{
    App, EventStore, Invalid, Secret, Timestamp,
    operate::retag,
    prelude::*,
    raw::store::{RewriteStep, RewriteTarget},
};

use crate::{
    id_domain::UserId,
    secret_log::{SecretLog, master},
};

#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
struct BranchId(String);

/// An event before its branch became an id.
mod before {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "letter.sent")]
    pub(super) struct Sent {
        #[id]
        pub(super) user: UserId,
        pub(super) branch: String,
        #[secret(subject = user)]
        pub(super) text: Secret<String>,
    }

    #[derive(Command, Serialize)]
    #[command(decide = send)]
    pub(super) struct Send {
        pub(super) user: UserId,
        pub(super) branch: String,
    }

    fn send(command: &Send) -> Sent {
        let (user, branch) = (command.user.clone(), command.branch.clone());
        Sent { text: format!("Dear {user:?}").into(), user, branch }
    }
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "letter.sent")]
struct Sent {
    #[id]
    user: UserId,
    #[id]
    branch: BranchId,
    #[secret(subject = user)]
    text: Secret<String>,
}

/// The id is made from the secret by a step.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "letter.sent", version = 2, upcast(1 => addressed))]
struct Addressed {
    #[id]
    user: UserId,
    #[id]
    branch: Option<BranchId>,
}

fn addressed(sent: before::Sent) -> Addressed {
    Addressed { user: sent.user, branch: sent.text.into_known().map(BranchId) }
}

async fn log_with_letters(log: &SecretLog) -> Arc<dyn EventStore> {
    let store: Arc<dyn EventStore> = log.open().await;
    let app = App::builder(Arc::clone(&store)).keys(master(7)).start().await.unwrap();
    for (number, branch) in [(1, "north"), (2, "south"), (3, "north")] {
        app.execute(before::Send { user: UserId(number), branch: branch.to_owned() }).await.unwrap();
    }
    app.forget(&UserId(3)).await.unwrap();
    app.shut_down().await;
    store
}

#[tokio::test]
async fn tags_are_added_to_events_with_encrypted_secrets() {
    for (log, has_keys) in [
        (SecretLog::memory(), false),
        (SecretLog::memory(), true),
        (SecretLog::file(), false),
        (SecretLog::file(), true),
    ] {
        let store = log_with_letters(&log).await;
        let app = App::builder(Arc::clone(&store)).keys(master(7)).start().await.unwrap();
        let by = if has_keys { Arc::clone(app.store()) } else { Arc::clone(&store) };
        let done = retag::<Sent, BranchId>(by).await.unwrap();
        assert_eq!((done[0].events, done[0].changed, done[0].is_complete()), (3, 3, true));
        let north = app.history::<Sent>(&BranchId("north".into())).await.unwrap();
        let texts: Vec<Option<&str>> =
            north.iter().map(|one| one.event.text.known().map(|text| &**text)).collect();
        assert_eq!(texts, [Some("Dear UserId(1)"), None]);
        assert!(app.verify().await.unwrap().is_sound());
        app.shut_down().await;
    }
}

/// A subject is forgotten between the first step of a pass and its end.
#[tokio::test]
async fn interrupted_retag_goes_on_over_events_of_forgotten_subjects() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        let store = log_with_letters(&log).await;
        let target = RewriteTarget::Tags { kind: "branch".to_owned() };
        store.rewrite(RewriteStep::begin("letter.sent", target, None, Timestamp::now())).await.unwrap();
        let app = App::builder(Arc::clone(&store)).keys(master(7)).start().await.unwrap();
        app.forget(&UserId(1)).await.unwrap();
        let done = retag::<Sent, BranchId>(Arc::clone(&store)).await.unwrap();
        assert_eq!((done[0].events, done[0].changed, done[0].is_complete()), (3, 3, true));
        let north = app.history::<Sent>(&BranchId("north".into())).await.unwrap();
        assert_eq!(north.len(), 2);
        assert!(north.iter().all(|one| one.event.text.is_forgotten()));
        assert!(app.verify().await.unwrap().is_sound());
        app.shut_down().await;
    }
}

#[tokio::test]
async fn tag_that_a_step_makes_from_a_secret_needs_the_keys() {
    let log = SecretLog::memory();
    let store = log_with_letters(&log).await;
    let error = retag::<Addressed, BranchId>(Arc::clone(&store)).await.unwrap_err();
    assert!(matches!(error, annalist::Error::Invalid(Invalid::SealedWithoutKeys { .. })), "{error:?}");
    let app = App::builder(store).keys(master(7)).start().await.unwrap();
    let done = retag::<Addressed, BranchId>(Arc::clone(app.store())).await.unwrap();
    assert_eq!((done[0].events, done[0].changed), (3, 2));
    app.shut_down().await;
}
