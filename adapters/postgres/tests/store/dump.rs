//! Dump and restore: the copy is the same log at an earlier time, and continues from there.

use std::process::Command;

use annalist_cluster::Programs;
use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, EventStore, PageLimit, Read},
};
use annalist_postgres::Postgres;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    events::{accept, command, fed, log, noted, provided, tagged},
    support::{TestDatabase, fresh_name, run, until, url_of},
};

/// A copy of a database, on the same server.
struct Copy {
    server: String,
    database: String,
}

impl Copy {
    /// Dumps and restores with the server's own programs.
    async fn of(db: &TestDatabase) -> Self {
        let copy = Self { server: db.url.clone(), database: fresh_name("copy") };
        run(&copy.server, &format!("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0", copy.database))
            .await
            .unwrap();
        let programs = Programs::find().unwrap();
        let dump = |program: &str| Command::new(programs.path(program));
        let (from, to) = (db.url.clone(), copy.url());
        let (mut pg_dump, mut pg_restore) = (dump("pg_dump"), dump("pg_restore"));
        tokio::task::spawn_blocking(move || {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("log.dump");
            let dumped = pg_dump.args(["--format=custom", "--file"]).arg(&file).arg(&from).status().unwrap();
            assert!(dumped.success());
            let restored = pg_restore.args(["--exit-on-error", "--dbname", &to]).arg(&file).status().unwrap();
            assert!(restored.success());
        })
        .await
        .unwrap();
        copy
    }

    fn url(&self) -> String {
        url_of(&self.server, &self.database)
    }

    async fn open(&self) -> Postgres {
        Postgres::connect(&self.url()).await.unwrap()
    }

    async fn remove(self) {
        run(&self.server, &format!("DROP DATABASE {} WITH (FORCE)", self.database)).await.unwrap();
    }
}

/// Feeds, ids, markers and the id of the log are those of the original; new events follow at higher positions.
pub(crate) async fn restored_log_continues(db: TestDatabase) {
    let store = db.open().await;
    let with_command_id = Append { key: Some(command("c")), ..noted(1) };
    let first = accept(&store, with_command_id.clone()).await;
    for value in 0..20 {
        accept(&store, noted(value % 3)).await;
    }
    // A gap at the end of the log: its position is drawn and never used.
    db.run("BEGIN; SELECT nextval(pg_get_serial_sequence('annalist.events', 'position')); ROLLBACK").await;
    let half = store.feed(&Criteria::all(), Position::START, PageLimit::records(10)).await.unwrap();
    let read = Read::all(tagged(2));
    let marker = store.read(std::slice::from_ref(&read)).await.unwrap()[0].marker;

    let copy = Copy::of(&db).await;
    let restored = copy.open().await;
    assert_eq!(restored.log_id(), store.log_id());
    assert_eq!(log(&restored).await, log(&store).await);
    let rest = restored.feed(&Criteria::all(), half.up_to, PageLimit::records(1000)).await.unwrap().records;
    assert_eq!([half.records, rest].concat(), log(&store).await);

    assert_eq!(
        restored.append_one(with_command_id).await.unwrap(),
        AppendOutcome::Duplicate { index: 0, receipt: first }
    );
    let guarded = Append { conditions: provided(tagged(2), marker), ..noted(2) };
    let next = accept(&restored, guarded.clone()).await;
    assert!(next.position() > log(&store).await.last().unwrap().position);
    assert!(matches!(restored.append_one(guarded).await.unwrap(), AppendOutcome::Conflict { .. }));
    until("the feed shows what was appended to the copy", || async {
        fed(&restored).await.last().map(|last| last.position) == Some(next.position())
    })
    .await;
    copy.remove().await;
}

/// A dump is one snapshot: appends that were running leave gaps, which are closed in the copy.
pub(crate) async fn dump_under_load_is_a_consistent_log(db: TestDatabase) {
    let store = db.open().await;
    let (stop, stopped) = watch::channel(false);
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let (store, stopped) = (store.clone(), stopped.clone());
        writers.spawn(async move {
            while !*stopped.borrow() {
                accept(&store, noted(writer)).await;
            }
        });
    }
    until("there is something to dump", || async { log(&store).await.len() > 200 }).await;
    let before = log(&store).await;
    let copy = Copy::of(&db).await;
    stop.send(true).unwrap();
    writers.join_all().await;

    let restored = copy.open().await;
    let copied = log(&restored).await;
    let all = log(&store).await;
    let is_restored = |record: &&Record| copied.contains(record);
    assert_eq!(
        before.iter().filter(is_restored).count(),
        before.len(),
        "an acknowledged event is not in the dump"
    );
    assert_eq!(copied.iter().filter(|record| all.contains(record)).count(), copied.len());
    // Every gap of the copy is closed, and the feed returns all events.
    until("the copy is settled", || async { fed(&restored).await.len() == copied.len() }).await;
    accept(&restored, noted("later")).await;
    until("the feed continues", || async { fed(&restored).await.len() == copied.len() + 1 }).await;
    copy.remove().await;
}
