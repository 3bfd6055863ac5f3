//! Rows and checkpoint change together, and only from where the checkpoint stands.

use annalist_core::{
    record::Position,
    rows::{Bound, ColumnType, Role, Row, Table, Value},
};

use crate::{failure::Outcome, log::Log, rows::*};

cases!("commit" needs [Rows]: [
    rows_and_checkpoint_change_together,
    a_change_from_elsewhere_writes_nothing,
    a_row_is_replaced_whole,
    deletes_take_rows_away,
    writes_and_deletes_in_one_change,
    a_change_of_nothing_moves_the_checkpoint,
    the_anchor_stays_when_none_is_given,
    thousands_of_rows_in_one_change,
    thousands_of_deletes_in_one_change,
    a_change_of_large_rows,
    the_highest_positions,
    reports_are_kept_beside_the_checkpoint,
    a_change_ends_what_was_reported,
] durable [
    what_is_committed_outlives_the_handle,
]);

async fn rows_and_checkpoint_change_together(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    rows.done(change(&THINGS, 0, 7).writes(vec![thing(1, "a", 10), thing(2, "b", 20)]).anchored(anchor(5)))
        .await?;
    for handle in &handles {
        let rows = handle.rows();
        ensure_eq!(
            rows.all(&THINGS).await?,
            [thing(1, "a", 10), thing(2, "b", 20)],
            "rows of the first change"
        );
        let checkpoint = rows.standing(&THINGS).await?;
        ensure_eq!(checkpoint.position, Position::new(7), "the checkpoint after the first change");
        ensure_eq!(checkpoint.anchor, Some(anchor(5)), "the anchor after the first change");
    }
    // Through the other handle, from where the first one left it.
    handles[1].rows().done(change(&THINGS, 7, 8).writes(vec![thing(3, "c", 30)]).anchored(anchor(8))).await?;
    ensure_eq!(rows.all(&THINGS).await?.len(), 3, "rows of both changes");
    ensure_eq!(rows.standing(&THINGS).await?.anchor, Some(anchor(8)), "the anchor of the second change");
    Ok(())
}

async fn a_change_from_elsewhere_writes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    rows.write(&THINGS, vec![]).await?;
    rows.done(change(&THINGS, 1, 10).writes(vec![thing(1, "a", 1)]).anchored(anchor(10))).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = rows.standing(&THINGS).await?;
    for (n, (from, to)) in
        [(0, 11), (9, 11), (11, 12), (0, 10), (9, 10), (1, 10), (100, 1)].into_iter().enumerate()
    {
        let sent = change(&THINGS, from, to)
            .writes(vec![thing(1, "changed", 2), thing(2, "new", 2)])
            .anchored(anchor(99));
        let sent = if n % 2 == 0 { sent } else { sent.writes(vec![]).deletes(vec![vec![int(1)]]) };
        let at = handles[n % 2].rows().stale(sent).await?;
        ensure_eq!(at, Position::new(10), "where the checkpoint stood for a change from {from} to {to}");
        ensure_eq!(rows.standing(&THINGS).await?, before, "the checkpoint after a change from {from}");
        ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "the rows after a change from {from}");
    }
    Ok(())
}

async fn a_row_is_replaced_whole(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1), thing(2, "b", 2)]).await?;
    let empty = || vec![int(1), Value::Null, Value::Null];
    rows.write(&THINGS, vec![empty()]).await?;
    ensure_eq!(rows.all(&THINGS).await?, [empty(), thing(2, "b", 2)], "rows after one was emptied");
    rows.write(&THINGS, vec![thing(2, "c", 3), thing(1, "d", 4)]).await?;
    ensure_eq!(
        rows.all(&THINGS).await?,
        [thing(1, "d", 4), thing(2, "c", 3)],
        "rows after both were replaced"
    );
    // What queries find has changed with the rows.
    let by = |name: &str| everything(&THINGS).whose(1, Bound::Equal(text(name)));
    ensure_eq!(rows.find(&by("b")).await?.len(), 0, "rows with a name that was replaced");
    ensure_eq!(rows.find(&by("d")).await?, [thing(1, "d", 4)], "rows with a new name");
    Ok(())
}

async fn deletes_take_rows_away(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, (0..5).map(|n| thing(n, "a", n)).collect()).await?;
    rows.done(change(&THINGS, 1, 2).deletes(vec![vec![int(1)], vec![int(3)], vec![int(77)]])).await?;
    let left: Vec<_> = [0, 2, 4].map(|n| thing(n, "a", n)).into();
    ensure_eq!(rows.all(&THINGS).await?, left, "rows after two were deleted, and one that was never there");
    ensure_eq!(rows.row(&THINGS, vec![int(3)]).await?, None, "a deleted row");
    // Again, and then it comes back.
    rows.done(change(&THINGS, 2, 3).deletes(vec![vec![int(1)]])).await?;
    rows.done(change(&THINGS, 3, 4).writes(vec![thing(1, "back", 1)])).await?;
    ensure_eq!(rows.row(&THINGS, vec![int(1)]).await?, Some(thing(1, "back", 1)), "a row that came back");
    Ok(())
}

async fn writes_and_deletes_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, (0..4).map(|n| thing(n, "a", n)).collect()).await?;
    let sent = change(&THINGS, 1, 2)
        .writes(vec![thing(4, "new", 4), thing(1, "changed", 1)])
        .deletes(vec![vec![int(0)], vec![int(2)]]);
    rows.done(sent).await?;
    let wanted = [thing(1, "changed", 1), thing(3, "a", 3), thing(4, "new", 4)];
    ensure_eq!(rows.all(&THINGS).await?, wanted, "rows after writes and deletes in one change");
    Ok(())
}

async fn a_change_of_nothing_moves_the_checkpoint(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.done(change(&THINGS, 1, 1_000)).await?;
    ensure_eq!(rows.standing(&THINGS).await?.position, Position::new(1_000), "the checkpoint after nothing");
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "the rows after nothing");
    ensure_eq!(rows.stale(change(&THINGS, 1, 2)).await?, Position::new(1_000), "the place it moved to");
    Ok(())
}

async fn the_anchor_stays_when_none_is_given(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    rows.done(change(&THINGS, 0, 3)).await?;
    ensure_eq!(rows.standing(&THINGS).await?.anchor, None, "the anchor before any event was counted");
    rows.done(change(&THINGS, 3, 9).anchored(anchor(8))).await?;
    rows.done(change(&THINGS, 9, 20).writes(vec![thing(1, "a", 1)])).await?;
    rows.done(change(&THINGS, 20, 30)).await?;
    ensure_eq!(rows.standing(&THINGS).await?.anchor, Some(anchor(8)), "the anchor after changes without one");
    rows.report(&THINGS, Some("a reason")).await?;
    ensure_eq!(rows.standing(&THINGS).await?.anchor, Some(anchor(8)), "the anchor after a report");
    Ok(())
}

async fn thousands_of_rows_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    // Odd counts around the powers of two at which placeholders and batches end.
    let mut from = 0;
    rows.defined(&THINGS).await?;
    for count in [255, 256, 999, 1_001, 8_193, 5_000_i64] {
        let sent = (0..count).map(|n| thing(n, &format!("{count}-{n}"), n * count)).rev().collect();
        rows.done(change(&THINGS, from, from + 1).writes(sent)).await?;
        from += 1;
        let found = rows.all(&THINGS).await?;
        ensure!(found.len() as i64 >= count, "of {count} rows in one change {} are there", found.len());
        for (n, row) in (0..count).zip(found) {
            ensure_eq!(row, thing(n, &format!("{count}-{n}"), n * count), "row {n} of {count}");
        }
    }
    Ok(())
}

async fn thousands_of_deletes_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&PAIRS, (0..6_000).map(|n| pair(n, n * 2)).collect()).await?;
    let (odd, even): (Vec<_>, Vec<_>) = (0..6_000).partition(|n| n % 2 == 1);
    let deletes = odd.into_iter().map(|n| PAIRS.key_of(&pair(n, 0))).collect();
    rows.done(change(&PAIRS, 1, 2).deletes(deletes)).await?;
    let left = rows.all(&PAIRS).await?;
    ensure_eq!(left.len(), 3_000, "rows that were not deleted");
    let wanted: Vec<_> = even.into_iter().map(|n| pair(n, n * 2)).collect();
    ensure!(wanted.iter().all(|row| left.contains(row)), "the wrong half of the rows was deleted");
    Ok(())
}

/// Rows with a key of two columns, the first of which few rows differ in.
const PAIRS: Table = Table {
    projection: "pairs",
    version: 1,
    build: 0,
    columns: &[
        column("amount", ColumnType::Int, Role::Plain),
        column("left", ColumnType::Int, Role::Key),
        column("right", ColumnType::Text, Role::Key),
    ],
};

fn pair(n: i64, amount: i64) -> Row {
    vec![int(amount), int(n % 3), text(format!("{n:05}"))]
}

async fn a_change_of_large_rows(log: Log) -> Outcome {
    let rows = log.rows();
    let large = |n: i64| thing(n, "a", n);
    let table = table("large", 1, {
        let mut columns = THINGS.columns.to_vec();
        columns[1].role = Role::Plain;
        columns
    });
    let large = |n: i64| {
        let mut row = large(n);
        row[1] = text(format!("{n}é").repeat(30_000));
        row
    };
    rows.write(&table, (0..100).map(large).collect()).await?;
    ensure!(rows.all(&table).await? == (0..100).map(large).collect::<Vec<_>>(), "rows of 100 kB each");
    Ok(())
}

async fn the_highest_positions(log: Log) -> Outcome {
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let end = Position::END.get();
    rows.done(change(&THINGS, 0, end - 1).anchored(anchor(end - 1))).await?;
    ensure_eq!(
        rows.stale(change(&THINGS, 0, end)).await?,
        Position::new(end - 1),
        "a checkpoint near the end"
    );
    rows.done(change(&THINGS, end - 1, end).anchored(anchor(end))).await?;
    let checkpoint = rows.standing(&THINGS).await?;
    ensure_eq!(
        (checkpoint.position, checkpoint.anchor),
        (Position::END, Some(anchor(end))),
        "a checkpoint at the end"
    );
    Ok(())
}

async fn reports_are_kept_beside_the_checkpoint(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    let long = "é'\"\\\n%".repeat(2_000);
    for reason in ["", "a reason", "'quoted' \"twice\"\n\t\\ %s {} $1 é 😀", &long] {
        rows.report(&THINGS, Some(reason)).await?;
        for handle in &handles {
            let stopped = handle.rows().standing(&THINGS).await?.stopped;
            ensure_eq!(stopped.as_deref(), Some(reason), "the reason in the checkpoint");
        }
    }
    rows.report(&THINGS, None).await?;
    let checkpoint = handles[1].rows().standing(&THINGS).await?;
    ensure_eq!(checkpoint.stopped, None, "the reason after it was taken back");
    ensure_eq!(checkpoint.position, Position::new(1), "the checkpoint after reports");
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "the rows after reports");
    rows.report(&Table { version: 2, ..THINGS }, Some("nobody")).await?;
    ensure_eq!(rows.checkpoint("things", 2).await?, None, "a checkpoint that was only reported on");
    Ok(())
}

async fn a_change_ends_what_was_reported(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.defined(&THINGS).await?;
    let changes = [
        ("of nothing", change(&THINGS, 0, 1)),
        ("of rows", change(&THINGS, 1, 2).writes(vec![thing(1, "a", 1)])),
        ("that parks", change(&THINGS, 2, 3).parks(vec![parked(3, &["a"], "no", 1)])),
        ("where the checkpoint stands", change(&THINGS, 3, 3).with(1).unparks([3])),
    ];
    for (n, (what, sent)) in changes.into_iter().enumerate() {
        rows.report(&THINGS, Some("a reason")).await?;
        rows.stale(change(&THINGS, 9, 10)).await?;
        rows.stale(sent.clone().with(7)).await?;
        let checkpoint = handles[n % 2].rows().build(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.stopped.as_deref(), Some("a reason"), "the reason after stale changes");
        rows.done(sent).await?;
        let checkpoint = handles[n % 2].rows().build(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.stopped, None, "the reason after a change {what}");
    }
    Ok(())
}

async fn what_is_committed_outlives_the_handle(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, (0..10).map(|n| thing(n, "a", n)).collect()).await?;
    rows.done(change(&THINGS, 1, 9).deletes(vec![vec![int(3)]]).anchored(anchor(9))).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = (rows.standing(&THINGS).await?, rows.all(&THINGS).await?);
    drop(rows);
    let log = log.restarted().await?;
    let rows = log.rows();
    let after = (rows.standing(&THINGS).await?, rows.all(&THINGS).await?);
    ensure_eq!(after, before, "checkpoint and rows after a restart");
    rows.done(change(&THINGS, 9, 10).writes(vec![thing(3, "back", 3)])).await?;
    ensure_eq!(rows.all(&THINGS).await?.len(), 10, "rows after a restart and another change");
    Ok(())
}
