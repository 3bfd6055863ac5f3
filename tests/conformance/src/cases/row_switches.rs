//! Switching: of all builds of a projection one is live, a newer one takes over, and if asked to, only with equal rows.

use annalist_core::{
    record::Position,
    rows::{ColumnType, Difference, Key, PromoteOutcome, Role, Row, Table, Value},
};

use super::{
    row_builds::SECOND,
    row_values::{KINDS, extremes},
};
use crate::{
    Failure,
    failure::{Outcome, panicked},
    log::{Handle, Log, room_for_others, together},
    rows::*,
};

cases!("switch" needs [Rows]: [
    a_newer_build_takes_over_and_an_older_one_never,
    a_build_that_was_never_defined_cannot_go_live,
    projections_switch_by_themselves,
    rows_stay_in_the_build_that_they_were_written_to,
    many_switches_at_once_leave_the_newest_live,
    equal_rows_take_over,
    each_kind_of_difference_is_counted,
    the_smallest_key_is_the_example,
    values_that_are_nearly_the_same_differ,
    one_row_of_thousands_differs,
    builds_at_different_positions_are_apart,
    builds_with_parked_events_are_apart,
    builds_of_other_columns_cannot_be_compared,
    a_comparison_sees_one_moment,
]);

async fn a_newer_build_takes_over_and_an_older_one_never(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    let order = [
        THINGS,
        THINGS.built(1),
        THINGS.built(3),
        Table { version: 2, ..THINGS },
        Table { version: 11, ..THINGS },
    ];
    for table in &order {
        rows.defined(table).await?;
    }
    ensure_eq!(live(&rows.builds("things").await?), [], "live builds before anybody said so");
    for (n, table) in order.iter().enumerate() {
        let rows = handles[n % 2].rows();
        rows.goes_live(table, n == 0).await?;
        for handle in &handles {
            let found = live(&handle.rows().builds("things").await?);
            ensure_eq!(found, [table.order()], "live builds after `{}` took over", table.name());
        }
        let before = rows.builds("things").await?;
        for compare in [false, true] {
            rows.goes_live(table, compare).await?;
            for older in &order[..n] {
                let answer = rows.promote(older, compare).await?;
                ensure_eq!(answer, PromoteOutcome::Superseded, "the answer to `{}`", older.name());
            }
        }
        ensure_eq!(rows.builds("things").await?, before, "builds after older ones tried to take over");
    }
    // One in between is older than the live one, however late it was made.
    rows.defined(&Table { version: 2, build: 7, ..THINGS }).await?;
    let answer = rows.promote(&Table { version: 2, build: 7, ..THINGS }, false).await?;
    ensure_eq!(answer, PromoteOutcome::Superseded, "the answer to a build that was made late");
    Ok(())
}

async fn a_build_that_was_never_defined_cannot_go_live(log: Log) -> Outcome {
    let rows = log.rows();
    for compare in [false, true] {
        let error = unusable(rows.promote(&THINGS, compare).await)?;
        ensure!(error.contains("things_v1"), "the error must name the table: {error}");
    }
    rows.defined(&THINGS).await?;
    rows.goes_live(&THINGS, false).await?;
    let before = rows.builds("things").await?;
    for table in [THINGS.built(1), SECOND, Table { version: 0, ..THINGS }] {
        for compare in [false, true] {
            unusable(rows.promote(&table, compare).await)?;
        }
    }
    ensure_eq!(
        rows.builds("things").await?,
        before,
        "builds after others that are not there tried to take over"
    );
    Ok(())
}

async fn projections_switch_by_themselves(log: Log) -> Outcome {
    let rows = log.rows();
    let names = ["things", "things_", "things_1", "thing", "th_ngs"];
    for name in names {
        for build in 0..3 {
            rows.defined(&Table { projection: name, build, ..THINGS }).await?;
        }
    }
    for (build, name) in (0..).zip(names) {
        rows.goes_live(&Table { projection: name, build: build % 3, ..THINGS }, false).await?;
    }
    for (build, name) in (0..).zip(names) {
        ensure_eq!(live(&rows.builds(name).await?), [(1, build % 3)], "the live build of `{name}`");
    }
    Ok(())
}

async fn rows_stay_in_the_build_that_they_were_written_to(log: Log) -> Outcome {
    let rows = log.rows();
    let tables = [THINGS, THINGS.built(1)];
    rows.write(&tables[0], vec![thing(1, "a", 1), thing(2, "b", 2)]).await?;
    rows.write(&tables[1], vec![thing(1, "c", 3)]).await?;
    rows.write(&SECOND, vec![vec![int(1), text("d")]]).await?;
    rows.report(&SECOND, Some("a reason")).await?;
    for at in 1..4 {
        let live = [THINGS, THINGS.built(1), SECOND][at as usize - 1];
        rows.goes_live(&live, false).await?;
        ensure_eq!(
            rows.all(&tables[0]).await?.len(),
            2,
            "rows of the first build while `{}` is live",
            live.name()
        );
        ensure_eq!(rows.row(&tables[1], vec![int(1)]).await?, Some(thing(1, "c", 3)), "a row of the second");
        ensure_eq!(rows.all(&SECOND).await?, [vec![int(1), text("d")]], "rows of the second version");
        let checkpoint = rows.build(&SECOND).await?.checkpoint;
        ensure_eq!(
            (checkpoint.position, checkpoint.stopped.as_deref()),
            (Position::new(1), Some("a reason")),
            "its checkpoint"
        );
        // Builds that are not live are written on.
        rows.done(change(&tables[0], at, at + 1).writes(vec![thing(2, "on", at.cast_signed())])).await?;
        ensure_eq!(
            rows.row(&tables[0], vec![int(2)]).await?,
            Some(thing(2, "on", at.cast_signed())),
            "a new row"
        );
    }
    Ok(())
}

async fn many_switches_at_once_leave_the_newest_live(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(6) {
        let first = table(&format!("round_{round}"), 1, THINGS.columns.to_vec());
        let tables: Vec<Table> =
            (0..8).map(|n| Table { version: 1 + n / 3, build: n % 3, ..first }).collect();
        for table in &tables {
            log.rows().defined(table).await?;
        }
        let mut order = tables.clone();
        log.random(("order", round)).shuffle(&mut order);
        let switches = order.into_iter().enumerate().map(|(n, table)| {
            let rows = handles[n % 3].rows();
            async move {
                let answer = rows.promote(&table, n % 2 == 0).await?;
                ensure!(
                    matches!(answer, PromoteOutcome::Done | PromoteOutcome::Superseded),
                    "a switch was answered with {answer:?}"
                );
                Ok(())
            }
        });
        let watcher = log.rows();
        let newest = tables[7].order();
        let watch = tokio::spawn(async move {
            let mut last = vec![];
            while last != [newest] {
                let now = live(&watcher.builds(first.projection).await?);
                ensure!(now.len() <= 1, "{now:?} are live at once");
                ensure!(now >= last, "{now:?} is live after {last:?}");
                last = now;
                room_for_others().await;
            }
            Ok(())
        });
        together(switches).await?;
        watch.await.map_err(panicked)??;
    }
    Ok(())
}

/// Two builds of the columns that stand at 1, the first of them live, with these rows; the answer to the second.
async fn compared(log: &Log, table: &Table, old: &[Row], new: &[Row]) -> Outcome<PromoteOutcome> {
    let rows = log.rows();
    let second = table.built(table.build + 1);
    rows.write(table, old.to_vec()).await?;
    rows.goes_live(table, false).await?;
    rows.write(&second, new.to_vec()).await?;
    let before = rows.builds(table.projection).await?;
    let answer = rows.promote(&second, true).await?;
    if answer != PromoteOutcome::Done {
        ensure_eq!(rows.builds(table.projection).await?, before, "builds after the answer {answer:?}");
    }
    let live = live(&rows.builds(table.projection).await?);
    let wanted = if answer == PromoteOutcome::Done { second.order() } else { table.order() };
    ensure_eq!(live, [wanted], "what is live after the answer {answer:?}");
    // The order in which rows are found is not that in which they were written.
    let sorted = |all: &[Row]| {
        let mut all = all.to_vec();
        all.sort_by(|one, other| keys_in_order(&table.key_of(one), &table.key_of(other)));
        all
    };
    ensure_eq!(rows.all(table).await?, sorted(old), "rows of the old build after a comparison");
    ensure_eq!(rows.all(&second).await?, sorted(new), "rows of the new build after a comparison");
    Ok(answer)
}

fn differs(missing: u64, added: u64, changed: u64, example: Key) -> PromoteOutcome {
    PromoteOutcome::Differs(Difference { missing, added, changed, example: Some(example) })
}

async fn equal_rows_take_over(log: Log) -> Outcome {
    ensure_eq!(
        compared(&log, &table("empty", 1, THINGS.columns.to_vec()), &[], &[]).await?,
        PromoteOutcome::Done,
        "no rows"
    );
    let all: Vec<Row> = (0..50).map(|n| thing(n, "a", n)).collect();
    let turned: Vec<Row> = all.iter().rev().cloned().collect();
    ensure_eq!(compared(&log, &THINGS, &all, &turned).await?, PromoteOutcome::Done, "rows in another order");
    for (name, kind) in KINDS {
        let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, Role::Plain)];
        let table = table(&format!("of_{name}"), 1, columns);
        let values = extremes(kind).into_iter().chain([Value::Null]);
        let rows: Vec<Row> = (0..).map(int).zip(values).map(|(id, value)| vec![id, value]).collect();
        ensure_eq!(
            compared(&log, &table, &rows, &rows).await?,
            PromoteOutcome::Done,
            "equal values of {kind:?}"
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
    let expected = [
        ("a row is missing", old[..3].to_vec(), differs(1, 0, 0, vec![int(4)])),
        ("all rows are missing", vec![], differs(4, 0, 0, vec![int(1)])),
        ("a row was added", [&old[..], &[thing(0, "z", 0)]].concat(), differs(0, 1, 0, vec![int(0)])),
        ("a value is another", changed(1, thing(2, "b", 9)), differs(0, 0, 1, vec![int(2)])),
        ("a value is nothing", changed(2, vec![int(3), Value::Null, int(3)]), differs(0, 0, 1, vec![int(3)])),
        ("nothing is a value", changed(3, half), differs(0, 0, 1, vec![int(4)])),
        ("a row has another key", changed(0, thing(7, "a", 1)), differs(1, 1, 0, vec![int(1)])),
        (
            "all of it",
            vec![thing(2, "B", 2), thing(3, "C", 3), thing(5, "e", 5), thing(6, "f", 6), thing(7, "g", 7)],
            differs(2, 3, 2, vec![int(1)]),
        ),
    ];
    for (n, (what, new, wanted)) in expected.into_iter().enumerate() {
        let table = table(&format!("case_{n}"), 1, THINGS.columns.to_vec());
        ensure_eq!(compared(&log, &table, &old, &new).await?, wanted, "the comparison if {what}");
        // And the other way round.
        let PromoteOutcome::Differs(Difference { missing, added, changed, example }) = wanted else {
            continue;
        };
        let turned = PromoteOutcome::Differs(Difference { missing: added, added: missing, changed, example });
        let answer = compared(&log, &table.built(10), &new, &old).await?;
        ensure_eq!(answer, turned, "the comparison the other way round, if {what}");
    }
    Ok(())
}

async fn the_smallest_key_is_the_example(log: Log) -> Outcome {
    let columns = vec![
        column("second", ColumnType::Int, Role::Key),
        column("amount", ColumnType::Int, Role::Plain),
        column("third", ColumnType::Text, Role::Key),
        column("fourth", ColumnType::Uuid, Role::Key),
    ];
    let pairs = table("pairs", 1, columns);
    let row = |second: i64, third: &str, fourth: u128| vec![int(second), int(0), text(third), uuid(fourth)];
    // The keys in their order, where careless comparisons of texts have another.
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
        let answer = compared(&log, &base, &shuffled(all.len()), &[]).await?;
        ensure_eq!(
            answer,
            differs(count, 0, 0, first.clone()),
            "the example of {count} keys that are missing"
        );
        let other: Vec<Row> = shuffled(all.len() + 100)
            .into_iter()
            .map(|mut row| {
                row[1] = int(1);
                row
            })
            .collect();
        let answer = compared(&log, &base.built(base.build + 5), &all, &other).await?;
        ensure_eq!(answer, differs(0, 0, count, first), "the example of {count} keys with other values");
        all.remove(0);
    }
    Ok(())
}

async fn values_that_are_nearly_the_same_differ(log: Log) -> Outcome {
    let pairs: [(ColumnType, Value, Value); 16] = [
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
        // JSON is compared as it is kept: byte by byte.
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
            let answer =
                compared(&log, &table.built(m * 10), std::slice::from_ref(&old), std::slice::from_ref(&new))
                    .await?;
            ensure_eq!(answer, differs(0, 0, 1, vec![int(1)]), "the comparison of {old:?} and {new:?}");
        }
    }
    Ok(())
}

async fn one_row_of_thousands_differs(log: Log) -> Outcome {
    let old: Vec<Row> = (0..5_000).map(|n| thing(n, "a", n % 7)).collect();
    ensure_eq!(
        compared(&log, &THINGS, &old, &old).await?,
        PromoteOutcome::Done,
        "the comparison of thousands of rows"
    );
    let mut new = old.clone();
    new[4_321][2] = int(99);
    let answer = compared(&log, &THINGS.built(10), &old, &new).await?;
    ensure_eq!(
        answer,
        differs(0, 0, 1, vec![int(4_321)]),
        "the comparison of thousands of rows, one of them changed"
    );
    Ok(())
}

async fn builds_at_different_positions_are_apart(log: Log) -> Outcome {
    let rows = log.rows();
    let second = THINGS.built(1);
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.goes_live(&THINGS, true).await?;
    rows.defined(&second).await?;
    let apart = async || {
        let before = rows.builds("things").await?;
        ensure_eq!(
            rows.promote(&second, true).await?,
            PromoteOutcome::NotComparable,
            "the comparison of builds at two places"
        );
        ensure_eq!(rows.builds("things").await?, before, "builds after a comparison at two places");
        Ok(())
    };
    apart().await?;
    rows.done(change(&second, 0, 2).writes(vec![thing(1, "a", 1)])).await?;
    apart().await?;
    rows.done(change(&THINGS, 1, 2)).await?;
    rows.goes_live(&second, true).await?;
    // Without a comparison it does not matter where they stand.
    rows.defined(&SECOND).await?;
    rows.goes_live(&SECOND, false).await
}

async fn builds_with_parked_events_are_apart(log: Log) -> Outcome {
    let rows = log.rows();
    let second = THINGS.built(1);
    rows.write(&THINGS, vec![]).await?;
    rows.goes_live(&THINGS, true).await?;
    rows.write(&second, vec![]).await?;
    let aside = || vec![parked(2, &["a"], "no", 1)];
    let mut at = 1;
    for (old, new) in [(true, false), (false, true), (true, true)] {
        for (table, parks) in [(&THINGS, old), (&second, new)] {
            rows.done(change(table, at, at + 1).parks(if parks { aside() } else { vec![] })).await?;
        }
        at += 1;
        let before = rows.builds("things").await?;
        let answer = rows.promote(&second, true).await?;
        ensure_eq!(
            answer,
            PromoteOutcome::NotComparable,
            "the comparison if events are parked: {old} in the old build, {new} in the new"
        );
        ensure_eq!(rows.builds("things").await?, before, "builds after a comparison with parked events");
        for (table, parks) in [(&THINGS, old), (&second, new)] {
            rows.done(change(table, at, at).with(parks.into()).unparks([2])).await?;
        }
    }
    rows.goes_live(&second, true).await?;
    let third = THINGS.built(2);
    rows.defined(&third).await?;
    rows.done(change(&third, 0, 9).parks(aside())).await?;
    rows.goes_live(&third, false).await
}

async fn builds_of_other_columns_cannot_be_compared(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.goes_live(&THINGS, true).await?;
    rows.write(&SECOND, vec![]).await?;
    let before = rows.builds("things").await?;
    let error = unusable(rows.promote(&SECOND, true).await)?;
    for part in ["things", &THINGS.shape(), &SECOND.shape()] {
        ensure!(error.contains(part), "the error must show {part:?}: {error}");
    }
    ensure_eq!(rows.builds("things").await?, before, "builds after others could not be compared");
    rows.goes_live(&SECOND, false).await?;
    // A version of the same columns can.
    let third = Table { version: 3, ..SECOND };
    rows.write(&third, vec![vec![int(1), text("a")]]).await?;
    let answer = rows.promote(&third, true).await?;
    ensure_eq!(answer, differs(0, 1, 0, vec![int(1)]), "the comparison of two versions of the same columns");
    Ok(())
}

async fn a_comparison_sees_one_moment(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let tables: Vec<Table> = (0..6).map(|build| THINGS.built(build)).collect();
    for table in &tables {
        log.rows().write(table, crowd(0)).await?;
    }
    log.rows().goes_live(&THINGS, false).await?;
    let rounds = log.rounds(40) as u64;
    let runners = tokio::spawn(run_abreast(handles[..2].to_vec(), tables.clone(), rounds));
    let rows = handles[2].rows();
    for table in &tables[1..] {
        loop {
            match rows.promote(table, true).await? {
                PromoteOutcome::NotComparable => room_for_others().await,
                PromoteOutcome::Done => break,
                other => return Err(Failure::new(format!("a comparison amid changes says {other:?}"))),
            }
            let done = runners.is_finished();
            ensure!(!done || rows.standing(table).await?.position.get() == rounds, "a runner has failed");
        }
    }
    runners.await.map_err(panicked)??;
    ensure_eq!(live(&rows.builds("things").await?), [(1, 5)], "the build that took over last");
    Ok(())
}

/// Runs one runner a build; all of them write equal rows at each position and wait for each other before the next.
async fn run_abreast(handles: Vec<Handle>, tables: Vec<Table>, rounds: u64) -> Outcome {
    for at in 1..rounds {
        let changes = tables.clone().into_iter().enumerate().map(|(n, table)| {
            let rows = handles[n % handles.len()].rows();
            async move { rows.done(change(&table, at, at + 1).writes(crowd(at))).await }
        });
        together(changes).await?;
        room_for_others().await;
    }
    Ok(())
}

fn crowd(amount: u64) -> Vec<Row> {
    (0..20).map(|n| thing(n, "a", amount.cast_signed())).collect()
}
