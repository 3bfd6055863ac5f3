//! What holds on every store.

use std::{collections::BTreeSet, future::poll_fn, pin::pin, sync::Arc, task::Poll, time::Duration};

use annalist::{
    App, Criteria, EventStore, ExecuteError, Invalid, Memory, Position, Secret, Sqlite,
    keys::SharedKeys,
    raw::store::PageLimit,
    transfer::{self, Export},
};
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

use super::{
    domain::{Address, Befriend, Customer, CustomerEvent, customer, email_of, register},
    faulty_keys::FaultyKeys,
    secret_log::{SecretLog, Traces, builder_on, master},
};

/// Passes the names of all checks to a macro.
macro_rules! for_each_check {
    ($run:ident) => {
        $run! {
            forgotten_subject_is_forgotten_everywhere
            store_holds_no_secret_in_plain_text
            each_secret_of_an_event_is_of_its_own_subject
            nothing_is_written_for_a_forgotten_subject_until_it_is_readmitted
            secrets_are_not_written_without_keys
            secrets_are_not_read_without_keys
            other_process_stops_answering_with_a_forgotten_secret
            processes_forget_at_the_same_time
            subject_is_forgotten_during_a_rebuild
            interrupted_forgetting_is_completed_at_the_next_start
            master_key_is_replaced_and_the_old_one_left_out
            keys_are_in_another_store
            secrets_are_unavailable_and_not_forgotten_while_the_key_store_is
            damaged_and_moved_secrets_are_reported
            exports_and_copies_have_encrypted_secrets
            long_histories_are_complete
        }
    };
}

/// Far longer than needed, for busy machines.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// Everything that the store holds of events and commands, as text.
async fn stored(log: &SecretLog) -> String {
    let store = log.open().await;
    let page = store.feed(&Criteria::all(), Position::START, PageLimit::records(100)).await.unwrap();
    let journal = store.journal(0, PageLimit::records(100)).await.unwrap();
    format!("{page:?} {journal:?}")
}

async fn address(app: &App, name: &str) -> String {
    app.find::<Address>(&customer(name)).await.unwrap().unwrap().email
}

/// Registers customers, and waits for their rows.
pub(super) async fn registered(app: &App, names: &[&str]) {
    for name in names {
        let receipt = app.execute(register(name)).await.unwrap();
        app.find::<Address>(&customer(name)).after(&receipt).await.unwrap().unwrap();
    }
}

/// Registers customers, and waits for the rows of a projection.
pub(super) async fn registered_in(app: &App, names: &[&str], projection: &str) {
    for name in names {
        let receipt = app.execute(register(name)).await.unwrap();
        app.wait_for_position(projection, &receipt, TIMEOUT).await.unwrap();
    }
}

async fn is_forgotten(app: &App, name: &str) -> bool {
    let state = app.load::<Customer>(&customer(name)).await.unwrap();
    let secret = state.email.unwrap();
    assert_eq!(secret.is_forgotten(), state.copied.is_none());
    secret.is_forgotten() && address(app, name).await == "forgotten"
}

async fn is_state_forgotten(app: &App, name: &str) -> bool {
    app.load::<Customer>(&customer(name)).await.unwrap().email.unwrap().is_forgotten()
}

async fn is_known(app: &App, name: &str) -> bool {
    let state = app.load::<Customer>(&customer(name)).await.unwrap();
    let is_known = state.email.unwrap() == Secret::new(email_of(name));
    is_known && address(app, name).await == email_of(name)
}

/// Asks until the answer is `true`.
pub(super) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let asked = timeout(TIMEOUT, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("timed out: {what}"));
}

pub(crate) async fn forgotten_subject_is_forgotten_everywhere(log: &SecretLog) {
    let traces = Traces::default();
    let traced = tracing::subscriber::set_default(traces.clone());
    let app = log.app().await;
    registered(&app, &["ann", "bob"]).await;
    assert!(is_known(&app, "ann").await && is_known(&app, "bob").await);
    let journal = app.journal(0, 10).await.unwrap();
    assert!(journal[0].body.as_str().contains(&email_of("ann")));
    assert_ne!(log.contains(&email_of("ann")).await, Some(false)); // in its row

    let erasure = app.forget(&customer("ann")).actor("officer").await.unwrap();
    assert!(erasure.completed_at.is_some() && erasure.actor.as_deref() == Some("officer"));
    assert_eq!(app.erasures().await.unwrap(), [erasure]);
    assert!(is_forgotten(&app, "ann").await && is_known(&app, "bob").await);
    let journal = app.journal(0, 10).await.unwrap();
    assert!(
        journal[0].body.as_str().contains("$forgotten")
            && journal[1].body.as_str().contains(&email_of("bob"))
    );
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
    assert_ne!(log.contains(&email_of("bob")).await, Some(false));
    app.shut_down().await;
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));

    drop(traced);
    let text = traces.text();
    assert!(text.len() > 100 && !text.contains(&email_of("ann")), "{text}");
    let later = log.app().await;
    assert!(is_forgotten(&later, "ann").await && is_known(&later, "bob").await);
}

pub(crate) async fn store_holds_no_secret_in_plain_text(log: &SecretLog) {
    let app = log.app().await;
    app.execute(register("ann")).await.unwrap();
    app.execute(register("ann")).await.unwrap_err(); // the journal has it too
    let stored = stored(log).await;
    assert!(
        stored.contains("$sealed") && stored.contains("customer:ann") && stored.contains("free"),
        "{stored}"
    );
    assert!(!stored.contains(&email_of("ann")) && !stored.contains("$secret"), "{stored}");
}

pub(crate) async fn each_secret_of_an_event_is_of_its_own_subject(log: &SecretLog) {
    let app = log.app().await;
    app.execute(befriend()).await.unwrap();
    app.forget(&customer("bob")).await.unwrap();
    let notes = async |name| app.load::<Customer>(&customer(name)).await.unwrap().notes;
    assert_eq!(notes("ann").await, [Secret::new("of ann".to_owned())]);
    assert_eq!(notes("bob").await, [Secret::forgotten(), Secret::forgotten()]);
}

fn befriend() -> Befriend {
    let note = |text: &str| Secret::new(text.to_owned());
    Befriend {
        from: customer("ann"),
        to: customer("bob"),
        from_note: Some(note("of ann")),
        to_notes: vec![note("of bob"), note("of bob too")],
    }
}

pub(crate) async fn nothing_is_written_for_a_forgotten_subject_until_it_is_readmitted(log: &SecretLog) {
    let app = log.app().await;
    app.forget(&customer("ann")).await.unwrap(); // a subject without events
    let error = app.execute(register("ann")).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::SubjectForgotten)), "{error:?}");
    assert!(!stored(log).await.contains("customer:ann"));

    assert!(app.readmit(&customer("ann")).await.unwrap());
    assert!(!app.readmit(&customer("ann")).await.unwrap());
    app.execute(register("ann")).await.unwrap();
    assert!(!app.load::<Customer>(&customer("ann")).await.unwrap().email.unwrap().is_forgotten());
}

pub(crate) async fn secrets_are_not_written_without_keys(log: &SecretLog) {
    let app = log.builder().await.start().await.unwrap();
    let error = app.execute(register("ann")).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::SecretWithoutKeys { .. })), "{error:?}");
    assert_eq!(log.open().await.settled().await.unwrap().position, Position::START);
}

/// A program with types of these events is refused at its start, and another one at its first read.
pub(crate) async fn secrets_are_not_read_without_keys(log: &SecretLog) {
    let app = log.app().await;
    registered(&app, &["ann"]).await;
    app.shut_down().await;
    let check = |error: annalist::Error| {
        let text = error.to_string();
        assert!(matches!(error, annalist::Error::Invalid(Invalid::SealedWithoutKeys { .. })), "{error:?}");
        assert!(text.contains("`customer.registered` at position 1") && text.contains(".keys("), "{text}");
    };
    check(log.builder().await.start().await.unwrap_err());
    let app = App::builder(log.open().await).start().await.unwrap();
    check(app.load::<Customer>(&customer("ann")).await.unwrap_err());
    check(app.history::<CustomerEvent>(&customer("ann")).await.unwrap_err());
}

/// The other process has the state, the keys and the rows in memory.
pub(crate) async fn other_process_stops_answering_with_a_forgotten_secret(log: &SecretLog) {
    let (app, other) = (log.app().await, log.app().await);
    registered(&app, &["ann", "bob"]).await;
    until("the other process has the rows", async || {
        other.find::<Address>(&customer("bob")).await.unwrap().is_some()
    })
    .await;
    assert!(is_known(&other, "ann").await);
    let forgetting = app.clone();
    let forgetting = tokio::spawn(async move { forgetting.forget(&customer("ann")).await });
    until("the other process has discarded the state", async || is_state_forgotten(&other, "ann").await)
        .await;
    forgetting.await.unwrap().unwrap();
    assert!(is_forgotten(&other, "ann").await, "the other process reads the new rows");
    let error = other.execute(register("ann")).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(Invalid::SubjectForgotten)), "{error:?}");
}

pub(crate) async fn processes_forget_at_the_same_time(log: &SecretLog) {
    let (app, other) = (log.app().await, log.app().await);
    registered(&app, &["ann", "bob", "cid"]).await;
    let (ann, bob) = (customer("ann"), customer("bob"));
    let done = timeout(TIMEOUT, async {
        tokio::join!(app.forget(&ann), app.forget(&ann), other.forget(&ann), other.forget(&bob))
    });
    let (first, second, third, fourth) = done.await.unwrap();
    for erasure in [first, second, third, fourth] {
        assert!(erasure.unwrap().completed_at.is_some());
    }
    for app in [&app, &other] {
        for name in ["ann", "bob"] {
            assert!(is_forgotten(app, name).await, "the rows are folded again");
        }
        assert_eq!(app.erasures().await.unwrap().len(), 2);
    }
    for name in ["ann", "bob"] {
        assert_ne!(log.contains(&email_of(name)).await, Some(true), "{name}");
    }
}

pub(crate) async fn subject_is_forgotten_during_a_rebuild(log: &SecretLog) {
    let app = log.app().await;
    registered(&app, &["ann", "bob"]).await;
    for _ in 0..2 {
        let ann = customer("ann");
        let both = async { tokio::join!(app.rebuild("addresses"), app.forget(&ann)) };
        let (rebuilt, forgotten) = timeout(TIMEOUT, both).await.unwrap();
        rebuilt.unwrap();
        forgotten.unwrap();
        assert!(is_forgotten(&app, "ann").await && is_known(&app, "bob").await);
        assert_ne!(log.contains(&email_of("ann")).await, Some(true));
    }
}

/// Polls a future at most this many times. Returns its output if it completed before.
pub(super) async fn polled<F: Future>(most: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), most);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left <= 1 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// The process ends wherever the call waits.
pub(crate) async fn interrupted_forgetting_is_completed_at_the_next_start(log: &SecretLog) {
    let (mut polls, mut interrupted) = (1, 0);
    loop {
        let log = log.another();
        let app = log.app().await;
        registered(&app, &["ann", "bob"]).await;
        let is_over = polled(polls, app.forget(&customer("ann")).into_future()).await.is_some();
        drop(app);
        let keys = log.open().await.key_store().unwrap();
        interrupted += keys.erasures(true).await.unwrap().len();
        let app = log.app().await;
        match app.erasures().await.unwrap().as_slice() {
            [] => assert!(is_known(&app, "ann").await),
            [_] => {
                until("the erasure is complete", async || {
                    app.erasures().await.unwrap()[0].completed_at.is_some()
                })
                .await;
                until("the rows are folded again", async || is_forgotten(&app, "ann").await).await;
                assert_ne!(log.contains(&email_of("ann")).await, Some(true), "after {polls} polls");
            }
            more => panic!("{more:?}"),
        }
        assert!(is_known(&app, "bob").await);
        if is_over {
            break;
        }
        polls += 1 + polls / 6;
    }
    assert!(interrupted > 0, "none was interrupted");
}

pub(crate) async fn master_key_is_replaced_and_the_old_one_left_out(log: &SecretLog) {
    let app = log.app().await;
    registered(&app, &["ann", "bob"]).await;
    app.shut_down().await;
    let error = log.builder().await.keys(master(8)).start().await.unwrap_err();
    assert!(error.to_string().contains("master key"), "{error}");

    let app = log.builder().await.keys(master(8).and_older(master(7))).start().await.unwrap();
    assert!(is_known(&app, "ann").await);
    registered(&app, &["cid"]).await; // with the new one
    let store = log.open().await.key_store().unwrap();
    let old = store.keys_after(Uuid::nil(), 100).await.unwrap();
    let old = old.iter().filter(|key| key.master != old.last().unwrap().master).count();
    assert!(old >= 3, "the key of the hashes and those of two subjects: {old}");
    assert_eq!(app.rewrap_keys().await.unwrap(), old as u64);
    assert_eq!(app.rewrap_keys().await.unwrap(), 0);
    app.shut_down().await;

    let app = log.builder().await.keys(master(8)).start().await.unwrap();
    for name in ["ann", "bob", "cid"] {
        assert!(is_known(&app, name).await);
    }
    let error = log.builder().await.keys(master(7)).start().await.unwrap_err();
    assert!(error.to_string().contains("master key"), "{error}");
}

pub(crate) async fn keys_are_in_another_store(log: &SecretLog) {
    let folder = tempfile::tempdir().unwrap();
    let keys = Sqlite::open(folder.path().join("keys.db")).await.unwrap().key_store().unwrap();
    let app = log.builder().await.keys_in(Arc::clone(&keys), master(7)).start().await.unwrap();
    registered(&app, &["ann", "bob"]).await;
    let of_log = log.open().await.key_store().unwrap();
    assert_eq!(of_log.keys_after(Uuid::nil(), 10).await.unwrap(), []);
    assert!(keys.keys_after(Uuid::nil(), 10).await.unwrap().len() >= 3);
    app.forget(&customer("ann")).await.unwrap();
    app.shut_down().await;

    let app = log.builder().await.keys_in(keys, master(7)).start().await.unwrap();
    assert!(is_forgotten(&app, "ann").await && is_known(&app, "bob").await);
    app.shut_down().await;
    // Without that store nothing is taken for forgotten.
    let error = match log.builder().await.keys(master(7)).start().await {
        Ok(app) => app.load::<Customer>(&customer("bob")).await.unwrap_err(),
        Err(error) => error, // of the samples that it decodes
    };
    assert!(error.to_string().contains("it is another key store"), "{error}");
}

pub(crate) async fn secrets_are_unavailable_and_not_forgotten_while_the_key_store_is(log: &SecretLog) {
    let store = log.open().await;
    let keys = FaultyKeys::new(store.key_store().unwrap());
    let keys = Arc::new(keys);
    let shared: SharedKeys = keys.clone();
    let app = builder_on(Arc::clone(&store)).keys_in(shared, master(7)).start().await.unwrap();
    registered(&app, &["ann"]).await;
    let end = store.settled().await.unwrap().position;

    keys.set_down(true);
    let error = app.execute(register("bob")).await.unwrap_err();
    assert!(matches!(error, ExecuteError::Unavailable(_)), "{error:?}");
    assert_eq!(store.settled().await.unwrap().position, end);
    // At first it uses the copies of the keys.
    until("the copies of the keys are too old", async || {
        match app.history::<CustomerEvent>(&customer("ann")).await {
            Ok(events) => {
                let CustomerEvent::Registered { email, .. } = &events[0].event else { panic!() };
                assert!(!email.is_forgotten());
                false
            }
            Err(error) => {
                assert!(error.is_unavailable(), "{error:?}");
                true
            }
        }
    })
    .await;
    let error = app.forget(&customer("ann")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");

    keys.set_down(false);
    assert!(is_known(&app, "ann").await);
    registered(&app, &["bob"]).await;
}

/// The encrypted secrets of an event, in their order.
async fn sealed(log: &SecretLog, position: u64) -> Vec<String> {
    let store = log.open().await;
    let page =
        store.feed(&Criteria::all(), Position::new(position - 1), PageLimit::records(1)).await.unwrap();
    let parts = page.records[0].data.as_str().split("\"$sealed\":\"").skip(1);
    parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
}

pub(crate) async fn damaged_and_moved_secrets_are_reported(log: &SecretLog) {
    let app = log.app().await;
    registered(&app, &["ann"]).await;
    app.execute(befriend()).await.unwrap();
    app.shut_down().await;
    let (ann, notes) = (sealed(log, 1).await, sealed(log, 2).await);
    let (email, [from, first, second]) = (&ann[0], notes.as_slice()) else { panic!("{notes:?}") };
    let damaged = format!("{}AAAA", &email[..email.len() - 4]);
    let cases = [
        (1, email, &damaged, "mail"),
        (1, email, from, "mail"),       // of the same subject, from another event
        (2, from, email, "from_note"),  // likewise
        (2, first, second, "to_notes"), // from another place of the same event
    ];
    for (position, old, new, field) in cases {
        if !log.replace_in_event(position, old, new).await {
            return;
        }
        let error = match log.builder().await.keys(master(7)).start().await {
            Ok(app) => app.history::<CustomerEvent>(&customer("ann")).await.unwrap_err(),
            Err(error) => error, // of the samples that it decodes
        };
        let text = error.to_string();
        assert!(matches!(error, annalist::Error::Invalid(Invalid::DamagedSecret { .. })), "{error:?}");
        assert!(text.contains(&format!("position {position}")) && text.contains(field), "{text}");
        if old != first {
            log.replace_in_event(position, new, old).await;
        }
    }
}

pub(crate) async fn exports_and_copies_have_encrypted_secrets(log: &SecretLog) {
    let app = log.app().await;
    registered(&app, &["ann", "bob"]).await;
    let mut export = Vec::new();
    Export::new(Arc::clone(app.store())).write_to(&mut export).await.unwrap();
    let text = String::from_utf8(export).unwrap();
    assert!(text.contains("$sealed") && text.contains("customer:ann"), "{text}");
    assert!(!text.contains("$secret") && !text.contains(&email_of("ann")), "{text}");

    let copy = Memory::new();
    transfer::copy(&**app.store(), &copy).await.unwrap();
    let imported = Memory::new();
    transfer::import(&imported, &mut text.as_bytes()).await.unwrap();
    app.forget(&customer("ann")).await.unwrap();
    for copy in [copy, imported] {
        let keys = log.open().await.key_store().unwrap();
        let moved = builder_on(Arc::new(copy)).keys_in(keys, master(7)).start().await.unwrap();
        let state = async |name| moved.load::<Customer>(&customer(name)).await.unwrap().email.unwrap();
        assert!(state("ann").await.is_forgotten());
        assert_eq!(state("bob").await, Secret::new(email_of("bob")));
    }
}

/// Around the largest number of events that are read at once, and beyond it.
pub(crate) async fn long_histories_are_complete(log: &SecretLog) {
    let app = log.app().await;
    let mut written = 0;
    for count in [999, 1_000, 1_001, 2_100] {
        let mut tasks = JoinSet::new();
        for number in written..count {
            let (app, note) = (app.clone(), Secret::new(number.to_string()));
            let (from, to) = (customer("ann"), customer("bob"));
            tasks.spawn(async move {
                let command = Befriend { from, to, from_note: Some(note), to_notes: Vec::new() };
                app.execute(command).await.unwrap()
            });
        }
        tasks.join_all().await;
        written = count;
        let history = app.history::<CustomerEvent>(&customer("ann")).await.unwrap();
        let notes = history.iter().filter_map(|recorded| match &recorded.event {
            CustomerEvent::Befriended { from_note: Some(note), .. } => note.known()?.parse().ok(),
            _ => None,
        });
        assert_eq!(notes.collect::<BTreeSet<usize>>(), (0..count).collect());
        let positions = history.iter().map(|recorded| recorded.position);
        assert!(positions.is_sorted());
        assert_eq!(app.load::<Customer>(&customer("ann")).await.unwrap().notes.len(), count);
    }
}
