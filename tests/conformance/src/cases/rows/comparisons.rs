//! Comparing builds: with `compare`, a build is promoted only if its rows equal those of the live build.

use annalist_core::rows::{ColumnType, Difference, Key, PromoteOutcome, Role, Row, Table, Value};

use super::{
    builds::SECOND,
    values::{KINDS, extremes},
};
use crate::{
    Failure,
    failure::{Outcome, panicked},
    support::{
        concurrency::{run_concurrently, yield_now},
        handle::Handle,
        log::Log,
        rows::*,
    },
};

cases!("comparisons" needs [Rows]: [
    build_with_equal_rows_is_promoted,
    each_kind_of_difference_is_counted,
    difference_reports_the_smallest_key,
    similar_values_differ,
    one_different_row_among_thousands_is_found,
    builds_at_different_positions_are_not_comparable,
    builds_with_parked_events_are_not_comparable,
    comparing_builds_with_different_columns_is_an_error,
    comparison_reads_a_consistent_state,
]);

/// Writes two builds with these rows and equal positions, promotes the first, and returns the outcome of promoting the
/// second with a comparison.
async fn compare(log: &Log, table: &Table, old: &[Row], new: &[Row]) -> Outcome<PromoteOutcome> {
    let rows = log.rows();
    let second = table.built(table.build + 1);
    rows.write_rows(table, old.to_vec()).await?;
    rows.expect_promoted(table, false).await?;
    rows.write_rows(&second, new.to_vec()).await?;
    let before = rows.builds(table.projection).await?;
    let outcome = rows.promote(&second, true).await?;
    if outcome != PromoteOutcome::Done {
        ensure_eq!(rows.builds(table.projection).await?, before, "builds after the outcome {outcome:?}");
    }
    let live = live_builds(&rows.builds(table.projection).await?);
    let expected = if outcome == PromoteOutcome::Done { second.order() } else { table.order() };
    ensure_eq!(live, [expected], "live build after the outcome {outcome:?}");
    // Rows are returned in the order of their keys.
    let sorted = |all: &[Row]| {
        let mut all = all.to_vec();
        all.sort_by(|one, other| compare_keys(&table.key_of(one), &table.key_of(other)));
        all
    };
    ensure_eq!(rows.all_rows(table).await?, sorted(old), "rows of the old build after a comparison");
    ensure_eq!(rows.all_rows(&second).await?, sorted(new), "rows of the new build after a comparison");
    Ok(outcome)
}

fn differs(missing: u64, added: u64, changed: u64, example: Key) -> PromoteOutcome {
    PromoteOutcome::Differs(Difference { missing, added, changed, example: Some(example) })
}

async fn build_with_equal_rows_is_promoted(log: Log) -> Outcome {
    ensure_eq!(
        compare(&log, &table("empty", 1, THINGS.columns.to_vec()), &[], &[]).await?,
        PromoteOutcome::Done,
        "outcome of comparing builds without rows"
    );
    let all: Vec<Row> = (0..50).map(|n| thing(n, "a", n)).collect();
    let reversed: Vec<Row> = all.iter().rev().cloned().collect();
    ensure_eq!(
        compare(&log, &THINGS, &all, &reversed).await?,
        PromoteOutcome::Done,
        "outcome of comparing equal rows that were written in another order"
    );
    for (name, kind) in KINDS {
        let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, Role::Plain)];
        let table = table(&format!("of_{name}"), 1, columns);
        let values = extremes(kind).into_iter().chain([Value::Null]);
        let rows: Vec<Row> = (0..).map(int).zip(values).map(|(id, value)| vec![id, value]).collect();
        ensure_eq!(
            compare(&log, &table, &rows, &rows).await?,
            PromoteOutcome::Done,
            "outcome of comparing equal values of {kind:?}"
        );
    }
    Ok(())
}

async fn each_kind_of_difference_is_counted(log: Log) -> Outcome {
    let old = [thing(1, "a", 1), thing(2, "b", 2), thing(3, "c", 3), vec![int(4), Value::Null, Value::Null]];
    let changed = |number: usize, row: Row| {
        let mut rows = old.to_vec();
        rows[number] = row;
        rows
    };
    let half = vec![int(4), text(""), Value::Null];
    let changes = [
        ("a row is missing", old[..3].to_vec(), differs(1, 0, 0, vec![int(4)])),
        ("all rows are missing", vec![], differs(4, 0, 0, vec![int(1)])),
        ("a row was added", [&old[..], &[thing(0, "z", 0)]].concat(), differs(0, 1, 0, vec![int(0)])),
        ("a value is different", changed(1, thing(2, "b", 9)), differs(0, 0, 1, vec![int(2)])),
        (
            "a value became NULL",
            changed(2, vec![int(3), Value::Null, int(3)]),
            differs(0, 0, 1, vec![int(3)]),
        ),
        ("a NULL became a value", changed(3, half), differs(0, 0, 1, vec![int(4)])),
        ("a row has another key", changed(0, thing(7, "a", 1)), differs(1, 1, 0, vec![int(1)])),
        (
            "rows are missing, added and changed",
            vec![thing(2, "B", 2), thing(3, "C", 3), thing(5, "e", 5), thing(6, "f", 6), thing(7, "g", 7)],
            differs(2, 3, 2, vec![int(1)]),
        ),
    ];
    for (n, (what, new, expected)) in changes.into_iter().enumerate() {
        let table = table(&format!("case_{n}"), 1, THINGS.columns.to_vec());
        ensure_eq!(compare(&log, &table, &old, &new).await?, expected, "outcome if {what}");
        // The reverse comparison.
        let PromoteOutcome::Differs(Difference { missing, added, changed, example }) = expected else {
            continue;
        };
        let reversed =
            PromoteOutcome::Differs(Difference { missing: added, added: missing, changed, example });
        let outcome = compare(&log, &table.built(10), &new, &old).await?;
        ensure_eq!(outcome, reversed, "outcome of the reverse comparison if {what}");
    }
    Ok(())
}

async fn difference_reports_the_smallest_key(log: Log) -> Outcome {
    let columns = vec![
        column("second", ColumnType::Int, Role::Key),
        column("amount", ColumnType::Int, Role::Plain),
        column("third", ColumnType::Text, Role::Key),
        column("fourth", ColumnType::Uuid, Role::Key),
    ];
    let pairs = table("pairs", 1, columns);
    let row = |second: i64, third: &str, fourth: u128| vec![int(second), int(0), text(third), uuid(fourth)];
    // Keys in ascending order, which differs from the order of a collation.
    let mut all = vec![
        row(-5, "b", 1),
        row(2, "B", 9),
        row(2, "Z", 1),
        row(2, "a", 1),
        row(2, "a", 2),
        row(2, "é", 1),
        row(10, "", 0),
    ];
    while !all.is_empty() {
        let base = pairs.built((10 - all.len() as u32) * 20);
        let first = pairs.key_of(&all[0]);
        let count = all.len() as u64;
        let shuffled = |seed: usize| {
            let mut rows = all.clone();
            log.random(seed).shuffle(&mut rows);
            rows
        };
        let outcome = compare(&log, &base, &shuffled(all.len()), &[]).await?;
        ensure_eq!(
            outcome,
            differs(count, 0, 0, first.clone()),
            "outcome if {count} rows are missing, with the smallest key"
        );
        let other: Vec<Row> = shuffled(all.len() + 100)
            .into_iter()
            .map(|mut row| {
                row[1] = int(1);
                row
            })
            .collect();
        let outcome = compare(&log, &base.built(base.build + 5), &all, &other).await?;
        ensure_eq!(
            outcome,
            differs(0, 0, count, first),
            "outcome if {count} rows have other values, with the smallest key"
        );
        all.remove(0);
    }
    Ok(())
}

async fn similar_values_differ(log: Log) -> Outcome {
    let pairs: [(ColumnType, Value, Value); 20] = [
        (ColumnType::Text, text("a"), text("A")),
        (ColumnType::Text, text("a"), text("a ")),
        (ColumnType::Text, text("é"), text("e\u{301}")),
        (ColumnType::Text, text(""), text(" ")),
        (ColumnType::Text, text("1"), text("01")),
        (ColumnType::Int, int((1 << 53) + 1), int(1 << 53)),
        (ColumnType::Int, int(i64::MAX), int(i64::MAX - 1)),
        (ColumnType::Float, float(0.1 + 0.2), float(0.3)),
        (ColumnType::Float, float(5e-324), float(0.0)),
        (ColumnType::Float, float(f64::MAX), float(f64::INFINITY)),
        (ColumnType::Time, time(1_769_860_800_123_456), time(1_769_860_800_123_457)),
        (ColumnType::Uuid, uuid(u128::MAX), uuid(u128::MAX - 1)),
        (ColumnType::Bool, Value::Bool(true), Value::Bool(false)),
        (ColumnType::Date, date(0), date(-1)),
        (ColumnType::TimeOfDay, time_of_day(0), time_of_day(1)),
        (ColumnType::Decimal, decimal(1, 0), decimal(1, 28)),
        (ColumnType::Decimal, decimal((1 << 96) - 1, 0), decimal((1 << 96) - 2, 0)),
        // JSON is compared byte by byte.
        (ColumnType::Json, json("{}"), json("{ }")),
        (ColumnType::Json, json("1"), json("1.0")),
        (ColumnType::Json, json(r#"{"a":1,"b":2}"#), json(r#"{"b":2,"a":1}"#)),
    ];
    for (n, (kind, one, other)) in pairs.into_iter().enumerate() {
        let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, Role::Plain)];
        let table = table(&format!("pair_{n}"), 1, columns);
        for (m, (old, new)) in
            (0..).zip([(&one, &other), (&other, &one), (&one, &Value::Null), (&Value::Null, &other)])
        {
            let (old, new) = (vec![int(1), old.clone()], vec![int(1), new.clone()]);
            let outcome =
                compare(&log, &table.built(m * 10), std::slice::from_ref(&old), std::slice::from_ref(&new))
                    .await?;
            ensure_eq!(outcome, differs(0, 0, 1, vec![int(1)]), "outcome of comparing {old:?} and {new:?}");
        }
    }
    Ok(())
}

async fn one_different_row_among_thousands_is_found(log: Log) -> Outcome {
    let old: Vec<Row> = (0..5_000).map(|n| thing(n, "a", n % 7)).collect();
    ensure_eq!(
        compare(&log, &THINGS, &old, &old).await?,
        PromoteOutcome::Done,
        "outcome of comparing thousands of equal rows"
    );
    let mut new = old.clone();
    new[4_321][2] = int(99);
    let outcome = compare(&log, &THINGS.built(10), &old, &new).await?;
    ensure_eq!(
        outcome,
        differs(0, 0, 1, vec![int(4_321)]),
        "outcome of comparing thousands of rows, one of which is different"
    );
    Ok(())
}

async fn builds_at_different_positions_are_not_comparable(log: Log) -> Outcome {
    let rows = log.rows();
    let second = THINGS.built(1);
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_promoted(&THINGS, true).await?;
    rows.define_table(&second).await?;
    let check = async || {
        let before = rows.builds("things").await?;
        ensure_eq!(
            rows.promote(&second, true).await?,
            PromoteOutcome::NotComparable,
            "outcome of comparing builds at different positions"
        );
        ensure_eq!(rows.builds("things").await?, before, "builds after a comparison at different positions");
        Ok(())
    };
    check().await?;
    rows.expect_committed(change(&second, 0, 2).upserting(vec![thing(1, "a", 1)])).await?;
    check().await?;
    rows.expect_committed(change(&THINGS, 1, 2)).await?;
    rows.expect_promoted(&second, true).await?;
    // Without a comparison the positions may differ.
    rows.define_table(&SECOND).await?;
    rows.expect_promoted(&SECOND, false).await
}

async fn builds_with_parked_events_are_not_comparable(log: Log) -> Outcome {
    let rows = log.rows();
    let second = THINGS.built(1);
    rows.write_rows(&THINGS, vec![]).await?;
    rows.expect_promoted(&THINGS, true).await?;
    rows.write_rows(&second, vec![]).await?;
    let event = || vec![parked(2, &["a"], "no", 1)];
    let mut at = 1;
    for (old, new) in [(true, false), (false, true), (true, true)] {
        for (table, parks) in [(&THINGS, old), (&second, new)] {
            rows.expect_committed(change(table, at, at + 1).parking(if parks { event() } else { vec![] }))
                .await?;
        }
        at += 1;
        let before = rows.builds("things").await?;
        let outcome = rows.promote(&second, true).await?;
        ensure_eq!(
            outcome,
            PromoteOutcome::NotComparable,
            "outcome of a comparison with parked events in the old build: {old}, in the new build: {new}"
        );
        ensure_eq!(rows.builds("things").await?, before, "builds after a comparison with parked events");
        for (table, parks) in [(&THINGS, old), (&second, new)] {
            rows.expect_committed(change(table, at, at).if_parked(parks.into()).unparking([2])).await?;
        }
    }
    rows.expect_promoted(&second, true).await?;
    let third = THINGS.built(2);
    rows.define_table(&third).await?;
    rows.expect_committed(change(&third, 0, 9).parking(event())).await?;
    rows.expect_promoted(&third, false).await
}

async fn comparing_builds_with_different_columns_is_an_error(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_promoted(&THINGS, true).await?;
    rows.write_rows(&SECOND, vec![]).await?;
    let before = rows.builds("things").await?;
    let error = expect_unusable(rows.promote(&SECOND, true).await)?;
    for part in ["things", &THINGS.shape(), &SECOND.shape()] {
        ensure!(error.contains(part), "the error must contain {part:?}: {error}");
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after the failed comparison");
    rows.expect_promoted(&SECOND, false).await?;
    // Versions with the same columns can be compared.
    let third = Table { version: 3, ..SECOND };
    rows.write_rows(&third, vec![vec![int(1), text("a")]]).await?;
    let outcome = rows.promote(&third, true).await?;
    ensure_eq!(
        outcome,
        differs(0, 1, 0, vec![int(1)]),
        "outcome of comparing two versions with the same columns"
    );
    Ok(())
}

async fn comparison_reads_a_consistent_state(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let tables: Vec<Table> = (0..6).map(|build| THINGS.built(build)).collect();
    for table in &tables {
        log.rows().write_rows(table, many_things(0)).await?;
    }
    log.rows().expect_promoted(&THINGS, false).await?;
    let rounds = log.rounds(40) as u64;
    let runners = tokio::spawn(run_in_lockstep(handles[..2].to_vec(), tables.clone(), rounds));
    let rows = handles[2].rows();
    for table in &tables[1..] {
        loop {
            match rows.promote(table, true).await? {
                PromoteOutcome::NotComparable => yield_now().await,
                PromoteOutcome::Done => break,
                other => {
                    return Err(Failure::new(format!(
                        "the builds have equal rows at every position: `promote` must return `Done` or `NotComparable`, but returned {other:?}"
                    )));
                }
            }
            let done = runners.is_finished();
            ensure!(
                !done || rows.checkpoint_of(table).await?.position.get() == rounds,
                "a runner ended before the last position"
            );
        }
    }
    runners.await.map_err(panicked)??;
    ensure_eq!(live_builds(&rows.builds("things").await?), [(1, 5)], "live builds at the end");
    Ok(())
}

/// Runs one runner for each build. All write equal rows at each position and wait for each other before the next one.
async fn run_in_lockstep(handles: Vec<Handle>, tables: Vec<Table>, rounds: u64) -> Outcome {
    for at in 1..rounds {
        let changes = tables.clone().into_iter().enumerate().map(|(n, table)| {
            let rows = handles[n % handles.len()].rows();
            async move { rows.expect_committed(change(&table, at, at + 1).upserting(many_things(at))).await }
        });
        run_concurrently(changes).await?;
        yield_now().await;
    }
    Ok(())
}

fn many_things(amount: u64) -> Vec<Row> {
    (0..20).map(|n| thing(n, "a", amount.cast_signed())).collect()
}
