//! Damage by hand is found, at its place, and only there. The log before the edit has no findings.

use annalist_core::{
    finding::FindingKind::{
        self, Build, Checkpoint, CommandId, Event, Gap, Journal, Parked as ParkedKind,
        Snapshot as SnapshotKind, Successor, Tags,
    },
    rows::{Anchor, Column, ColumnType, Parked, Role, RowChange, RowStore, SharedRows, Table, Value},
    store::{JournalRecord, Snapshot, SnapshotKey},
    verify::{MAX_FINDINGS, VerifyReport, verify},
};
use annalist_sqlite::verify_sql;
use sqlx::{AssertSqlSafe, Row as _};

use super::*;

const STOCK: Table = Table {
    projection: "stock",
    version: 1,
    build: 0,
    columns: &[
        Column { name: "item", kind: ColumnType::Int, nullable: false, role: Role::Key },
        Column { name: "left", kind: ColumnType::Int, nullable: false, role: Role::Plain },
    ],
};

async fn report(store: &Sqlite) -> VerifyReport {
    let rows: SharedRows = std::sync::Arc::new(store.clone());
    verify(store, &[rows]).await.unwrap()
}

/// A log with everything that a verification checks: five events with tags, command ids, journal, snapshots, and builds with parked
/// events.
async fn filled(test_log: &TestLog) -> Sqlite {
    let store = test_log.open().await;
    let journal =
        |rejection| Some(JournalRecord { body: Payload::parse("{\"amount\":5}").unwrap(), rejection });
    for (index, (kind, tags)) in [
        ("opened", &["account:1", "owner:7"][..]),
        ("paid", &["account:1"]),
        ("paid", &["account:2"]),
        ("closed", &["account:1"]),
        ("noted", &[]),
    ]
    .into_iter()
    .enumerate()
    {
        let key = Some(key(format!("c-{}", index + 1)));
        write(&store, Append { key, journal: journal(None), ..events([draft(kind, tags, "{\"a\":1}")]) })
            .await;
    }
    write(&store, Append { journal: journal(Some("no".to_owned())), ..Append::default() }).await;
    let successor = "INSERT INTO annalist_event_successors VALUES ('shut', 'closed', 1, 4, 7)";
    sqlx::raw_sql(successor).execute(&mut test_log.raw().await).await.unwrap();
    let records = all(&store).await;
    let snapshot = Snapshot { position: Position::new(4), state: Payload::parse("{}").unwrap() };
    let snapshot_of = SnapshotKey { aggregate: "Account", tag: Some(tag("account:1")), fingerprint: 1 };
    store.save_snapshot(&snapshot_of, &snapshot).await.unwrap();
    let park = [1, 3].map(|index: usize| Parked {
        position: records[index].position,
        event: records[index].id,
        keys: vec!["1".to_owned()],
        error: "no".to_owned(),
        attempts: 1,
        needs_newer: false,
    });
    for table in [STOCK, STOCK.built(1)] {
        store.define(&table, "", store.log_id()).await.unwrap();
        let change = RowChange {
            anchor: Some(Anchor::of(&records[4])),
            upserts: vec![vec![Value::Int(1), Value::Int(2)]],
            park: park.to_vec(),
            ..RowChange::new(&table, START, Position::new(5))
        };
        store.commit(change).await.unwrap();
    }
    store.promote(&STOCK, false).await.unwrap();
    store
}

/// The findings of the script, as `kind, place: problem`.
async fn findings_of_the_script(test_log: &TestLog) -> Vec<String> {
    let script = verify_sql("annalist_").unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(script)).fetch_all(&mut test_log.raw().await).await.unwrap();
    let text = |row: &sqlx::sqlite::SqliteRow| {
        let column = |name| row.get::<String, _>(name);
        format!("{}, {}: {}", column("kind"), column("place"), column("problem"))
    };
    rows.iter().filter(|row| row.get::<&str, _>("kind") != "checked").map(text).collect()
}

/// An edit, and the findings that it must lead to: kind, place, and a part of the problem.
struct Damage {
    sql: &'static str,
    findings: &'static [(FindingKind, &'static str, &'static str)],
    /// Whether the script finds it too; it does not check what only a program can read.
    in_script: bool,
}

const fn damage(sql: &'static str, findings: &'static [(FindingKind, &'static str, &'static str)]) -> Damage {
    Damage { sql, findings, in_script: true }
}

const SUCCESSOR: &str = "successor `closed` of `shut`";

const DAMAGES: &[Damage] = &[
    damage(
        "UPDATE annalist_event_successors SET since = 99",
        &[(Successor, SUCCESSOR, "the log has no event at position 99, where it begins")],
    ),
    damage(
        "UPDATE annalist_event_successors SET since = 3",
        &[(Successor, SUCCESSOR, "the event at position 3, where it begins, has type `paid`")],
    ),
    damage(
        "UPDATE annalist_event_successors SET version = 0",
        &[(Successor, SUCCESSOR, "the version is below 1")],
    ),
    damage(
        "UPDATE annalist_event_successors SET name = 'sh ut'",
        &[(Successor, "successor `closed` of `sh ut`", "the older name is not that of an event type")],
    ),
    damage(
        "UPDATE annalist_events SET type = 'lost' WHERE position = 2",
        &[
            (Tags, "position 2", "lacks 1 of the rows of the event, such as that of tag `account:1` with type `lost`"),
            (Tags, "position 2", "row of tag `account:1` with type `paid`, but the event has type `lost`"),
        ],
    ),
    damage(
        "UPDATE annalist_events SET tags = '[\"account:1\"]' WHERE position = 1",
        &[(Tags, "position 1", "tag `owner:7` with type `opened`, but the event does not have the tag")],
    ),
    damage(
        "DELETE FROM annalist_event_tags WHERE tag = 'account:2'",
        &[(Tags, "position 3", "such as that of tag `account:2` with type `paid`")],
    ),
    damage(
        "INSERT INTO annalist_event_tags VALUES ('account:1', 'paid', 99)",
        &[(Tags, "position 99", "but the log has no event there")],
    ),
    damage(
        "UPDATE annalist_events SET type = '$gap', tags = '[]' WHERE position = 3;
         DELETE FROM annalist_event_tags WHERE position = 3",
        &[(Event, "position 3", "the event is removed, and no archive has it")],
    ),
    damage(
        "DELETE FROM annalist_events WHERE position IN (2, 3);
         DELETE FROM annalist_event_tags WHERE position IN (2, 3);
         DELETE FROM annalist_commands WHERE id IN ('c-2', 'c-3');
         DELETE FROM annalist_journal WHERE number IN (2, 3);
         DELETE FROM annalist_parked; UPDATE annalist_builds SET parked = 0",
        &[(Gap, "positions 2 to 3", "no event")],
    ),
    damage(
        "INSERT INTO annalist_events SELECT -1, id, type, version, recorded_at, '[]', metadata, data FROM annalist_events WHERE position = 5",
        &[(Event, "position -1", "below 1")],
    ),
    damage("UPDATE annalist_events SET data = '{' WHERE position = 5", &[(Event, "position 5", "payload is not JSON")]),
    Damage {
        sql: "UPDATE annalist_events SET data = replace(printf('%.200c', 'x'), 'x', '[') || replace(printf('%.200c', 'x'), 'x', ']') WHERE position = 5",
        findings: &[(Event, "position 5", "payload is not JSON: recursion limit")],
        in_script: false,
    },
    damage("UPDATE annalist_events SET metadata = '[]' WHERE position = 5", &[(Event, "position 5", "metadata is not a JSON object")]),
    damage("UPDATE annalist_events SET metadata = 'x' WHERE position = 5", &[(Event, "position 5", "metadata is not JSON")]),
    Damage {
        sql: "UPDATE annalist_events SET metadata = '{\"actor\":\"\"}' WHERE position = 5",
        findings: &[(Event, "position 5", "must not be empty")],
        in_script: false,
    },
    damage("UPDATE annalist_events SET version = -1 WHERE position = 5", &[(Event, "position 5", "version -1")]),
    damage("UPDATE annalist_events SET version = 4294967296 WHERE position = 5", &[(Event, "position 5", "version 4294967296")]),
    damage("UPDATE annalist_events SET type = 'a b' WHERE position = 5", &[(Event, "position 5", "type `a b` is not valid")]),
    damage("UPDATE annalist_events SET type = '' WHERE position = 5", &[(Event, "position 5", "type `` is not valid")]),
    damage("UPDATE annalist_events SET type = '$x' WHERE position = 5", &[(Event, "position 5", "type `$x` is not valid")]),
    damage(
        "UPDATE annalist_events SET tags = '[\"Account\"]' WHERE position = 5;
         INSERT INTO annalist_event_tags VALUES ('Account', 'noted', 5)",
        &[(Event, "position 5", "tag `Account` is not valid")],
    ),
    damage("UPDATE annalist_events SET tags = 'x' WHERE position = 5", &[(Event, "position 5", "tags are not JSON")]),
    damage("UPDATE annalist_events SET tags = '{}' WHERE position = 5", &[(Event, "position 5", "tags are not a JSON array")]),
    Damage {
        sql: "UPDATE annalist_events SET tags = '[\"owner:7\",\"account:1\"]' WHERE position = 1",
        findings: &[(Event, "position 1", "not sorted")],
        in_script: false,
    },
    Damage {
        sql: "UPDATE annalist_events SET id = 'x' WHERE position = 5; DELETE FROM annalist_commands WHERE id = 'c-5';
              UPDATE annalist_builds SET anchor_position = NULL, anchor_event = NULL",
        findings: &[(Event, "position 5", "column `id`")],
        in_script: false,
    },
    Damage {
        sql: "UPDATE annalist_events SET recorded_at = 9223372036854775807 WHERE position = 5",
        findings: &[(Event, "position 5", "out of range")],
        in_script: false,
    },
    damage(
        "UPDATE annalist_commands SET receipt = (SELECT receipt FROM annalist_commands WHERE id = 'c-1') WHERE id = 'c-3';
         UPDATE annalist_commands SET receipt = replace(receipt, '[[1,', '[[2,') WHERE id = 'c-1'",
        &[(CommandId, "command id `c-1`", "at position 2, where the log has event")],
    ),
    damage(
        "UPDATE annalist_commands SET receipt = replace(receipt, '[[3,', '[[77,') WHERE id = 'c-3'",
        &[(CommandId, "command id `c-3`", "at position 77, where the log has no event")],
    ),
    damage("UPDATE annalist_commands SET receipt = '{' WHERE id = 'c-3'", &[(CommandId, "command id `c-3`", "not a JSON array")]),
    damage("UPDATE annalist_commands SET receipt = '[7]' WHERE id = 'c-3'", &[(CommandId, "command id `c-3`", "not a list of positions and event ids")]),
    damage("UPDATE annalist_journal SET positions = '[88]' WHERE number = 3", &[(Journal, "journal entry 3", "no event at position 88")]),
    damage("UPDATE annalist_journal SET positions = 'x' WHERE number = 3", &[(Journal, "journal entry 3", "positions are not JSON")]),
    damage("UPDATE annalist_journal SET body = 'x' WHERE number = 6", &[(Journal, "journal entry 6", "command is not JSON")]),
    damage("UPDATE annalist_journal SET metadata = '7' WHERE number = 6", &[(Journal, "journal entry 6", "metadata is not a JSON object")]),
    Damage {
        sql: "UPDATE annalist_journal SET metadata = '{\"hops\":-1}' WHERE number = 6",
        findings: &[(Journal, "journal entry 6", "metadata")],
        in_script: false,
    },
    damage("UPDATE annalist_snapshots SET position = 6", &[(SnapshotKind, "snapshot of `Account` `account:1`", "at position 6, and the log ends at 5")]),
    damage("UPDATE annalist_snapshots SET position = 0", &[(SnapshotKind, "snapshot of `Account` `account:1`", "at position 0")]),
    damage("UPDATE annalist_snapshots SET state = '{'", &[(SnapshotKind, "snapshot of `Account` `account:1`", "not JSON")]),
    damage("UPDATE annalist_builds SET position = 6 WHERE build = 1", &[(Checkpoint, "build `stock_v1_1`", "at position 6, and the log ends at 5")]),
    damage(
        "UPDATE annalist_builds SET anchor_event = (SELECT id FROM annalist_events WHERE position = 4) WHERE build = 1",
        &[(Checkpoint, "build `stock_v1_1`", "at position 5, where the log has event")],
    ),
    damage(
        "UPDATE annalist_builds SET anchor_position = 9, position = 9 WHERE build = 1",
        &[(Checkpoint, "build `stock_v1_1`", "at position 9, and the log ends at 5"), (Checkpoint, "build `stock_v1_1`", "at position 9, where the log has no event")],
    ),
    damage("UPDATE annalist_builds SET position = 4 WHERE build = 1", &[(Checkpoint, "build `stock_v1_1`", "anchor is after its checkpoint")]),
    damage("UPDATE annalist_builds SET live = 1", &[(Build, "build `stock_v1_1`", "it is live, and so is build 0 of version 1")]),
    damage("UPDATE annalist_builds SET parked = 7 WHERE build = 0", &[(ParkedKind, "build `stock_v1`", "counts 7 parked events, and 2 are stored")]),
    damage("UPDATE annalist_builds SET inline_types = '[]' WHERE build = 1", &[(Build, "build `stock_v1_1`", "not a list of event types")]),
    damage("DROP TABLE annalist_rows_stock_v1_1", &[(Build, "build `stock_v1_1`", "annalist_rows_stock_v1_1 does not exist")]),
    damage(
        "UPDATE annalist_parked SET event = (SELECT id FROM annalist_events WHERE position = 1) WHERE position = 2 AND build = 0",
        &[(ParkedKind, "build `stock_v1`", "at position 2, where the log has event")],
    ),
    damage("UPDATE annalist_parked SET position = 6 WHERE position = 4 AND build = 1", &[(ParkedKind, "build `stock_v1_1`", "the event at position 6 is parked, but the checkpoint is at 5")]),
    damage("UPDATE annalist_parked SET keys = '7' WHERE position = 4 AND build = 1", &[(ParkedKind, "build `stock_v1_1`", "position 4 has invalid keys")]),
    damage("UPDATE annalist_parked SET projection = 'other' WHERE position = 4 AND build = 1; UPDATE annalist_builds SET parked = 1 WHERE build = 1", &[(ParkedKind, "build `other_v1_1`", "the build does not exist")]),
];

#[tokio::test]
async fn each_damage_is_found_at_its_place() {
    for Damage { sql, findings, in_script } in DAMAGES {
        let test_log = TestLog::new();
        let store = filled(&test_log).await;
        let before = report(&store).await;
        assert!(before.is_sound() && before.events == 5, "before {sql}: {before}");
        assert_eq!(findings_of_the_script(&test_log).await, Vec::<String>::new(), "before {sql}");

        sqlx::raw_sql(*sql).execute(&mut test_log.raw().await).await.unwrap();
        let report = report(&store).await;
        assert_eq!(report.findings.len(), findings.len(), "{sql}: {report}");
        for (kind, place, problem) in *findings {
            let is_it = |found: &&annalist_core::finding::Finding| {
                found.kind == *kind && found.place.starts_with(place) && found.problem.contains(problem)
            };
            assert!(report.findings.iter().any(|found| is_it(&found)), "{sql}: {kind}, {place}: {report}");
        }
        let script = findings_of_the_script(&test_log).await;
        let expected = if *in_script { findings.len() } else { 0 };
        assert_eq!(script.len(), expected, "{sql}: {script:?}");
        for (kind, place, problem) in findings.iter().take(expected) {
            let start = format!("{kind}, {place}");
            assert!(
                script.iter().any(|found| found.starts_with(&start) && found.contains(problem)),
                "{sql}: {script:?}"
            );
        }
    }
}

#[tokio::test]
async fn findings_beyond_the_limit_are_counted() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let count = MAX_FINDINGS + 1234;
    write(&store, events((0..count).map(|number| draft("counted", &[&format!("n:{number}")], "0")))).await;
    assert!(report(&store).await.is_sound());
    sqlx::query("DELETE FROM annalist_event_tags").execute(&mut test_log.raw().await).await.unwrap();
    let report = report(&store).await;
    assert_eq!((report.findings.len(), report.total), (MAX_FINDINGS, count as u64));
    assert!(report.to_string().ends_with("\nand 1234 more"));
}

#[tokio::test]
async fn read_only_file_is_verified() {
    let test_log = TestLog::new();
    filled(&test_log).await.close().await;
    let options = SqliteConnectOptions::new().filename(test_log.file()).read_only(true);
    let pool = sqlx::SqlitePool::connect_lazy_with(options);
    let store = Sqlite::options().with_pool(pool).await.unwrap();
    assert!(report(&store).await.is_sound());
}
