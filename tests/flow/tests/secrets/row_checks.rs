//! What holds for secrets in rows on every store.

#[path = "row_domain.rs"]
pub(super) mod row_domain;

use std::sync::Arc;

use annalist::{
    App, Error, EventStore, Invalid, Memory, Projection, Secret, Sqlite,
    app::Builder,
    keys::SharedKeys,
    projection::{ProjectionOptions, State, Value},
    raw::rows::{Row, RowChange, RowQuery, SharedRows},
};
use tokio::time::timeout;

use self::row_domain::{Contact, Contacts, Leak, MailDomain};
use super::{
    checks::{TIMEOUT, registered_in, until},
    domain::{Befriend, customer, email_of, register},
    faulty_keys::FaultyKeys,
    secret_log::{SecretLog, master},
};

/// Passes the names of all checks to a macro.
macro_rules! for_each_row_check {
    ($run:ident) => {
        $run! {
            secret_of_a_row_is_forgotten_without_a_rebuild
            watched_query_answers_again_without_the_secret
            row_is_found_by_its_secret_until_it_is_forgotten
            stored_rows_have_no_secret_in_plain_text
            moved_secret_of_a_row_is_refused
            rows_are_unavailable_and_not_forgotten_while_the_key_store_is
            rows_are_in_another_store_than_the_events
            secret_stays_forgotten_after_its_subject_is_readmitted
            builds_of_the_same_secrets_are_equal
            handlers_that_read_secrets_say_so
            rows_with_copies_are_folded_again
            rows_with_secrets_need_keys
            keys_of_a_page_are_loaded_at_once
        }
    };
}

pub(super) fn builder(store: Arc<dyn EventStore>) -> Builder {
    App::builder(store).projection::<Contact>()
}

pub(super) async fn start(log: &SecretLog) -> App {
    builder(log.open().await).keys(master(7)).start().await.unwrap()
}

/// Registers customers, and waits for their rows.
pub(super) async fn registered(app: &App, names: &[&str]) {
    registered_in(app, names, "contacts").await;
}

pub(super) async fn contact(app: &App, name: &str) -> Contact {
    app.find::<Contact>(&customer(name)).await.unwrap().unwrap()
}

async fn is_known(app: &App, name: &str) -> bool {
    let contact = contact(app, name).await;
    let again =
        app.list::<Contact>().await.unwrap().rows.into_iter().find(|row| row.customer == customer(name));
    assert_eq!(again.as_ref(), Some(&contact));
    match contact.email.known() {
        Some(email) => *email == email_of(name),
        None => false,
    }
}

pub(super) async fn found(app: &App, email: &str) -> Vec<String> {
    let list = app.list::<Contact>().equal_secret("email", email);
    let names: Vec<String> = list.await.unwrap().rows.into_iter().map(|row| row.customer.0).collect();
    let count = app.list::<Contact>().equal_secret("email", email).count().await.unwrap();
    assert_eq!(count, names.len() as u64);
    names
}

/// The rows as a store has them, of the live build.
pub(super) async fn raw_rows<P: Projection>(rows: &SharedRows) -> Vec<Row> {
    let builds = rows.builds(P::TABLE.projection).await.unwrap();
    let live = builds.iter().find(|build| build.live).unwrap();
    let table = P::TABLE.built(live.build);
    let query = RowQuery { table: &table, filters: Vec::new(), sort: None, after: None, limit: 100 };
    rows.find(&query).await.unwrap()
}

/// Replaces a row in the store.
async fn replace_row(rows: &SharedRows, row: Row) {
    let builds = rows.builds("contacts").await.unwrap();
    let live = builds.iter().find(|build| build.live).unwrap();
    let (table, at) = (Contact::TABLE.built(live.build), live.checkpoint.position);
    rows.commit(RowChange { upserts: vec![row], ..RowChange::new(&table, at, at) }).await.unwrap();
}

pub(super) fn befriend(from: &str, to: &str) -> Befriend {
    let note = |text: &str| Secret::new(format!("a note of {text}"));
    Befriend { from: customer(from), to: customer(to), from_note: Some(note(from)), to_notes: vec![note(to)] }
}

async fn live_build(app: &App, name: &str) -> u32 {
    let overview = app.overview().await.unwrap();
    let projection = overview.into_iter().find(|one| one.name == name).unwrap();
    projection.builds.iter().find(|build| build.live).unwrap().build
}

pub(crate) async fn secret_of_a_row_is_forgotten_without_a_rebuild(log: &SecretLog) {
    let (app, other) = (start(log).await, start(log).await);
    registered(&app, &["ann", "bob"]).await;
    let receipt = app.execute(befriend("ann", "bob")).await.unwrap();
    for app in [&app, &other] {
        app.list::<Contact>().after(&receipt).await.unwrap();
        assert!(is_known(app, "ann").await && is_known(app, "bob").await);
        let note = contact(app, "ann").await.note.unwrap();
        assert_eq!(note.known().map(String::as_str), Some("a note of ann"));
    }
    let shown = format!("{:?}", contact(&app, "ann").await);
    assert!(shown.contains("Secret(known)") && !shown.contains("example"), "{shown}");

    app.forget(&customer("ann")).await.unwrap();
    for app in [&app, &other, &start(log).await] {
        let row = contact(app, "ann").await;
        assert!(row.email.is_forgotten() && row.note.unwrap().is_forgotten());
        assert!(is_known(app, "bob").await);
        assert_eq!(live_build(app, "contacts").await, 0);
    }
    // The row is folded on.
    let receipt = app.execute(befriend("bob", "cid")).await.unwrap();
    app.list::<Contact>().after(&receipt).await.unwrap();
    assert!(is_known(&app, "bob").await && !is_known(&app, "ann").await);
}

/// The answer changes although no event was appended.
pub(crate) async fn watched_query_answers_again_without_the_secret(log: &SecretLog) {
    let app = start(log).await;
    registered(&app, &["ann"]).await;
    let mut watch = app.watch(Contacts);
    assert!(!watch.next().await.unwrap().rows[0].email.is_forgotten());
    let ann = customer("ann");
    let (forgotten, answer) = tokio::join!(app.forget(&ann), timeout(TIMEOUT, watch.next()));
    forgotten.unwrap();
    assert!(answer.unwrap().unwrap().rows[0].email.is_forgotten());
}

pub(crate) async fn row_is_found_by_its_secret_until_it_is_forgotten(log: &SecretLog) {
    let app = start(log).await;
    assert_eq!(found(&app, &email_of("ann")).await, Vec::<String>::new()); // before there is any
    registered(&app, &["ann", "bob"]).await;
    assert_eq!(found(&app, &email_of("ann")).await, ["ann"]);
    assert_eq!(found(&app, &email_of("bob")).await, ["bob"]);
    assert_eq!(found(&app, "Ann@example.org").await, Vec::<String>::new());
    let page = app.list::<Contact>().equal_secret("email", &email_of("ann")).limit(1).await.unwrap();
    assert_eq!(page.next, None);
    let shown = format!("{:?}", app.list::<Contact>().equal_secret("email", &email_of("ann")));
    assert!(shown.contains("contacts") && !shown.contains("example"), "{shown}");
    for refused in [
        app.list::<Contact>().order_by("email").await,
        app.list::<Contact>().equal("email", &email_of("ann")).await,
        app.list::<Contact>().prefix("email", "a").await,
        app.list::<Contact>().equal_secret("note", "x").await,
        app.list::<Contact>().order_by("email_lookup").await,
    ] {
        let error = refused.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)) && !error.to_string().contains("example"), "{error}");
    }

    app.forget(&customer("ann")).await.unwrap();
    assert_eq!(found(&app, &email_of("ann")).await, Vec::<String>::new());
    assert_eq!(found(&app, &email_of("bob")).await, ["bob"]);
    let rows = raw_rows::<Contact>(&log.open().await.row_store().unwrap()).await;
    let lookups: Vec<&Value> = rows.iter().map(|row| &row[2]).collect();
    assert!(matches!(lookups[..], [Value::Null, Value::Text(_)]), "{lookups:?}");
    assert_eq!(rows[0][1], Value::Text("forgotten".to_owned()));
}

pub(crate) async fn stored_rows_have_no_secret_in_plain_text(log: &SecretLog) {
    let app = start(log).await;
    registered(&app, &["ann", "bob"]).await;
    let rows = log.open().await.row_store().unwrap();
    let stored = format!("{:?}", raw_rows::<Contact>(&rows).await);
    assert!(stored.contains("ann") && !stored.contains("example") && !stored.contains("$secret"), "{stored}");
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
    app.forget(&customer("ann")).await.unwrap();
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
    app.shut_down().await;
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
}

pub(crate) async fn moved_secret_of_a_row_is_refused(log: &SecretLog) {
    let app = start(log).await;
    registered(&app, &["ann", "bob"]).await;
    let receipt = app.execute(befriend("ann", "bob")).await.unwrap();
    app.list::<Contact>().after(&receipt).await.unwrap();
    let rows = log.open().await.row_store().unwrap();
    let stored = raw_rows::<Contact>(&rows).await;
    let changed = |column: usize, value: &Value| {
        let mut row = stored[0].clone();
        row[column] = value.clone();
        row
    };
    let Value::Text(email) = &stored[0][1] else { panic!("{stored:?}") };
    let damaged = Value::Text(format!("{}AAAA", &email[..email.len() - 4]));
    for (column, value) in [
        (1, &stored[1][1]), // of another row
        (1, &stored[0][3]), // of another column of the same row
        (3, &stored[1][3]),
        (1, &damaged),
        (1, &Value::Text("no secret".to_owned())),
    ] {
        replace_row(&rows, changed(column, value)).await;
        for error in [
            app.find::<Contact>(&customer("ann")).await.unwrap_err(),
            app.list::<Contact>().await.unwrap_err(),
        ] {
            assert!(matches!(error, Error::Invalid(Invalid::DamagedSecret { .. })), "{error:?}");
            let text = error.to_string();
            assert!(text.contains("ann") && text.contains("contacts"), "{text}");
        }
        assert!(app.find::<Contact>(&customer("bob")).await.unwrap().unwrap().email.known().is_some());
    }
    replace_row(&rows, stored[0].clone()).await;
    assert!(is_known(&app, "ann").await);
    // A store takes no secret that is not encrypted.
    let plain = Value::Text(r#"{"$secret":{"subject":"customer:ann","value":"x"}}"#.to_owned());
    let builds = rows.builds("contacts").await.unwrap();
    let (table, at) = (Contact::TABLE.built(builds[0].build), builds[0].checkpoint.position);
    let change = RowChange { upserts: vec![changed(1, &plain)], ..RowChange::new(&table, at, at) };
    let error = rows.commit(change).await.unwrap_err();
    assert!(error.to_string().contains(".keys("), "{error}");
}

pub(crate) async fn rows_are_unavailable_and_not_forgotten_while_the_key_store_is(log: &SecretLog) {
    let store = log.open().await;
    let keys = Arc::new(FaultyKeys::new(store.key_store().unwrap()));
    let shared: SharedKeys = keys.clone();
    let app = builder(Arc::clone(&store)).keys_in(shared, master(7)).start().await.unwrap();
    registered(&app, &["ann"]).await;
    // The event is there, and its row is not written.
    let writer = App::builder(Arc::clone(&store)).keys(master(7)).start().await.unwrap();
    keys.set_down(true);
    until("the copies of the keys are too old", async || match app.find::<Contact>(&customer("ann")).await {
        Ok(row) => {
            assert!(!row.unwrap().email.is_forgotten());
            false
        }
        Err(error) => {
            assert!(error.is_unavailable(), "{error:?}");
            true
        }
    })
    .await;
    writer.execute(register("bob")).await.unwrap();
    until("the projection waits", async || {
        let statuses = app.statuses();
        matches!(&statuses[0].1.state, State::Waiting { .. })
    })
    .await;
    let error = app.list::<Contact>().equal_secret("email", &email_of("ann")).await.unwrap_err();
    assert!(error.is_unavailable(), "{error:?}");
    assert_eq!(raw_rows::<Contact>(&store.row_store().unwrap()).await.len(), 1);

    keys.set_down(false);
    until("the row is written", async || {
        app.find::<Contact>(&customer("bob")).await.is_ok_and(|row| row.is_some())
    })
    .await;
    assert!(is_known(&app, "ann").await && is_known(&app, "bob").await);
}

pub(crate) async fn rows_are_in_another_store_than_the_events(log: &SecretLog) {
    let folder = tempfile::tempdir().unwrap();
    let file = Sqlite::open(folder.path().join("rows.db")).await.unwrap();
    let memory = Memory::new();
    for rows in [file.row_store().unwrap(), memory.row_store().unwrap()] {
        let log = log.another();
        let options = ProjectionOptions::new().rows(SharedRows::clone(&rows));
        let app = App::builder(log.open().await).projection_with::<Contact>(options).keys(master(7));
        let app = app.start().await.unwrap();
        registered(&app, &["ann", "bob"]).await;
        let stored = format!("{:?}", raw_rows::<Contact>(&rows).await);
        assert!(stored.contains("ann") && !stored.contains("example"), "{stored}");
        assert!(app.verify().await.unwrap().is_sound());
        app.forget(&customer("ann")).await.unwrap();
        assert!(!is_known(&app, "ann").await && is_known(&app, "bob").await);
        assert!(app.verify().await.unwrap().is_sound());
        app.shut_down().await;
    }
}

/// The row of the first second is in the memory of the projection, with the secret.
pub(crate) async fn secret_stays_forgotten_after_its_subject_is_readmitted(log: &SecretLog) {
    let app = start(log).await;
    registered(&app, &["ann"]).await;
    app.forget(&customer("ann")).await.unwrap();
    assert!(app.readmit(&customer("ann")).await.unwrap());
    let receipt = app.execute(befriend("ann", "bob")).await.unwrap();
    app.list::<Contact>().after(&receipt).await.unwrap();
    let row = contact(&app, "ann").await;
    assert!(row.email.is_forgotten() && row.events == 2);
    assert_eq!(row.note.unwrap().known().map(String::as_str), Some("a note of ann"));
    assert_eq!(found(&app, &email_of("ann")).await, Vec::<String>::new());
}

pub(crate) async fn builds_of_the_same_secrets_are_equal(log: &SecretLog) {
    let options = ProjectionOptions::new().compare();
    let app = App::builder(log.open().await).projection_with::<Contact>(options).keys(master(7));
    let app = app.start().await.unwrap();
    registered(&app, &["ann", "bob"]).await;
    let rows = log.open().await.row_store().unwrap();
    let with_secrets = raw_rows::<Contact>(&rows).await;
    for build in 1..=2 {
        app.rebuild("contacts").await.unwrap();
        let status = app
            .wait_until("contacts", |status| {
                status.promotion_blocked.is_some() || status.reads.is_some_and(|table| table.build == build)
            })
            .await
            .unwrap();
        assert_eq!(status.promotion_blocked, None);
        assert!(is_known(&app, "bob").await);
        if build == 1 {
            assert_eq!(raw_rows::<Contact>(&rows).await, with_secrets);
            // The live rows have the encrypted text of before, as after an erasure that was interrupted, and the new ones have not.
            app.forget(&customer("ann")).await.unwrap();
            let mut row = raw_rows::<Contact>(&rows).await.remove(0);
            row[1] = with_secrets[0][1].clone();
            replace_row(&rows, row).await;
        }
    }
    assert!(!is_known(&app, "ann").await);
    assert_eq!(raw_rows::<Contact>(&rows).await[0][1], Value::Text("forgotten".to_owned()));
}

pub(crate) async fn handlers_that_read_secrets_say_so(log: &SecretLog) {
    for name in ["ann", "panics"] {
        let log = log.another();
        let app = App::builder(log.open().await).projection::<Leak>().keys(master(7)).start().await.unwrap();
        app.execute(register(name)).await.unwrap();
        let status =
            app.wait_until("leaks", |status| matches!(status.state, State::Stopped(_))).await.unwrap();
        let State::Stopped(stopped) = status.state else { panic!() };
        let text = stopped.to_string();
        assert!(text.contains("`#[projection(reads_secrets, …)]`") && !text.contains("example"), "{text}");
        assert_ne!(log.contains(&email_of(name)).await, Some(true));
    }
}

pub(crate) async fn rows_with_copies_are_folded_again(log: &SecretLog) {
    let app =
        App::builder(log.open().await).projection::<MailDomain>().keys(master(7)).start().await.unwrap();
    registered_in(&app, &["ann", "bob"], "domains").await;
    let row = async |name| app.find::<MailDomain>(&customer(name)).await.unwrap().unwrap();
    assert_eq!(row("ann").await.domain, "example.org");
    app.forget(&customer("ann")).await.unwrap();
    assert_eq!(
        (row("ann").await.domain.as_str(), row("ann").await.email.is_forgotten()),
        ("forgotten", true)
    );
    assert_eq!(row("bob").await.email, Secret::new(email_of("bob")));
    assert!(live_build(&app, "domains").await > 0);
}

pub(crate) async fn rows_with_secrets_need_keys(log: &SecretLog) {
    let error = builder(log.open().await).start().await.unwrap_err();
    assert!(error.to_string().contains(".keys("), "{error}");
    let inline = ProjectionOptions::new().inline();
    let app = App::builder(log.open().await).projection_with::<Contact>(inline).keys(master(7));
    let error = app.start().await.unwrap_err();
    assert!(error.to_string().contains("cannot be inline"), "{error}");
}

pub(crate) async fn keys_of_a_page_are_loaded_at_once(log: &SecretLog) {
    let names: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let writer = start(log).await;
    registered(&writer, &names).await;
    let store = log.open().await;
    let keys = Arc::new(FaultyKeys::new(store.key_store().unwrap()));
    let shared: SharedKeys = keys.clone();
    let app = builder(store).keys_in(shared, master(7)).start().await.unwrap();
    app.wait_until_caught_up().await.unwrap();
    let before = keys.count("keys");
    assert_eq!(app.list::<Contact>().await.unwrap().rows.len(), 20);
    assert!(keys.count("keys") <= before + 1, "{} calls for 20 rows", keys.count("keys") - before);
}
