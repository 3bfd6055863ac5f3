//! Secrets of events that were stored in plain text are encrypted, while programs that have them as secrets and as plain fields are running.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    process::{Child, Command},
    sync::{Arc, atomic::Ordering},
};

use annalist::{
    App, Error, EventStore, Invalid, Memory, Secret, Timestamp,
    app::Journal,
    keys::LocalMasterKey,
    prelude::*,
    raw::store::{Rewrite, RewriteState},
};
use annalist_flow_tests::{
    encrypted::{
        CustomerId, begin, check_followers, check_half_done, check_interrupted_erasure, check_log,
        check_older_follower, check_pass, customer, email_of, newer, older, race, register_newer,
        register_older, start_newer, start_older, stored,
    },
    faulty_store::FaultyStore,
    test_log::{TestLog, on_each_log},
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, query, query_scalar, sqlite::SqliteConnectOptions};

#[tokio::test]
async fn stored_secrets_are_encrypted_and_nothing_else_changes() {
    on_each_log(async |log| check_pass(async || log.app().await).await).await;
}

#[tokio::test]
async fn pass_waits_for_followers() {
    on_each_log(async |log| check_followers(async || log.app().await).await).await;
}

#[tokio::test]
async fn interrupted_pass_is_a_finding_and_goes_on() {
    on_each_log(async |log| check_half_done(async || log.app().await).await).await;
}

#[tokio::test]
async fn follower_of_an_older_program_stops_when_the_pass_begins() {
    on_each_log(async |log| check_older_follower(async || log.app().await).await).await;
}

#[tokio::test]
async fn interrupted_pass_over_forgotten_subjects_erases_their_copies() {
    on_each_log(async |log| check_interrupted_erasure(async || log.app().await).await).await;
}

#[tokio::test]
async fn no_address_stays_in_plain_text_while_programs_append() {
    for log in [TestLog::Memory(Memory::new()), TestLog::file()] {
        let older = start_older(log.app().await).await.unwrap();
        let newer = start_newer(log.app().await).await.unwrap();
        race(&older, &newer).await.unwrap();
    }
}

/// If the store does not compare the list, the older program goes on as before.
#[tokio::test]
async fn store_that_does_not_compare_the_list_is_detected() {
    for drops_successors in [false, true] {
        let store = Arc::new(FaultyStore::new([]));
        store.drops_successors.store(drops_successors, Ordering::SeqCst);
        let older = start_older(App::builder(Arc::clone(&store))).await.unwrap();
        let newer = start_newer(App::builder(Arc::clone(&store)).rows(Memory::new())).await.unwrap();
        let result = race(&older, &newer).await;
        assert_eq!(result.is_err(), drops_successors, "{result:?}");
    }
}

/// Whether a text is in the bytes of the file or of its write-ahead log.
fn is_in_files(log: &TestLog, text: &str) -> bool {
    let path = log.path().unwrap();
    let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
    files.into_iter().any(|file| {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

/// A file with payloads of many sizes, so that some of them are on pages of their own, and some pages are split, and the app that wrote it.
async fn file_with_plain_text() -> (TestLog, App) {
    let log = TestLog::file();
    let older = start_older(log.app().await.journal(Journal::All)).await.unwrap();
    for number in 0..200_usize {
        let name = format!("{}c{}", "x".repeat(number * number % 9_000), number % 7);
        let command =
            older::Register { customer: CustomerId(format!("c{}", number % 7)), email: email_of(&name) };
        older.execute(command).await.unwrap();
        older.load::<older::Customer>(&CustomerId(format!("c{}", number % 7))).await.unwrap();
    }
    assert!(is_in_files(&log, "plain-text"));
    (log, older)
}

#[tokio::test]
async fn file_and_its_write_ahead_log_have_no_byte_of_the_plain_text() {
    let (log, older) = file_with_plain_text().await;
    let newer = App::builder(log.process().await.store).keys(LocalMasterKey::new([7; 32]));
    let newer = newer.commands::<newer::Register>().start().await.unwrap();
    let done = newer.encrypt_stored::<newer::Registered>().await.unwrap();
    assert_eq!(done[0].changed, 200);
    // The journal has the commands as they were executed.
    assert!(is_in_files(&log, "plain-text"));
    assert_eq!(newer.purge_journal(Timestamp::MAX).await.unwrap(), 200);
    assert!(!is_in_files(&log, "plain-text"));
    assert!(newer.verify().await.unwrap().is_sound());
    drop(older);
}

/// The control of the search: the same changes in SQL, by a connection that overwrites what it deletes, and by one that does not.
#[tokio::test]
async fn plain_text_is_found_in_a_file_without_secure_delete() {
    for overwrites in [true, false] {
        let (log, older) = file_with_plain_text().await;
        older.shut_down().await;
        let options = SqliteConnectOptions::new().filename(log.path().unwrap());
        let mut file = SqliteConnection::connect_with(&options).await.unwrap();
        for sql in [
            &format!("PRAGMA secure_delete = {overwrites}"),
            r#"UPDATE annalist_events SET data = '{"customer":"c","email":"","plan":"free"}'"#,
            "DELETE FROM annalist_snapshots",
            "DELETE FROM annalist_journal",
            "PRAGMA wal_checkpoint(TRUNCATE)",
        ] {
            query(AssertSqlSafe(sql.to_owned())).execute(&mut file).await.unwrap();
        }
        let rows = "SELECT EXISTS (SELECT 1 FROM annalist_events WHERE data LIKE '%plain-text%')";
        assert!(!query_scalar::<_, bool>(rows).fetch_one(&mut file).await.unwrap());
        assert_eq!(is_in_files(&log, "plain-text"), !overwrites);
    }
}

async fn pass(store: &dyn EventStore) -> Rewrite {
    store.successors().await.unwrap().rewrites()[0].clone()
}

/// A process that encrypts the addresses is killed after each few steps, while the newer program appends.
#[tokio::test(flavor = "multi_thread")]
async fn killed_pass_goes_on_where_it_was() {
    let log = TestLog::file();
    let older = start_older(log.app().await).await.unwrap();
    for number in 0..700 {
        register_older(&older, &format!("{}{}", ["c", "o"][number / 7 % 2], number % 7)).await.unwrap();
    }
    let newer = start_newer(log.app().await).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    let store = log.process().await.store;
    begin(&*store).await;
    let url = format!("sqlite:{}", log.path().unwrap().display());
    let start = || Command::new(env!("CARGO_BIN_EXE_encrypter")).arg(&url).spawn().unwrap();
    for kill in 1..=4 {
        let mut process = start();
        await_events(&*store, kill * 30, &mut process).await;
        process.kill().unwrap();
        process.wait().unwrap();
        assert!(!newer.verify().await.unwrap().is_sound());
        register_newer(&newer, "c0").await.unwrap();
    }
    assert!(start().wait().unwrap().success());
    let done = pass(&*store).await;
    // No event was counted twice.
    assert_eq!((done.state, done.events, done.changed), (RewriteState::Complete, 704, 700));
    check_log(&newer).await.unwrap();
    // The other program has snapshots and rows in memory and in the file, which are none of the log.
    assert!(stored(&*store).await.iter().all(|record| !record.data.as_str().contains("plain-text")));
}

/// Waits until a process has read this many events.
async fn await_events(store: &dyn EventStore, events: u64, process: &mut Child) {
    while pass(store).await.events < events {
        assert!(process.try_wait().unwrap().is_none(), "the process has ended");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn app_without_keys_and_type_without_secrets_are_refused() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    let error = app.encrypt_stored::<newer::Registered>().await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && error.to_string().contains("keys"), "{error}");
    let app = start_older(App::builder(Memory::new())).await.unwrap();
    let error = app.encrypt_stored::<older::Registered>().await.unwrap_err();
    assert!(matches!(error, Error::Unusable { .. }) && error.to_string().contains("#[secret("), "{error}");
}

/// An event with steps from older versions.
mod chain {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "guest.noted")]
    pub(super) struct First {
        #[id]
        pub(super) guest: CustomerId,
        pub(super) mails: Vec<String>,
        pub(super) note: Note,
    }

    #[derive(Serialize, Deserialize, Clone, Debug)]
    pub(super) struct Note {
        pub(super) text: String,
        pub(super) color: String,
    }

    #[derive(Command, Serialize, Clone)]
    #[command(decide = note)]
    pub(super) struct Add {
        pub(super) guest: CustomerId,
        pub(super) text: String,
    }

    fn note(command: &Add) -> First {
        let Add { guest, text } = command.clone();
        let mails = vec![text.clone(), "second".to_owned()];
        First { guest, mails, note: Note { text, color: "red".to_owned() } }
    }

    /// The first version as a program with secrets reads it.
    #[derive(Deserialize)]
    pub(super) struct FirstWithSecrets {
        guest: CustomerId,
        mails: Vec<Secret<String>>,
        note: NoteWithSecret,
    }

    #[derive(Deserialize)]
    struct NoteWithSecret {
        text: Secret<String>,
        color: String,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "guest.noted", version = 2, upcast(1 => from_first))]
    pub(super) struct Noted {
        #[id]
        pub(super) guest: CustomerId,
        #[secret(subject = guest)]
        pub(super) emails: Vec<Secret<String>>,
        #[secret(subject = guest)]
        pub(super) note: Option<Secret<String>>,
        pub(super) color: String,
    }

    fn from_first(first: FirstWithSecrets) -> Noted {
        let FirstWithSecrets { guest, mails, note: NoteWithSecret { text, color } } = first;
        Noted { guest, emails: mails, note: Some(text), color }
    }

    /// A program whose older type has the fields in plain text.
    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "guest.noted", version = 2, upcast(1 => from_plain))]
    pub(super) struct NotedFromPlain {
        #[id]
        guest: CustomerId,
        #[secret(subject = guest)]
        note: Secret<String>,
    }

    fn from_plain(first: First) -> NotedFromPlain {
        NotedFromPlain { guest: first.guest, note: first.note.text.into() }
    }
}

#[tokio::test]
async fn secrets_of_older_versions_are_encrypted_where_they_are() {
    on_each_log(async |log| {
        let keys = || LocalMasterKey::new([7; 32]);
        let first = log.app().await.keys(keys()).start().await.unwrap();
        let guest = CustomerId("ann".to_owned());
        first.execute(chain::Add { guest: guest.clone(), text: "private".to_owned() }).await.unwrap();

        // A type that reads the older version as plain text.
        let other = log.app().await.keys(keys()).start().await.unwrap();
        let error = other.encrypt_stored::<chain::NotedFromPlain>().await.unwrap_err();
        match &error {
            Error::Invalid(Invalid::SecretNotInPlace { name, version, position, path }) => {
                assert_eq!((name.as_str(), *version, position.get()), ("guest.noted", 1, 1));
                assert_eq!(path, "/note");
            }
            error => unreachable!("{error}"),
        }
        assert!(error.to_string().contains("declare the field as `Secret<…>`"), "{error}");

        // Nothing has begun.
        assert!(other.encryptions().await.unwrap().is_empty());

        let app = log.app().await.keys(keys()).start().await.unwrap();
        let done = app.encrypt_stored::<chain::Noted>().await.unwrap();
        assert_eq!(done[0].changed, 1);
        let records = stored(&**app.store()).await;
        let data = records[0].data.as_str();
        assert_eq!((data.matches("$sealed").count(), records[0].version), (3, 1), "{data}");
        assert!(!data.contains("private") && !data.contains("second") && data.contains("red"), "{data}");
        let history = app.history::<chain::Noted>(&guest).await.unwrap();
        let chain::Noted { emails, note, color, .. } = &history[0].event;
        let emails: Vec<_> = emails.iter().filter_map(|email| email.known().map(String::as_str)).collect();
        assert_eq!((emails, color.as_str()), (vec!["private", "second"], "red"));
        assert_eq!(note.as_ref().and_then(Secret::known).unwrap(), "private");

        app.forget(&guest).await.unwrap();
        let history = app.history::<chain::Noted>(&guest).await.unwrap();
        assert!(history[0].event.emails.iter().all(Secret::is_forgotten));
    })
    .await;
}

/// The event of a version before, which is retired, and the one that is made from it.
mod retired {
    use super::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "guest.joined", retired)]
    pub(super) struct Joined {
        #[id]
        guest: CustomerId,
        #[secret(subject = guest)]
        mail: Secret<String>,
    }

    #[derive(Event, Serialize, Deserialize, Clone, Debug)]
    #[event(name = "guest.entered", from(Joined => Entered::from_joined))]
    pub(super) struct Entered {
        #[id]
        guest: CustomerId,
        #[secret(subject = guest)]
        pub(super) email: Secret<String>,
    }

    impl Entered {
        fn from_joined(Joined { guest, mail }: Joined) -> Self {
            Self { guest, email: mail }
        }
    }

    /// The program that wrote the retired event.
    pub(super) mod older {
        use super::*;

        #[derive(Event, Serialize, Deserialize, Clone, Debug)]
        #[event(name = "guest.joined")]
        struct Joined {
            #[id]
            guest: CustomerId,
            mail: String,
        }

        #[derive(Command, Serialize, Clone)]
        #[command(decide = join)]
        pub(crate) struct Join {
            pub(crate) guest: CustomerId,
            pub(crate) mail: String,
        }

        fn join(command: &Join) -> Joined {
            let Join { guest, mail } = command.clone();
            Joined { guest, mail }
        }
    }
}

#[tokio::test]
async fn secrets_of_retired_events_are_encrypted_or_forgotten_with_their_subject() {
    on_each_log(async |log| {
        let start = async || log.app().await.keys(LocalMasterKey::new([7; 32])).start().await.unwrap();
        let (first, ann, bob) = (start().await, customer("ann"), customer("bob"));
        for guest in [&ann, &bob] {
            let mail = email_of(&guest.0);
            first.execute(retired::older::Join { guest: guest.clone(), mail }).await.unwrap();
        }
        let app = start().await;
        app.forget(&bob).await.unwrap();
        let done = app.encrypt_stored::<retired::Entered>().await.unwrap();
        let joined = done.iter().find(|one| one.name == "guest.joined").unwrap();
        assert_eq!((joined.state, joined.events, joined.changed), (RewriteState::Complete, 2, 2));
        let records = stored(&**app.store()).await;
        assert!(records[0].data.as_str().contains("$sealed"), "{:?}", records[0].data);
        assert_eq!(records[1].data.as_str(), r#"{"guest":"bob","mail":{"$forgotten":true}}"#);
        let email = async |guest: &CustomerId| {
            app.history::<retired::Entered>(guest).await.unwrap().remove(0).event.email.into_known()
        };
        assert_eq!((email(&ann).await, email(&bob).await), (Some(email_of("ann")), None));
        app.forget(&ann).await.unwrap();
        assert_eq!(email(&ann).await, None);
    })
    .await;
}
