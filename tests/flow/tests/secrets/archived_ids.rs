//! Personal ids are archived as any other, and stay forgotten when their events return.

use annalist::{
    App, Error, ExecuteError, Invalid,
    operate::{Archive, ArchiveState},
    transfer,
};

use crate::{
    id_domain::{
        EmailUse, Invite, Nick, NickUse, Profile, SignUp, UserEvent, UserId, email, nick, signed_up,
    },
    secret_log::{SecretLog, master},
};

async fn start(log: &SecretLog) -> App {
    let app = App::builder(log.open().await).projection::<Profile>();
    app.keys(master(7)).start().await.unwrap()
}

/// Archives a user with all ids.
async fn archived(app: &App, folder: &std::path::Path) -> Archive {
    app.wait_until_caught_up().await.unwrap();
    let ids = app.archive([&UserId(1)]).and([&email("ann@example.org")]).and([&nick("annie")]);
    ids.to(folder.join("ann")).await.unwrap()
}

fn ann() -> SignUp {
    SignUp { nick: Some(nick("annie")), ..signed_up(1, "ann@example.org") }
}

fn is_archived<T>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Invalid(Invalid::Archived { .. })))
}

#[tokio::test]
async fn events_of_a_personal_id_leave_and_return() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        let folder = tempfile::tempdir().unwrap();
        let (app, other) = (start(&log).await, start(&log).await);
        app.execute(ann()).await.unwrap();
        app.execute(Invite { by: UserId(2), guests: vec![email("ann@example.org")] }).await.unwrap();
        let archive = archived(&app, folder.path()).await;
        assert_eq!((archive.state, archive.removed.as_ref().unwrap().events), (ArchiveState::Complete, 1));
        // Neither the log nor the file has the ids.
        assert!(archive.ids.iter().all(|id| !id.as_str().contains("ann")), "{:?}", archive.ids);
        let text = std::fs::read_to_string(folder.path().join("ann")).unwrap();
        assert!(!text.contains("ann@example.org") && !text.contains("annie"));
        for app in [&app, &other] {
            assert!(is_archived(app.load::<EmailUse>(&email("ann@example.org")).await));
            assert!(is_archived(app.load::<NickUse>(&nick("annie")).await));
            let refused = app.execute(signed_up(3, "ann@example.org")).await;
            assert!(matches!(refused, Err(ExecuteError::Invalid(Invalid::Archived { .. }))), "{refused:?}");
            assert_eq!(
                app.history::<UserEvent>(&UserId(2)).await.unwrap().len(),
                1,
                "the shared event stays"
            );
            assert!(app.verify().await.unwrap().is_sound());
        }
        // Again, and in a copy of the log.
        assert_eq!(archived(&app, folder.path()).await, archive);
        let copy = log.another();
        transfer::copy(&**app.store(), &*copy.open().await).await.unwrap();
        assert_eq!(copy.open().await.archives().await.unwrap(), std::slice::from_ref(&archive));

        app.restore(archive.number, folder.path().join("ann")).await.unwrap();
        for app in [&app, &other] {
            let found = app.load::<EmailUse>(&email("ann@example.org")).await.unwrap();
            assert_eq!((found.user.clone(), found.invitations), (Some(UserId(1)), 1));
            assert!(app.execute(ann()).await.is_err(), "it is taken");
        }
        app.shut_down().await;
        other.shut_down().await;
    }
}

#[tokio::test]
async fn id_that_was_never_used_is_closed() {
    let (log, folder) = (SecretLog::file(), tempfile::tempdir().unwrap());
    let app = start(&log).await;
    app.archive([&email("ann@example.org")]).to(folder.path().join("ann")).await.unwrap();
    assert!(app.execute(ann()).await.is_err());
    app.execute(signed_up(2, "bob@example.org")).await.unwrap();
    app.shut_down().await;
}

#[tokio::test]
async fn forgotten_id_stays_forgotten_after_its_events_have_returned() {
    for log in [SecretLog::memory(), SecretLog::file()] {
        let folder = tempfile::tempdir().unwrap();
        let app = start(&log).await;
        app.execute(ann()).await.unwrap();
        let archive = archived(&app, folder.path()).await;
        app.forget(&email("ann@example.org")).and(&nick("annie")).await.unwrap();
        app.restore(archive.number, folder.path().join("ann")).await.unwrap();

        let is_forgotten = |error: &Error| matches!(error, Error::Invalid(Invalid::SubjectForgotten));
        let error = app.load::<EmailUse>(&email("ann@example.org")).await.unwrap_err();
        assert!(is_forgotten(&error), "{error:?}");
        // The name is free, and its former events are not found by it.
        assert_eq!(app.load::<NickUse>(&nick("annie")).await.unwrap().user, None);
        let history = app.history::<UserEvent>(&UserId(1)).await.unwrap();
        match &history[0].event {
            UserEvent::SignedUp { email, nick, .. } => {
                assert!(
                    email.is_forgotten() && nick.as_ref().is_some_and(annalist::Secret::<Nick>::is_forgotten)
                );
            }
            other => panic!("{other:?}"),
        }
        app.execute(SignUp { nick: Some(nick("annie")), ..signed_up(3, "cay@example.org") }).await.unwrap();
        let error = app.archive([&email("ann@example.org")]).to(folder.path().join("x")).await.unwrap_err();
        assert!(matches!(&error, transfer::TransferError::Store(error) if is_forgotten(error)), "{error:?}");
        assert!(app.verify().await.unwrap().is_sound());
        app.shut_down().await;
    }
}
