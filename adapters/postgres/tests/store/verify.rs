//! Damage by hand is found, at its place, and only there. The log before the edit has no findings. The function for administrators
//! finds what the API finds.

use std::sync::Arc;

use annalist_core::{
    finding::{
        Finding,
        FindingKind::{
            self, Build, Checkpoint, CommandId, Event, Gap, Journal, Log, Parked as ParkedKind,
            Snapshot as SnapshotKind, Successor, Tags,
        },
    },
    payload::Payload,
    record::Position,
    rows::{Anchor, Parked, RowChange, RowStore, SharedRows},
    store::{Append, EventStore, JournalRecord},
    verify::{VerifyReport, verify},
};
use annalist_postgres::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tokio::task::JoinSet;

use crate::{
    builds::{STOCK, change, row},
    events::{accept, append, command, event, log, noted, tag},
    rights::may_read,
    snapshots,
    support::{TestDatabase, until},
};

pub(crate) async fn report(store: &Postgres) -> VerifyReport {
    let rows: SharedRows = Arc::new(store.clone());
    verify(store, &[rows]).await.unwrap()
}

/// A log with everything that a verification checks: five events and a tombstone at position 3.
async fn filled(db: &TestDatabase, schema: &str) -> Postgres {
    let store = Postgres::options().schema(schema).connect(&db.url).await.unwrap();
    let body = || Payload::parse(r#"{"note":"é\u0000"}"#).unwrap();
    let journal = |rejection| Some(JournalRecord { body: body(), rejection });
    let events = [
        event("opened", [tag(1), tag(2)]),
        event("paid", [tag(1)]),
        event("paid", [tag(2)]),
        event("closed", [tag(1)]),
        event("noted", []),
    ];
    for (index, one) in events.into_iter().enumerate() {
        if index == 2 {
            db.run(&format!("SELECT pg_catalog.nextval('{schema}.events_position_seq')")).await;
        }
        let key = Some(command(format!("c-{}", index + 1)));
        accept(&store, Append { key, journal: journal(None), ..append([one]) }).await;
    }
    accept(&store, Append { journal: journal(Some("no\0".to_owned())), ..Append::default() }).await;
    until("the gap is closed", || async { store.settled().await.unwrap().position == Position::new(6) })
        .await;
    db.run(&format!("INSERT INTO {schema}.event_successors VALUES ('shut', 'closed', true, 5, 7)")).await;
    store.save_snapshot(&snapshots::of(1), &snapshots::at(5)).await.unwrap();
    let records = log(&store).await;
    let park = [1, 3].map(|index: usize| Parked {
        position: records[index].position,
        event: records[index].id,
        keys: vec!["[1]".to_owned()],
        error: "no\0".to_owned(),
        attempts: 1,
        needs_newer: false,
    });
    for table in [STOCK, STOCK.built(1)] {
        store.define(&table, "", store.log_id()).await.unwrap();
        let anchor = Some(Anchor::of(&records[4]));
        let moved = RowChange { anchor, park: park.to_vec(), ..change(&table, 0, 6, vec![row(1, 2)]) };
        store.commit(moved).await.unwrap();
    }
    store.promote(&STOCK, false).await.unwrap();
    store
}

/// The findings of the function for administrators, as the API prints them.
pub(crate) async fn findings_of(url: &str, call: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let select = format!("SELECT kind, place, problem, advice FROM {call}");
    let rows = sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap();
    let text = |row: &sqlx::postgres::PgRow| {
        let column = |name| row.get::<String, _>(name);
        format!("{}, {}: {}; {}", column("kind"), column("place"), column("problem"), column("advice"))
    };
    rows.iter().map(text).collect()
}

/// An edit, and the findings that it must lead to: kind, place, and a part of the problem.
struct Damage {
    sql: &'static str,
    findings: &'static [(FindingKind, &'static str, &'static str)],
    /// Whether the function finds it too; it does not check what only a program can read.
    in_function: bool,
}

const fn damage(sql: &'static str, findings: &'static [(FindingKind, &'static str, &'static str)]) -> Damage {
    Damage { sql, findings, in_function: true }
}

const fn read_only_by_a_program(
    sql: &'static str,
    findings: &'static [(FindingKind, &'static str, &'static str)],
) -> Damage {
    Damage { sql, findings, in_function: false }
}

const SUCCESSOR: &str = "successor `closed` of `shut`";

const DAMAGES: &[Damage] = &[
    damage(
        "UPDATE {}.event_successors SET since = 99",
        &[(Successor, SUCCESSOR, "the log has no event at position 99, where it begins")],
    ),
    damage(
        "UPDATE {}.event_successors SET since = 3",
        &[(Successor, SUCCESSOR, "the log has no event at position 3, where it begins")],
    ),
    damage(
        "UPDATE {}.event_successors SET since = 4",
        &[(Successor, SUCCESSOR, "the event at position 4, where it begins, has type `paid`")],
    ),
    damage("UPDATE {}.event_successors SET version = 0", &[(Successor, SUCCESSOR, "the version is below 1")]),
    damage(
        "UPDATE {}.event_successors SET name = '$gap'",
        &[(Successor, "successor `closed` of `$gap`", "the older name is not that of an event type")],
    ),
    damage(
        "UPDATE {}.events SET type = 'lost' WHERE position = 2",
        &[
            (Tags, "position 2", "lacks 1 of the rows of the event, such as that of tag `a:1` with type `lost`"),
            (Tags, "position 2", "row of tag `a:1` with type `paid`, but the event has type `lost`"),
        ],
    ),
    damage(
        "UPDATE {}.events SET tags = '{a:1}' WHERE position = 1",
        &[(Tags, "position 1", "tag `a:2` with type `opened`, but the event does not have the tag")],
    ),
    damage(
        "DELETE FROM {}.event_tags WHERE position = 4",
        &[(Tags, "position 4", "such as that of tag `a:2` with type `paid`")],
    ),
    damage(
        "INSERT INTO {}.event_tags VALUES ('a:1', 'paid', 99)",
        &[(Tags, "position 99", "but the log has no event there")],
    ),
    damage(
        "INSERT INTO {}.event_tags VALUES ('a:1', 'paid', 3)",
        &[(Tags, "position 3", "but the event has type `$gap`")],
    ),
    damage(
        "DELETE FROM {}.events WHERE position IN (1, 2); DELETE FROM {}.event_tags WHERE position IN (1, 2);
         DELETE FROM {}.commands WHERE id IN ('c-1', 'c-2'); DELETE FROM {}.journal WHERE number IN (1, 2);
         DELETE FROM {}.parked; UPDATE {}.builds SET parked = 0; UPDATE {}.log SET high_water = 6",
        &[(Gap, "positions 1 to 2", "no event")],
    ),
    damage(
        "UPDATE {}.events SET type = '$gap', tags = '{}', metadata = '{}' WHERE position = 6",
        &[(Event, "position 6", "the event is removed, and no archive has it")],
    ),
    damage(
        "INSERT INTO {}.events SELECT -1, id, type, version, recorded_at, tags, data, metadata FROM {}.events WHERE position = 6",
        &[(Event, "position -1", "below 1")],
    ),
    damage("UPDATE {}.events SET tags = '{a:1}' WHERE position = 3", &[(Event, "position 3", "a tombstone has tags")]),
    damage("UPDATE {}.events SET metadata = '[]' WHERE position = 6", &[(Event, "position 6", "metadata is not a JSON object")]),
    read_only_by_a_program(
        r#"UPDATE {}.events SET metadata = '{"actor":"\u0000"}' WHERE position = 6"#,
        &[(Event, "position 6", "must not contain NUL")],
    ),
    read_only_by_a_program(
        "UPDATE {}.events SET data = (pg_catalog.repeat('[', 200) || pg_catalog.repeat(']', 200))::json WHERE position = 6",
        &[(Event, "position 6", "payload is not JSON: recursion limit")],
    ),
    damage("UPDATE {}.events SET version = -1 WHERE position = 6", &[(Event, "position 6", "version -1")]),
    damage("UPDATE {}.events SET version = 4294967296 WHERE position = 6", &[(Event, "position 6", "version 4294967296")]),
    damage("UPDATE {}.events SET recorded_at = 'infinity' WHERE position = 6", &[(Event, "position 6", "recorded time is infinite")]),
    damage("UPDATE {}.events SET type = 'a b' WHERE position = 6", &[(Event, "position 6", "type `a b` is not valid")]),
    damage("UPDATE {}.events SET type = '' WHERE position = 6", &[(Event, "position 6", "type `` is not valid")]),
    damage("UPDATE {}.events SET type = '$x' WHERE position = 6", &[(Event, "position 6", "type `$x` is not valid")]),
    read_only_by_a_program(
        "UPDATE {}.events SET type = U&'a\\2003b' WHERE position = 6",
        &[(Event, "position 6", "white space")],
    ),
    damage(
        "UPDATE {}.events SET tags = '{Account}' WHERE position = 6; INSERT INTO {}.event_tags VALUES ('Account', 'noted', 6)",
        &[(Event, "position 6", "tag `Account` is not valid")],
    ),
    damage("UPDATE {}.events SET tags = '{{a:1},{a:2}}' WHERE position = 1", &[(Event, "position 1", "more than one dimension")]),
    damage(
        "UPDATE {}.events SET tags = '{NULL}' WHERE position = 6",
        &[(Event, "position 6", "a tag is NULL"), (Tags, "position 6", "lacks 1 of the rows")],
    ),
    read_only_by_a_program(
        "UPDATE {}.events SET tags = '{a:2,a:1}' WHERE position = 1",
        &[(Event, "position 1", "not sorted")],
    ),
    damage(
        "UPDATE {}.commands SET positions = '{4}' WHERE id = 'c-1'",
        &[(CommandId, "command id `c-1`", "at position 4, where the log has event")],
    ),
    damage(
        "UPDATE {}.commands SET positions = '{77}' WHERE id = 'c-4'",
        &[(CommandId, "command id `c-4`", "at position 77, where the log has no event")],
    ),
    damage(
        "UPDATE {}.commands SET positions = '{3}' WHERE id = 'c-4'",
        &[(CommandId, "command id `c-4`", "at position 3, where the log has no event")],
    ),
    damage(
        "UPDATE {}.commands SET event_ids = '{}' WHERE id = 'c-4'",
        &[(CommandId, "command id `c-4`", "not have one event id for each position")],
    ),
    damage("UPDATE {}.journal SET positions = '{88}' WHERE number = 3", &[(Journal, "journal entry 3", "no event at position 88")]),
    damage("UPDATE {}.journal SET metadata = '7' WHERE number = 6", &[(Journal, "journal entry 6", "metadata is not a JSON object")]),
    damage("UPDATE {}.journal SET rejection = '7' WHERE number = 6", &[(Journal, "journal entry 6", "rejection is not a JSON string")]),
    damage("UPDATE {}.journal SET rejection = '\"no\"' WHERE number = 3", &[(Journal, "journal entry 3", "a rejected command has events")]),
    read_only_by_a_program(
        r#"UPDATE {}.journal SET metadata = '{"hops":-1}' WHERE number = 6"#,
        &[(Journal, "journal entry 6", "metadata")],
    ),
    damage("UPDATE {}.snapshots SET position = 7", &[(SnapshotKind, "snapshot of `Account` `a:1`", "at position 7, and the log ends at 6")]),
    damage("UPDATE {}.snapshots SET position = 0", &[(SnapshotKind, "snapshot of `Account` `a:1`", "at position 0")]),
    damage("UPDATE {}.log SET high_water = 7", &[(Log, "the saved high-water mark", "it is 7, and the log ends at position 6")]),
    damage(
        "SELECT pg_catalog.setval('{}.events_position_seq', 5)",
        &[(Log, "the sequence of positions", "last value is 5, and the log ends at position 6")],
    ),
    damage("UPDATE {}.builds SET position = 7 WHERE build = 1", &[(Checkpoint, "build `stock_v1_1`", "at position 7, and the log ends at 6")]),
    damage(
        "UPDATE {}.builds SET anchor_event = (SELECT id FROM {}.events WHERE position = 5) WHERE build = 1",
        &[(Checkpoint, "build `stock_v1_1`", "at position 6, where the log has event")],
    ),
    damage("UPDATE {}.builds SET position = 5 WHERE build = 1", &[(Checkpoint, "build `stock_v1_1`", "anchor is after its checkpoint")]),
    damage(
        "DROP INDEX {}.builds_live; UPDATE {}.builds SET live = true",
        &[(Build, "build `stock_v1_1`", "it is live, and so is build 0 of version 1")],
    ),
    damage("UPDATE {}.builds SET parked = 7 WHERE build = 0", &[(ParkedKind, "build `stock_v1`", "counts 7 parked events, and 2 are stored")]),
    damage("UPDATE {}.builds SET inline = true WHERE build = 1", &[(Build, "build `stock_v1_1`", "it is inline, but")]),
    damage("INSERT INTO {}.inline_types VALUES ('paid', 'stock', 1, 1)", &[(Build, "build `stock_v1_1`", "it is not inline, but")]),
    damage("DROP TABLE {}_rows.stock_v1_1", &[(Build, "build `stock_v1_1`", "its table stock_v1_1 does not exist")]),
    damage(
        "UPDATE {}.parked SET event = (SELECT id FROM {}.events WHERE position = 1) WHERE position = 2 AND build = 0",
        &[(ParkedKind, "build `stock_v1`", "at position 2, where the log has event")],
    ),
    damage(
        "UPDATE {}.parked SET position = 7 WHERE position = 5 AND build = 1",
        &[(ParkedKind, "build `stock_v1_1`", "the event at position 7 is parked, but the checkpoint is at 6")],
    ),
    damage("UPDATE {}.parked SET keys = '7' WHERE position = 5 AND build = 1", &[(ParkedKind, "build `stock_v1_1`", "position 5 has invalid keys")]),
    damage(
        "ALTER TABLE {}.parked DROP CONSTRAINT parked_of_build; UPDATE {}.parked SET name = 'other' WHERE position = 5 AND build = 1;
         UPDATE {}.builds SET parked = 1 WHERE build = 1",
        &[(ParkedKind, "build `other_v1_1`", "the build does not exist")],
    ),
];

/// Each on a log of its own, several at the same time.
pub(crate) async fn each_damage_is_found_at_its_place(db: TestDatabase) {
    let mut running = JoinSet::new();
    for (number, damage) in DAMAGES.iter().enumerate() {
        if running.len() >= 6 {
            running.join_next().await.unwrap().unwrap();
        }
        let db = db.clone();
        running.spawn(async move { damage_is_found(&db, &format!("log{number}"), damage).await });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
}

async fn damage_is_found(db: &TestDatabase, schema: &str, damage: &Damage) {
    let Damage { sql, findings, in_function } = damage;
    let function = format!("{schema}.verify()");
    let store = filled(db, schema).await;
    let before = report(&store).await;
    assert!(before.is_sound() && before.events == 5, "before {sql}: {before}");
    assert_eq!(findings_of(&db.url, &function).await, Vec::<String>::new(), "before {sql}");

    db.run(&sql.replace("{}.", &format!("{schema}.")).replace("{}_", &format!("{schema}_"))).await;
    let report = report(&store).await;
    assert_eq!(report.findings.len(), findings.len(), "{sql}: {report}");
    for (kind, place, problem) in *findings {
        let is_it = |found: &Finding| {
            found.kind == *kind && found.place.starts_with(place) && found.problem.contains(problem)
        };
        assert!(report.findings.iter().any(is_it), "{sql}: {kind}, {place}: {report}");
    }
    let rows = format!(" ({})", store.describe_rows());
    let mut expected: Vec<String> = match in_function {
        true => report.findings.iter().map(|found| found.to_string().replace(&rows, "")).collect(),
        false => Vec::new(),
    };
    let mut found = findings_of(&db.url, &function).await;
    expected.sort();
    found.sort();
    assert_eq!(found, expected, "{sql}");
    store.close().await;
}

pub(crate) async fn range_of_positions_is_verified(db: TestDatabase) {
    filled(&db, "annalist").await.close().await;
    db.run("DELETE FROM annalist.event_tags; UPDATE annalist.snapshots SET position = 99").await;
    let places = |call: &'static str| {
        let url = db.url.clone();
        async move { findings_of(&url, call).await.iter().map(|text| text[..17].to_owned()).collect::<Vec<_>>() }
    };
    let position = |number| format!("tags, position {number}:");
    assert_eq!(places("annalist.verify(2, 4)").await, [position(4)]);
    assert_eq!(places("annalist.verify(4)").await, [position(5)]);
    assert_eq!(places("annalist.verify(NULL, 2)").await, [position(1), position(2)]);
    assert_eq!(places("annalist.verify(6, 1000000)").await, Vec::<String>::new());
    assert_eq!(places("annalist.verify()").await.len(), 5);
}

/// With the right to read the tables, but not the sequence.
pub(crate) async fn read_only_role_verifies(db: TestDatabase) {
    filled(&db, "annalist").await.close().await;
    let (role, url) = db.role().await;
    may_read(&db, &role).await;
    let reader = Postgres::connect(&url).await.unwrap();
    assert!(report(&reader).await.is_sound());
    assert_eq!(findings_of(&url, "annalist.verify()").await, Vec::<String>::new());
    db.run("UPDATE annalist.events SET type = 'lost' WHERE position = 5").await;
    assert_eq!(report(&reader).await.total, 3);
    assert_eq!(findings_of(&url, "annalist.verify()").await.len(), 3);
}

pub(crate) async fn open_append_and_its_gap_are_no_findings(db: TestDatabase) {
    let store = filled(&db, "annalist").await;
    let mut connection = db.connection().await;
    let mut open = connection.begin().await.unwrap();
    let insert = "INSERT INTO annalist.events (id, type, version, recorded_at, tags, data, metadata)
                  VALUES (gen_random_uuid(), 'noted', 1, now(), '{a:1}', '{}', '{}')";
    sqlx::query(insert).execute(&mut *open).await.unwrap();
    accept(&store, Append { key: Some(command("after")), ..noted(1) }).await;
    let reported = report(&store).await;
    assert!(reported.is_sound() && reported.up_to == Position::new(6), "{reported}");
    assert_eq!(findings_of(&db.url, "annalist.verify()").await, Vec::<String>::new());
    open.rollback().await.unwrap();
}

/// The whole verification is one snapshot, whatever is appended meanwhile.
pub(crate) async fn appends_during_the_function_are_no_findings(db: TestDatabase) {
    let store = filled(&db, "annalist").await;
    let mut appends = JoinSet::new();
    for task in 0..4 {
        let store = store.clone();
        appends.spawn(async move {
            for number in 0..50 {
                let key = Some(command(format!("{task}-{number}")));
                accept(&store, Append { key, ..noted(number) }).await;
            }
        });
    }
    while !appends.is_empty() {
        assert_eq!(findings_of(&db.url, "annalist.verify()").await, Vec::<String>::new());
        assert!(report(&store).await.is_sound());
        while appends.try_join_next().is_some() {}
    }
}

/// Each page walks an index from its key on, with any statistics: it never reads a table or an index as a whole.
pub(crate) async fn pages_of_a_verification_use_indexes(db: TestDatabase) {
    let store = db.open().await;
    for number in 0..600 {
        let events = (0..10).map(|_| event("noted", [tag(number), tag("all")]));
        accept(&store, Append { key: Some(command(number)), ..append(events) }).await;
    }
    assert!(report(&store).await.is_sound());
    for statistics in ["", "ANALYZE annalist.events, annalist.event_tags, annalist.commands"] {
        db.run(statistics).await;
        for (part, key) in [("events", "{3000}"), ("event_tags", "{a:5,noted,0}"), ("commands", "{9}")] {
            // A connection of its own, whose statistics are those of this page.
            let mut connection = db.connection().await;
            let mut transaction = connection.begin().await.unwrap();
            let call = format!(
                "SELECT checked FROM annalist.verify_page('{part}', '{key}', 6000, 1000) WHERE kind = 'checked'"
            );
            let checked: i64 =
                sqlx::query_scalar(AssertSqlSafe(call)).fetch_one(&mut *transaction).await.unwrap();
            assert!(checked <= 1000, "{part}: {checked}");
            let statistics =
                "SELECT sum(seq_scan)::bigint, sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::bigint
                              FROM pg_stat_xact_user_tables WHERE schemaname = 'annalist'";
            let (scans, rows): (i64, i64) =
                sqlx::query_as(statistics).fetch_one(&mut *transaction).await.unwrap();
            assert_eq!(scans, 0, "{part}: tables are scanned");
            assert!(rows <= 6000, "{part}: {rows} rows are fetched for a page of 1000");
            transaction.rollback().await.unwrap();
        }
    }
}
