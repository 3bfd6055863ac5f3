//! What holds for personal ids on every store.

use std::sync::Arc;

use annalist::{
    App, Criteria, Error, EventStore, ExecuteError, Invalid, Item, Memory, Position, Secret, Tag,
    app::Journal,
    keys::SharedKeys,
    raw::store::PageLimit,
    store::{Append, AppendOutcome, Condition, Read},
};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    checks::until,
    faulty_keys::FaultyKeys,
    id_domain::{
        AlreadyUsed, EmailUse, Invite, NickUse, Profile, SignUp, UserEvent, UserId, email, nick, signed_up,
    },
    secret_log::{SecretLog, Traces, master},
};

/// Passes the names of all checks to a macro.
macro_rules! for_each_id_check {
    ($run:ident) => {
        $run! {
            personal_id_works_as_any_other
            nothing_stored_has_a_personal_id
            of_processes_that_use_an_id_at_once_one_succeeds
            forgotten_id_stays_taken
            forgotten_id_is_free_again
            read_of_an_unused_id_makes_no_key
            ids_are_compared_by_their_bytes
            personal_ids_need_keys
            condition_on_an_unused_id_finds_its_first_event
            event_is_read_by_an_id_that_is_used_during_the_read
        }
    };
}

async fn start(log: &SecretLog) -> App {
    let app = App::builder(log.open().await).journal(Journal::All).projection::<Profile>();
    app.keys(master(7)).start().await.unwrap()
}

async fn user_of(app: &App, address: &str) -> Option<UserId> {
    app.load::<EmailUse>(&email(address)).await.unwrap().user
}

/// All tags of the log as they are stored.
async fn stored_tags(log: &SecretLog) -> Vec<String> {
    let page =
        log.open().await.feed(&Criteria::all(), Position::START, PageLimit::records(100)).await.unwrap();
    page.records.iter().flat_map(|record| &record.tags).map(|tag| tag.as_str().to_owned()).collect()
}

pub(crate) async fn personal_id_works_as_any_other(log: &SecretLog) {
    let (app, other) = (start(log).await, start(log).await);
    app.execute(SignUp { nick: Some(nick("annie")), ..signed_up(1, "ann@example.org") }).await.unwrap();
    app.execute(Invite { by: UserId(1), guests: vec![email("bob@example.org"), email("cay@example.org")] })
        .await
        .unwrap();
    let last = other.execute(signed_up(2, "bob@example.org")).await.unwrap();
    for app in [&app, &other] {
        assert_eq!(user_of(app, "ann@example.org").await, Some(UserId(1)));
        let bob = app.load::<EmailUse>(&email("bob@example.org")).await.unwrap();
        assert_eq!((bob.user, bob.invitations), (Some(UserId(2)), 1));
        assert_eq!(user_of(app, "dan@example.org").await, None);
        assert_eq!(app.load::<NickUse>(&nick("annie")).await.unwrap().user, Some(UserId(1)));

        let error = app.execute(signed_up(3, "ann@example.org")).await.unwrap_err();
        assert_eq!(error.rejection(), Some(&AlreadyUsed(email("ann@example.org"))));
        let taken = SignUp { nick: Some(nick("annie")), ..signed_up(3, "eve@example.org") };
        app.execute(taken).await.unwrap_err();

        let history = app.history::<UserEvent>(&email("bob@example.org")).await.unwrap();
        let guests = vec![Secret::new(email("bob@example.org")), Secret::new(email("cay@example.org"))];
        assert_eq!(history[0].event, UserEvent::Invited { by: UserId(1), guests });
        assert_eq!(history.len(), 2);

        let profile = app.find::<Profile>(&email("bob@example.org")).after(&last).await.unwrap().unwrap();
        assert_eq!(profile, Profile { email: email("bob@example.org"), events: 2 });
        assert_eq!(app.live::<Profile>(&email("bob@example.org")).await.unwrap(), Some(profile));
        let count = app.store().count(&by("ann@example.org"), Position::START, Position::END).await.unwrap();
        assert_eq!(count, 1);
        let page =
            app.store().feed(&by("bob@example.org"), Position::START, PageLimit::records(9)).await.unwrap();
        assert_eq!(page.records.len(), 2);
        assert!(page.records[0].tags.contains(&Tag::of(&email("cay@example.org")).unwrap()));
    }
    let data = app.personal_data(&email("cay@example.org")).await.unwrap();
    let guests =
        serde_json::from_str::<serde_json::Value>(data.events[0].data.get()).unwrap()["guests"].clone();
    assert_eq!((data.events.len(), guests), (1, serde_json::json!([null, "cay@example.org"])));
}

fn by(address: &str) -> Criteria {
    Item::any().tag(Tag::of(&email(address)).unwrap()).into()
}

pub(crate) async fn nothing_stored_has_a_personal_id(log: &SecretLog) {
    let traces = Traces::default();
    let traced = tracing::subscriber::set_default(traces.clone());
    // Without the projection: its rows have the id, as it is written there.
    let app = App::builder(log.open().await).journal(Journal::All).keys(master(7)).start().await.unwrap();
    let command = SignUp { nick: Some(nick("annie99")), ..signed_up(1, "ann@example.org") };
    app.execute(command.clone()).id("first").await.unwrap();
    app.execute(command.clone()).id("first").await.unwrap();
    let rejected = app.execute(command.clone()).id("second").await.unwrap_err();
    let reused = app.execute(signed_up(2, "ann@example.org")).id("first").await.unwrap_err();
    app.execute(Invite { by: UserId(1), guests: vec![email("ann@example.org")] }).await.unwrap();
    app.load::<EmailUse>(&email("ann@example.org")).await.unwrap();
    let store = log.open().await;
    let events = store.feed(&Criteria::all(), Position::START, PageLimit::records(100)).await.unwrap();
    let journal = store.journal(0, PageLimit::records(100)).await.unwrap();
    let ids = store.command_ids("", PageLimit::records(100)).await.unwrap();
    let debug = format!("{command:?} {:?} {:?} {:?}", by("ann@example.org"), email("ann@example.org"), app);
    let hidden =
        format!("{events:?} {journal:?} {ids:?} {rejected:?} {rejected} {reused:?} {reused} {debug}");
    drop(traced);
    for text in [hidden, traces.text()] {
        assert!(!text.contains("ann@example") && !text.contains("annie99"), "{text}");
    }
    assert_eq!(stored_tags(log).await.iter().filter(|tag| tag.starts_with("email:~")).count(), 2);
    // The state and the journal have it in memory.
    let entries = app.journal(0, 10).await.unwrap();
    assert!(entries[0].body.as_str().contains("ann@example.org"));
    app.shut_down().await;
    for text in ["ann@example", "annie99"] {
        assert_ne!(log.contains(text).await, Some(true), "{text}");
    }
    assert_ne!(log.contains("email:~").await, Some(false));
}

/// Neither has used the id before, so no key of it exists.
pub(crate) async fn of_processes_that_use_an_id_at_once_one_succeeds(log: &SecretLog) {
    let apps = [start(log).await, start(log).await, start(log).await];
    for round in 0..8 {
        let address = format!("ann{round}@example.org");
        let mut tasks = JoinSet::new();
        for (user, app) in (0..6).zip(apps.iter().cycle()) {
            let (app, command) = (app.clone(), signed_up(user, &address));
            tasks.spawn(async move { app.execute(command).await });
        }
        let outcomes = tasks.join_all().await;
        for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert_eq!(refused.rejection(), Some(&AlreadyUsed(email(&address))), "{refused:?}");
        }
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "round {round}");
        assert_eq!(apps[0].history::<UserEvent>(&email(&address)).await.unwrap().len(), 1);
    }
}

pub(crate) async fn forgotten_id_stays_taken(log: &SecretLog) {
    let (app, other) = (start(log).await, start(log).await);
    let receipt = app.execute(signed_up(1, "ann@example.org")).await.unwrap();
    app.execute(signed_up(2, "bob@example.org")).await.unwrap();
    app.find::<Profile>(&email("ann@example.org")).after(&receipt).await.unwrap().unwrap();
    assert_eq!(user_of(&other, "ann@example.org").await, Some(UserId(1)));
    app.forget(&email("ann@example.org")).await.unwrap();

    for app in [&app, &other] {
        until("the process knows that it is forgotten", async || {
            app.load::<EmailUse>(&email("ann@example.org")).await.is_err()
        })
        .await;
        let refused = app.load::<EmailUse>(&email("ann@example.org")).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(Invalid::SubjectForgotten)), "{refused:?}");
        let refused = app.execute(signed_up(3, "ann@example.org")).await.unwrap_err();
        assert!(matches!(refused, ExecuteError::Invalid(Invalid::SubjectForgotten)), "{refused:?}");
        assert_eq!(user_of(app, "bob@example.org").await, Some(UserId(2)));
    }
    let history = app.history::<UserEvent>(&UserId(1)).await.unwrap();
    let forgotten = UserEvent::SignedUp { user: UserId(1), email: Secret::forgotten(), nick: None };
    assert_eq!(history[0].event, forgotten);
    let rows = app.list::<Profile>().await.unwrap().rows;
    assert_eq!(rows, [Profile { email: email("bob@example.org"), events: 1 }]);
    assert_ne!(log.contains("ann@example.org").await, Some(true));

    assert!(app.readmit(&email("ann@example.org")).await.unwrap());
    app.execute(signed_up(3, "ann@example.org")).await.unwrap();
    assert_eq!(user_of(&app, "ann@example.org").await, Some(UserId(3)));
}

pub(crate) async fn forgotten_id_is_free_again(log: &SecretLog) {
    let (app, other) = (start(log).await, start(log).await);
    let with_nick = |user, address| SignUp { nick: Some(nick("annie")), ..signed_up(user, address) };
    app.execute(with_nick(1, "ann@example.org")).await.unwrap();
    assert_eq!(other.load::<NickUse>(&nick("annie")).await.unwrap().user, Some(UserId(1)));
    let erasure = app.forget(&nick("annie")).and(&email("ann@example.org")).actor("officer").await.unwrap();
    assert!(erasure.completed_at.is_some());
    assert_eq!(app.erasures().await.unwrap().len(), 2);
    let before: Vec<String> = nick_tags(log).await;

    assert_eq!(app.load::<NickUse>(&nick("annie")).await.unwrap().user, None);
    until("the other process knows that it is forgotten", async || {
        other.load::<NickUse>(&nick("annie")).await.unwrap().user.is_none()
    })
    .await;
    other.execute(with_nick(2, "bob@example.org")).await.unwrap();
    for app in [&app, &other] {
        until("the process finds the new user", async || {
            app.load::<NickUse>(&nick("annie")).await.unwrap().user == Some(UserId(2))
        })
        .await;
        app.execute(with_nick(3, "cay@example.org")).await.unwrap_err();
    }
    // Nothing connects the tag of before with that of now.
    let after = nick_tags(log).await;
    assert!(after.len() == 2 && after[0] == before[0] && after[1] != before[0], "{before:?} {after:?}");
}

async fn nick_tags(log: &SecretLog) -> Vec<String> {
    stored_tags(log).await.into_iter().filter(|tag| tag.starts_with("nick:")).collect()
}

pub(crate) async fn read_of_an_unused_id_makes_no_key(log: &SecretLog) {
    let app = start(log).await;
    let keys = log.open().await.key_store().unwrap();
    let count = async || keys.keys_after(Uuid::nil(), 100).await.unwrap().len();
    let before = count().await;
    for n in 0..20 {
        assert_eq!(user_of(&app, &format!("{n}@example.org")).await, None);
        assert!(app.history::<UserEvent>(&email(&format!("{n}@example.org"))).await.unwrap().is_empty());
    }
    assert_eq!(count().await, before);
}

pub(crate) async fn ids_are_compared_by_their_bytes(log: &SecretLog) {
    let app = start(log).await;
    let long = "x".repeat(500);
    let addresses = [
        "é",
        "e\u{301}",
        "E",
        "e",
        "",
        " ",
        "e ",
        "~AAAAAAAAAAAAAAAAAAAAAA",
        "a:b",
        "'; --",
        "\u{10ffff}",
        &long,
    ];
    for (user, address) in (0..).zip(addresses) {
        app.execute(signed_up(user, address)).await.unwrap();
    }
    for (user, address) in (0..).zip(addresses) {
        assert_eq!(user_of(&app, address).await, Some(UserId(user)), "{address:?}");
        app.execute(signed_up(99, address)).await.unwrap_err();
    }
    for refused in [format!("ann{}", "x".repeat(600)), "ann\0".to_owned()] {
        let error = app.execute(signed_up(1, &refused)).await.unwrap_err();
        assert!(
            matches!(error, ExecuteError::Invalid(_)) && !format!("{error:?} {error}").contains("ann"),
            "{error:?}"
        );
    }
}

pub(crate) async fn personal_ids_need_keys(log: &SecretLog) {
    let app = App::builder(log.open().await).start().await.unwrap();
    let is_refused =
        |error: Error| assert!(matches!(error, Error::Invalid(Invalid::IdWithoutKeys { .. })), "{error:?}");
    is_refused(app.load::<EmailUse>(&email("ann@example.org")).await.unwrap_err());
    is_refused(app.history::<UserEvent>(&email("ann@example.org")).await.unwrap_err());
    let refused = app.execute(signed_up(1, "ann@example.org")).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(Invalid::IdWithoutKeys { .. })), "{refused:?}");
    let refused =
        app.execute(Invite { by: UserId(1), guests: vec![email("ann@example.org")] }).await.unwrap_err();
    assert!(matches!(refused, ExecuteError::Invalid(Invalid::SecretWithoutKeys { .. })), "{refused:?}");
    assert_eq!(log.open().await.settled().await.unwrap().position, Position::START);
    app.shut_down().await;

    // With the keys of another log, nothing is found and nothing is taken for forgotten.
    let app = start(log).await;
    app.execute(signed_up(1, "ann@example.org")).await.unwrap();
    let keys: SharedKeys = Memory::new().key_store().unwrap();
    let other = App::builder(log.open().await).keys_in(Arc::clone(&keys), master(7)).start().await;
    let Ok(other) = other else { return }; // it decodes samples
    let error = other.history::<UserEvent>(&UserId(1)).await.unwrap_err();
    assert!(error.to_string().contains("no such key"), "{error}");
}

/// The condition of an append is that of a read, which found that no event had the id.
pub(crate) async fn condition_on_an_unused_id_finds_its_first_event(log: &SecretLog) {
    let (app, other) = (start(log).await, start(log).await);
    let read = Read::all(by("ann@example.org"));
    let marker = app.store().read(std::slice::from_ref(&read)).await.unwrap()[0].marker;
    other.execute(signed_up(1, "ann@example.org")).await.unwrap();
    let conditions = vec![Condition { criteria: read.criteria.clone(), marker }];
    let outcome = app.store().append(vec![Append { conditions, ..Append::default() }]).await.unwrap();
    assert!(matches!(outcome, AppendOutcome::Conflict { .. }), "{outcome:?}");
    assert_eq!(app.store().read(&[read]).await.unwrap()[0].records.len(), 1);
}

/// The id has no key when the read looks for one, and events when it reads.
pub(crate) async fn event_is_read_by_an_id_that_is_used_during_the_read(log: &SecretLog) {
    let other = start(log).await;
    let keys = Arc::new(FaultyKeys::new(log.open().await.key_store().unwrap()));
    let app = App::builder(log.open().await).keys_in(Arc::clone(&keys) as SharedKeys, master(7));
    let app = app.start().await.unwrap();
    for (user, read_by) in [(1, "read"), (2, "feed"), (3, "load")] {
        let (other, address) = (other.clone(), format!("{read_by}@example.org"));
        let command = signed_up(user, &address);
        keys.after_next_lookup(async move {
            let (address, receipt) = (command.email.clone(), other.execute(command).await.unwrap());
            // In the feed too.
            other.find::<Profile>(&address).after(&receipt).await.unwrap();
        });
        let found = match read_by {
            "read" => app.store().read(&[Read::all(by(&address))]).await.unwrap()[0].records.len(),
            "feed" => {
                let limit = PageLimit::records(9);
                app.store().feed(&by(&address), Position::START, limit).await.unwrap().records.len()
            }
            _ => usize::from(user_of(&app, &address).await == Some(UserId(user))),
        };
        assert_eq!(found, 1, "{read_by}");
    }
}
