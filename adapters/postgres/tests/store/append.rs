//! The two ways in which the function that appends looks at conditions, and how it reads its tables.

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
    given::{Place, until},
};

const NAMES: [&str; 4] = ["opened", "closed", "moved", "paid"];

/// Any item has types and tags, so that the function may answer with a glance.
fn usual(random: &mut Rng) -> Criteria {
    let item = |random: &mut Rng| {
        let names = (0..random.usize(1..3)).map(|_| NAMES[random.usize(..4)]);
        let item = Item::any().types(names.collect::<Vec<_>>()).tag(tag(random.u8(..4)));
        if random.u8(..3) == 0 { item.tag(tag(random.u8(..4))) } else { item }
    };
    (0..random.usize(1..3)).map(|_| item(random)).collect()
}

/// The same, but for an item without types that matches nothing, which makes the function look at everything.
fn looked_at(criteria: &Criteria) -> Criteria {
    criteria.clone().or(Item::any().tag(tag("nobody")))
}

/// What appends of nothing are told, under conditions that mean the same.
async fn answers(store: &dyn EventStore, criteria: &Criteria, marker: Marker) -> [AppendOutcome<Receipt>; 2] {
    let ask = |criteria: Criteria| async {
        let guard = Append { conditions: provided(criteria, marker), ..Append::default() };
        store.append_one(guard).await.unwrap()
    };
    [ask(criteria.clone()).await, ask(looked_at(criteria)).await]
}

pub(crate) async fn a_glance_sees_what_a_look_sees(place: Place) {
    let store = place.open().await;
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
        // Now and then the mark moves, so that there are markers with and without events above it.
        if random.u8(..5) == 0 {
            store.settled().await.unwrap();
        }
        for _ in 0..4 {
            let (criteria, marker) = random.choice(&markers).unwrap();
            let marker = if random.u8(..4) == 0 { Marker::after(&last) } else { *marker };
            let [glance, look] = answers(&store, criteria, marker).await;
            assert_eq!(glance, look, "{criteria:?} {marker:?}");
            match glance {
                AppendOutcome::Appended(_) => accepted += 1,
                _ => refused += 1,
            }
        }
    }
    assert!(accepted > 50 && refused > 50, "{accepted} accepted, {refused} refused");
}

pub(crate) async fn a_call_answers_each_job_by_itself(place: Place) {
    let store = place.open().await;
    let criteria = |value| Criteria::from(Item::any().types(["noted"]).tag(tag(value)));
    let noted = |value: u8, marker| Append {
        conditions: vec![Condition { criteria: criteria(value), marker }],
        ..append([event("noted", [tag(value)])])
    };
    let first = accept(&store, noted(0, Marker::START)).await;
    // While nobody gets through, all of them queue up and then travel together: alone, in pairs, refused and not.
    let mut blocker = place.connection().await;
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
    until("some wait in the database", || place.waiting(1)).await;
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

/// Calls the function as programs do, in every way that it knows, and gives how many tables it has read whole.
async fn tables_read_whole(connection: &mut PgConnection, round: usize) -> i64 {
    let mut transaction = connection.begin().await.unwrap();
    let call = format!(
        "SELECT count(*) FROM annalist.append_one(
           ARRAY[1, 2]::bigint[], ARRAY[true, false],
           ARRAY[now(), now()], ARRAY['{{}}', '{{}}'], ARRAY['c-{round}', NULL], ARRAY['note', NULL], ARRAY['[]', NULL],
           ARRAY['{{}}', NULL], ARRAY[NULL, NULL]::text[], '{{}}', '{{}}',
           ARRAY[1, 2], ARRAY[0, 0]::bigint[],
           ARRAY[1, 1, 2], ARRAY[1000000, 1000000, {mark}]::bigint[], ARRAY['a:1', 'a:1', 'a:2'], ARRAY[NULL, NULL, '{{a:3}}'],
           ARRAY['noted', 'told', 'noted'],
           ARRAY[1, 2], ARRAY[gen_random_uuid(), gen_random_uuid()], ARRAY['noted', 'told'], ARRAY[1, 1]::bigint[],
           ARRAY['{{a:1,b:1}}', '{{}}'], ARRAY['{{}}', '{{}}'])",
        // A condition in which a glance sees something, and a look does not, every other time.
        mark = if round.is_multiple_of(2) { 0 } else { 1_000_000 },
    );
    transaction.execute(AssertSqlSafe(call)).await.unwrap();
    let whole = "SELECT sum(seq_scan)::bigint FROM pg_stat_xact_user_tables WHERE schemaname = 'annalist'";
    let whole = transaction.fetch_one(whole).await.unwrap().get(0);
    transaction.commit().await.unwrap();
    whole
}

/// In a session that plans on the tables as they are now, then fills them, and goes on with its plans.
async fn scans(place: &Place) -> (i64, i64) {
    let mut connection = place.connection().await;
    let mut empty = 0;
    for round in 0..8 {
        empty += tables_read_whole(&mut connection, round).await;
    }
    place
        .run(
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
            place.run("ANALYZE annalist.events, annalist.event_tags, annalist.commands").await;
        }
        for (number, connection) in [&mut connection, &mut place.connection().await].into_iter().enumerate() {
            for round in 0..8 {
                let round = 100 * (number + 1) + 1000 * usize::from(analyzed) + round;
                full += tables_read_whole(connection, round).await;
            }
        }
    }
    (empty, full)
}

pub(crate) async fn appends_walk_along_indexes(place: Place) {
    place.open().await;
    assert_eq!(scans(&place).await, (0, 0));
}

/// The control: without the settings of the function, a session that began on an empty log reads whole tables.
pub(crate) async fn appends_read_whole_tables_without_the_settings(place: Place) {
    place.open().await;
    place
        .run(
            "DO $$ BEGIN EXECUTE (
               SELECT format('ALTER FUNCTION %s RESET ALL', oid::regprocedure) FROM pg_proc
               WHERE pronamespace = 'annalist'::regnamespace AND proname = 'append' AND pronargs = 24);
             END $$",
        )
        .await;
    let (empty, _) = scans(&place).await;
    assert!(empty > 0);
}
