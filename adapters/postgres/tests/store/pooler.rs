//! Logs behind PgBouncer, in each of its modes, and servers that only look like PostgreSQL.

use std::collections::BTreeSet;

use annalist_cluster::{PoolMode, Pooler};
use annalist_core::{
    Error,
    record::Position,
    rows::{CommitOutcome, InlineOutcome, PromoteOutcome, RowStore, Transactional},
    store::{Append, AppendOutcome, EventStore, Read},
};
use annalist_postgres::{Options, Postgres};
use sqlx::postgres::PgPoolOptions;
use tokio::task::JoinSet;

use crate::{
    builds::{Mine, STOCK, built, change, row},
    events::{accept, fed, log, noted, provided, tagged},
    inline::{Tally, expected, folding, rows},
    snapshots,
    support::{TestDatabase, server},
    wakeups::{listen, next_wakeup},
};

/// A pooler with this many sessions of the server: fewer than the connections of two stores.
const SESSIONS: u32 = 4;

/// A pooler in front of the database, and the address of the database through it.
fn pooler(db: &TestDatabase, mode: PoolMode) -> (Pooler, String) {
    let pooler = Pooler::start(&server().unwrap(), mode, SESSIONS, &[]).unwrap();
    let url = pooler.url_of(&db.database);
    (pooler, url)
}

async fn open(url: &str) -> Postgres {
    Postgres::connect(url).await.unwrap()
}

fn shares_sessions(store: &Postgres) -> bool {
    format!("{store:?}").contains("shares_sessions: true")
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(error @ Error::Unusable { .. }) => error.to_string(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Every call once.
async fn use_all(store: &Postgres) {
    accept(store, noted(1)).await;
    let read = store.read_chunked(&Read::all(tagged(1)), &mut |_| Ok(())).await.unwrap();
    assert_eq!((log(store).await.len(), fed(store).await.len()), (1, 1));
    let again = Append { conditions: provided(tagged(1), read), ..noted(1) };
    accept(store, again.clone()).await;
    assert!(matches!(store.append_one(again).await.unwrap(), AppendOutcome::Conflict { .. }));
    store.save_snapshot(&snapshots::of(1), &snapshots::at(1)).await.unwrap();
    assert_eq!(store.snapshot(&snapshots::of(1)).await.unwrap(), Some(snapshots::at(1)));

    built(store, &STOCK, vec![row(1, 10)]).await;
    assert_eq!(store.promote(&STOCK, false).await.unwrap(), PromoteOutcome::Done);
    assert_eq!(store.commit(change(&STOCK, 1, 2, vec![])).await.unwrap(), CommitOutcome::Done);
    let stale = store.commit(change(&STOCK, 1, 2, vec![])).await.unwrap();
    assert_eq!(stale, CommitOutcome::Stale(Position::new(2)));
    let mine = Mine { sql: "CREATE TABLE mine ()".to_owned(), fails: false };
    let moved = change(&STOCK, 2, 3, vec![row(2, 5)]);
    assert_eq!(store.commit_with(moved, &mine).await.unwrap().unwrap(), CommitOutcome::Done);
    assert_eq!(store.rows(&STOCK, &[row(2, 5)[..1].to_vec()]).await.unwrap(), [Some(row(2, 5))]);
    store.define(&Tally::TABLE, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(Tally::inline()).await.unwrap(), InlineOutcome::Done);
    let builds = vec![(&Tally::TABLE).into()];
    let refused = store.append_one(noted(2)).await.unwrap();
    assert_eq!(refused, AppendOutcome::InlineRequired { index: 0, builds });
    accept(store, folding(noted(2))).await;
    assert_eq!(rows(store).await, expected(store).await);
    store.make_async(&Tally::TABLE).await.unwrap();
}

/// Tasks of two stores note each number, and each number must be noted once.
async fn race(stores: [Postgres; 2]) {
    let mut tasks = JoinSet::new();
    for racer in 0..16 {
        let store = stores[racer % 2].clone();
        tasks.spawn(async move {
            let mut won = 0;
            for number in 100..130 {
                let marker = store.read(&[Read::all(tagged(number))]).await.unwrap().remove(0).marker;
                let append = Append { conditions: provided(tagged(number), marker), ..noted(number) };
                let is_free = log_of(&store, number).await == 0;
                if is_free && matches!(store.append_one(append).await.unwrap(), AppendOutcome::Appended(_)) {
                    won += 1;
                }
            }
            won
        });
    }
    let mut won = 0;
    while let Some(done) = tasks.join_next().await {
        won += done.unwrap();
    }
    assert_eq!(won, 30);
    let numbers = log(&stores[0]).await.into_iter().flat_map(|record| record.tags);
    let numbers: Vec<String> = numbers.map(|tag| tag.to_string()).collect();
    assert_eq!(numbers.len(), numbers.iter().collect::<BTreeSet<_>>().len(), "noted twice");
}

async fn log_of(store: &Postgres, number: u32) -> usize {
    store.read(&[Read::all(tagged(number))]).await.unwrap().remove(0).records.len()
}

pub(crate) async fn log_behind_a_pooler_in_transaction_mode_works(db: TestDatabase) {
    let (_pooler, url) = pooler(&db, PoolMode::Transaction);
    let stores = [open(&url).await, open(&url).await];
    assert!(stores.iter().all(shares_sessions));
    race(stores.clone()).await;
    let [store, other] = stores;
    let direct = db.open().await;
    assert!(!shares_sessions(&direct));
    // Another process is notified, and this one finds events of others without notifications.
    let mut wakeups = listen(&direct).await;
    accept(&store, noted("direct")).await;
    next_wakeup(&mut wakeups).await;
    accept(&direct, noted("pooled")).await;
    assert_eq!(fed(&other).await, fed(&direct).await);
    let fresh = Postgres::options().schema("other").connect(&url).await.unwrap();
    use_all(&fresh).await;
}

pub(crate) async fn log_behind_a_pooler_in_session_mode_works(db: TestDatabase) {
    let pooler = Pooler::start(&server().unwrap(), PoolMode::Session, 40, &[]).unwrap();
    let url = pooler.url_of(&db.database);
    let stores = [open(&url).await, open(&url).await];
    assert!(!stores.iter().any(shares_sessions));
    race(stores).await;
    let fresh = Postgres::options().schema("other").connect(&url).await.unwrap();
    listen(&fresh).await;
    use_all(&fresh).await;
}

/// The order in which a pooler uses its sessions does not matter.
pub(crate) async fn shared_sessions_are_found_out_in_each_order(db: TestDatabase) {
    for setting in ["server_round_robin = 0", "server_round_robin = 1"] {
        let pooler = Pooler::start(&server().unwrap(), PoolMode::Transaction, 2, &[setting]).unwrap();
        let store = open(&pooler.url_of(&db.database)).await;
        assert!(shares_sessions(&store), "{setting}");
    }
}

pub(crate) async fn shared_sessions_are_supported_without_a_pooler(db: TestDatabase) {
    let store = Postgres::options().transaction_pooling(true).connect(&db.url).await.unwrap();
    assert!(shares_sessions(&store));
    use_all(&store).await;
}

pub(crate) async fn prepared_statements_of_other_connections_are_explained(db: TestDatabase) {
    let pooler = Pooler::start(&server().unwrap(), PoolMode::Transaction, 2, &[]).unwrap();
    let url = pooler.url_of(&db.database);
    let options = || Options::default().transaction_pooling(false);
    let (one, other) = (options().connect(&url).await.unwrap(), options().connect(&url).await.unwrap());
    assert!(one.read(&[]).await.unwrap().is_empty());
    let mut refused = BTreeSet::new();
    for store in [&one, &other, &one, &other] {
        if let Err(error) = store.settled().await {
            refused.insert(refusal(Err::<(), _>(error)));
        }
    }
    assert!(!refused.is_empty(), "all found their statements");
    for reason in refused {
        assert!(reason.contains("transaction_pooling(true)"), "{reason}");
    }
}

pub(crate) async fn pooler_in_statement_mode_is_refused(db: TestDatabase) {
    let (_pooler, url) = pooler(&db, PoolMode::Statement);
    let refused = refusal(Postgres::connect(&url).await);
    assert!(refused.contains("its transaction or session mode"), "{refused}");
}

pub(crate) async fn startup_parameters_that_a_pooler_refuses_are_explained(db: TestDatabase) {
    let (_pooler, url) = pooler(&db, PoolMode::Session);
    let pool = PgPoolOptions::new().connect_lazy(&url).unwrap();
    let refused = refusal(Postgres::options().with_pool(pool).await);
    assert!(refused.contains("extra_float_digits(None)"), "{refused}");
    let refused = refusal(Postgres::connect(&format!("{url}?options[geqo]=off")).await);
    assert!(refused.contains("no `options`"), "{refused}");
}

/// A second connection that a pooler cannot serve is reported, instead of waiting for the pooler's own timeout.
pub(crate) async fn pooler_with_a_single_session_is_explained(db: TestDatabase) {
    let pooler = Pooler::start(&server().unwrap(), PoolMode::Transaction, 1, &[]).unwrap();
    let options = Postgres::options().timeout(std::time::Duration::from_millis(500));
    let error = options.connect(&pooler.url_of(&db.database)).await.unwrap_err();
    assert!(error.is_unavailable() && error.to_string().contains("at least two sessions"), "{error}");
}

/// Replaces a function of the server.
async fn replace(db: &TestDatabase, function: &str, arguments: &str, body: &str) {
    db.run(&format!(
        "SET allow_system_table_mods = on;
         ALTER FUNCTION pg_catalog.{function}({arguments}) RENAME TO replaced;
         CREATE FUNCTION pg_catalog.{function}({arguments}) RETURNS bool LANGUAGE sql VOLATILE AS '{body}'"
    ))
    .await;
}

pub(crate) async fn server_without_exclusive_locks_is_refused(db: TestDatabase) {
    replace(&db, "pg_try_advisory_xact_lock", "bigint", "SELECT true").await;
    let refused = refusal(Postgres::connect(&db.url).await);
    assert!(refused.contains("advisory locks do not exclude"), "{refused}");
}

pub(crate) async fn server_whose_snapshots_are_too_old_is_refused(db: TestDatabase) {
    replace(&db, "pg_visible_in_snapshot", "xid8, pg_snapshot", "SELECT false").await;
    let refused = refusal(Postgres::connect(&db.url).await);
    assert!(refused.contains("does not see what was committed"), "{refused}");
}
