//! Dump and restore: the copy is the same log at an earlier moment, and goes on from there.

use std::process::Command;

use annalist_cluster::Programs;
use annalist_core::{
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, EventStore, Read},
};
use annalist_postgres::Postgres;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    events::{accept, command, fed, log, noted, provided, tagged},
    given::{Place, fresh_name, run, until, url_of},
};

/// A copy of a place, in a database of its own on the same server.
struct Copy {
    server: String,
    database: String,
}

impl Copy {
    /// Dumps and restores with the server's own programs.
    async fn of(place: &Place) -> Self {
        let copy = Self { server: place.url.clone(), database: fresh_name("copy") };
        run(&copy.server, &format!("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0", copy.database))
            .await
            .unwrap();
        let programs = Programs::find().unwrap();
        let dump = |program: &str| Command::new(programs.path(program));
        let (from, to) = (place.url.clone(), copy.url());
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

/// Feeds, ids, markers and the log's identity are those of the original; what comes next comes behind.
pub(crate) async fn a_restored_log_goes_on(place: Place) {
    let store = place.open().await;
    let remembered = Append { key: Some(command("c")), ..noted(1) };
    let first = accept(&store, remembered.clone()).await;
    for value in 0..20 {
        accept(&store, noted(value % 3)).await;
    }
    // A gap at the end of the log: its position is drawn and never used.
    place.run("BEGIN; SELECT nextval(pg_get_serial_sequence('annalist.events', 'position')); ROLLBACK").await;
    let half = store.feed(&Criteria::all(), Position::START, 10).await.unwrap();
    let read = Read::all(tagged(2));
    let marker = store.read(std::slice::from_ref(&read)).await.unwrap()[0].marker;

    let copy = Copy::of(&place).await;
    let restored = copy.open().await;
    assert_eq!(restored.log_id(), store.log_id());
    assert_eq!(log(&restored).await, log(&store).await);
    let rest = restored.feed(&Criteria::all(), half.up_to, 1000).await.unwrap().records;
    assert_eq!([half.records, rest].concat(), log(&store).await);

    assert_eq!(
        restored.append_one(remembered).await.unwrap(),
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

/// A dump is one snapshot: appends that were under way leave gaps whose writers the copy never had. They close there.
pub(crate) async fn a_dump_under_load_is_a_prefix_that_settles(place: Place) {
    let store = place.open().await;
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
    let copy = Copy::of(&place).await;
    stop.send(true).unwrap();
    writers.join_all().await;

    let restored = copy.open().await;
    let kept = log(&restored).await;
    let all = log(&store).await;
    let is_kept = |record: &&Record| kept.contains(record);
    assert_eq!(
        before.iter().filter(is_kept).count(),
        before.len(),
        "something acknowledged is not in the dump"
    );
    assert_eq!(kept.iter().filter(|record| all.contains(record)).count(), kept.len());
    // Every gap of the copy is closed, and the feed gives all of it.
    until("the copy is settled", || async { fed(&restored).await.len() == kept.len() }).await;
    accept(&restored, noted("behind")).await;
    until("and goes on", || async { fed(&restored).await.len() == kept.len() + 1 }).await;
    copy.remove().await;
}
