//! The function that appends: its fast path, and its use of indexes.

use annalist_core::{
    criteria::{Criteria, Item},
    record::Position,
    store::{Append, AppendOutcome, Condition, EventStore, Marker, Read, Receipt},
};
use fastrand::Rng;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use tokio::task::JoinSet;

use crate::{
    events::{accept, append, event, log, provided, tag},
    support::{TestDatabase, until},
};

const NAMES: [&str; 4] = ["opened", "closed", "moved", "paid"];

/// Criteria for the fast path: every item has types and tags.
fn usual(random: &mut Rng) -> Criteria {
    let item = |random: &mut Rng| {
        let names = (0..random.usize(1..3)).map(|_| NAMES[random.usize(..4)]);
        let item = Item::any().types(names.collect::<Vec<_>>()).tag(tag(random.u8(..4)));
        if random.u8(..3) == 0 { item.tag(tag(random.u8(..4))) } else { item }
    };
    (0..random.usize(1..3)).map(|_| item(random)).collect()
}

/// Equivalent criteria for the full check: with an item without types, which matches no event.
fn checked_in_full(criteria: &Criteria) -> Criteria {
    criteria.clone().or(Item::any().tag(tag("unused")))
}

/// The outcomes of appends without events, under equivalent conditions.
async fn outcomes(
    store: &dyn EventStore,
    criteria: &Criteria,
    marker: Marker,
) -> [AppendOutcome<Receipt>; 2] {
    let ask = |criteria: Criteria| async {
        let guard = Append { conditions: provided(criteria, marker), ..Append::default() };
        store.append_one(guard).await.unwrap()
    };
    [ask(criteria.clone()).await, ask(checked_in_full(criteria)).await]
}

pub(crate) async fn fast_path_and_full_check_agree(db: TestDatabase) {
    let store = db.open().await;
    let mut random = Rng::with_seed(11);
    let (mut markers, mut accepted, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..60 {
        for _ in 0..4 {
            let criteria = usual(&mut random);
            let marker = store.read(&[Read::all(criteria.clone())]).await.unwrap().remove(0).marker;
            markers.push((criteria, marker));
        }
        let tags = (0..4).filter(|_| random.u8(..3) == 0).map(tag).collect::<Vec<_>>();
        let last = accept(&store, append([event(NAMES[random.usize(..4)], tags)])).await;
        // Sometimes the mark advances, so that there are markers with and without unsettled events.
        if random.u8(..5) == 0 {
            store.settled().await.unwrap();
        }
        for _ in 0..4 {
            let (criteria, marker) = random.choice(&markers).unwrap();
            let marker = if random.u8(..4) == 0 { Marker::after(&last) } else { *marker };
            let [fast, full] = outcomes(&store, criteria, marker).await;
            assert_eq!(fast, full, "{criteria:?} {marker:?}");
            match fast {
                AppendOutcome::Appended(_) => accepted += 1,
                _ => refused += 1,
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}

pub(crate) async fn each_job_of_a_batch_gets_its_own_outcome(db: TestDatabase) {
    let store = db.open().await;
    let criteria = |value| Criteria::from(Item::any().types(["noted"]).tag(tag(value)));
    let noted = |value: u8, marker| Append {
        conditions: vec![Condition { criteria: criteria(value), marker }],
        ..append([event("noted", [tag(value)])])
    };
    let first = accept(&store, noted(0, Marker::START)).await;
    // While the table is locked, all jobs queue up. They then share calls: single appends and batches, accepted and refused.
    let mut blocker = db.connection().await;
    blocker.execute("BEGIN; LOCK TABLE annalist.events IN SHARE MODE").await.unwrap();
    let mut tasks = JoinSet::new();
    for value in 1..40_u8 {
        let (store, refused) = (store.clone(), value % 3 == 0);
        let (alone, beside) = (noted(value, Marker::START), noted(100 + value, Marker::START));
        let last = if refused { noted(0, Marker::START) } else { noted(200, Marker::after(&first)) };
        let last = Append { conditions: if refused { last.conditions } else { vec![] }, ..last };
        tasks.spawn(async move {
            let answer = match value % 2 {
                0 => store.append(vec![alone, beside, last]).await.unwrap(),
                _ => store.append(vec![last]).await.unwrap(),
            };
            (value, refused, answer)
        });
    }
    until("some are waiting in the database", || db.waiting(1)).await;
    blocker.execute("ROLLBACK").await.unwrap();
    let mut written = 1;
    for (value, refused, answer) in tasks.join_all().await {
        match answer {
            AppendOutcome::Appended(receipts) if !refused => {
                written += receipts.len();
                for receipt in receipts {
                    let read = Read::all(Criteria::all()).after(Position::new(receipt.position().get() - 1));
                    let found =
                        store.read(&[read.up_to(receipt.position())]).await.unwrap().remove(0).records;
                    assert_eq!(found[0].id, receipt.events[0].id, "{value}");
                }
            }
            AppendOutcome::Conflict { index, condition: 0, conflicting_position } if refused => {
                assert_eq!(
                    (index, conflicting_position),
                    (if value % 2 == 0 { 2 } else { 0 }, first.position()),
                    "{value}"
                );
            }
            other => panic!("{value} {refused}: {other:?}"),
        }
    }
    assert_eq!(log(&store).await.len(), written);
}

/// Calls the function with all kinds of parameters. Returns the number of its sequential scans.
async fn table_scans(connection: &mut PgConnection, round: usize) -> i64 {
    let mut transaction = connection.begin().await.unwrap();
    let call = format!(
        "SELECT count(*) FROM annalist.append(
           ARRAY[1, 2]::bigint[], ARRAY[true, false],
           ARRAY[now(), now()], ARRAY['{{}}', '{{}}']::json[], ARRAY['c-{round}', NULL], ARRAY['note', NULL], ARRAY['[]', NULL],
           ARRAY['{{}}', NULL]::json[], ARRAY[NULL, NULL]::json[], '{{}}', '{{}}', ARRAY[0, NULL]::bigint[], NULL, NULL, NULL,
           ARRAY[1, 2], ARRAY[0, 0]::bigint[],
           ARRAY[1, 1, 2], ARRAY[1000000, 1000000, {mark}]::bigint[], ARRAY['a:1', 'a:1', 'a:2'], ARRAY[NULL, NULL, '{{a:3}}'],
           ARRAY['noted', 'edited', 'noted'],
           ARRAY[1, 2], ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY['noted', 'edited'], ARRAY[1, 1]::bigint[],
           ARRAY['{{a:1,b:1}}', '{{}}'], ARRAY['{{}}', '{{}}']::json[])",
        // Every second time, a condition that fails on the fast path and holds in the full check.
        mark = if round.is_multiple_of(2) { 0 } else { 1_000_000 },
    );
    transaction.execute(AssertSqlSafe(call)).await.unwrap();
    let whole = "SELECT sum(seq_scan)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'annalist'";
    let whole = transaction.fetch_one(whole).await.unwrap().get(0);
    transaction.commit().await.unwrap();
    whole
}

/// The number of sequential scans on empty and on full tables, by a session that made its plans when the tables were empty.
async fn scans_of_all_rounds(db: &TestDatabase) -> (i64, i64) {
    let mut connection = db.connection().await;
    let mut empty = 0;
    for round in 0..8 {
        empty += table_scans(&mut connection, round).await;
    }
    db.run(
        "INSERT INTO annalist.events (position, id, type, version, recorded_at, tags, data, metadata)
             SELECT n, gen_random_uuid(), 'noted', 1, now(), ARRAY['a:' || n % 100], '{}', '{}'
             FROM generate_series(1000, 20000) AS n;
             INSERT INTO annalist.event_tags (tag, type, position)
             SELECT e.tags[1], e.type, e.position FROM annalist.events e WHERE e.position >= 1000;
             SELECT setval('annalist.events_position_seq', 20000);",
    )
    .await;
    let mut full = 0;
    for analyzed in [false, true] {
        if analyzed {
            db.run("ANALYZE annalist.events, annalist.event_tags, annalist.commands").await;
        }
        for (number, connection) in [&mut connection, &mut db.connection().await].into_iter().enumerate() {
            for round in 0..8 {
                let round = 100 * (number + 1) + 1000 * usize::from(analyzed) + round;
                full += table_scans(connection, round).await;
            }
        }
    }
    (empty, full)
}

pub(crate) async fn appends_use_indexes(db: TestDatabase) {
    db.open().await;
    assert_eq!(scans_of_all_rounds(&db).await, (0, 0));
}

/// The negative control: without the settings of the function, such a session scans whole tables.
pub(crate) async fn appends_without_the_settings_scan_tables(db: TestDatabase) {
    db.open().await;
    db.run(
        "DO $$ BEGIN EXECUTE (
               SELECT format('ALTER FUNCTION %s RESET ALL', oid::regprocedure) FROM pg_proc
               WHERE pronamespace = 'annalist'::regnamespace AND proname = 'append' AND pronargs = 28);
             END $$",
    )
    .await;
    let (empty, _) = scans_of_all_rounds(&db).await;
    assert!(empty > 0);
}
