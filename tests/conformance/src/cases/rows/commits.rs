//! Commits: rows and checkpoint change together, and only if the change starts at the checkpoint.

use annalist_core::{
    record::Position,
    rows::{Bound, ColumnType, Role, Row, Table, Value},
};

use crate::{
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_commits" needs [Rows]: [
    rows_and_checkpoint_change_together,
    change_from_another_position_is_stale_and_writes_nothing,
    row_is_replaced_completely,
    deletes_remove_rows,
    upserts_and_deletes_in_one_change,
    empty_change_moves_the_checkpoint,
    change_without_anchor_leaves_the_anchor,
    thousands_of_rows_in_one_change,
    thousands_of_deletes_in_one_change,
    change_of_large_rows,
    checkpoint_at_the_maximum_position,
    reported_reason_is_stored_with_the_checkpoint,
    committed_change_clears_the_reported_reason,
] durable [
    committed_rows_survive_reopen,
]);

async fn rows_and_checkpoint_change_together(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    rows.expect_committed(
        change(&THINGS, 0, 7).upserting(vec![thing(1, "a", 10), thing(2, "b", 20)]).with_anchor(anchor(5)),
    )
    .await?;
    for handle in &handles {
        let rows = handle.rows();
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            [thing(1, "a", 10), thing(2, "b", 20)],
            "rows of the first change"
        );
        let checkpoint = rows.checkpoint_of(&THINGS).await?;
        ensure_eq!(checkpoint.position, Position::new(7), "position after the first change");
        ensure_eq!(checkpoint.anchor, Some(anchor(5)), "anchor after the first change");
    }
    // Through the other handle, starting at the checkpoint of the first change.
    handles[1]
        .rows()
        .expect_committed(change(&THINGS, 7, 8).upserting(vec![thing(3, "c", 30)]).with_anchor(anchor(8)))
        .await?;
    ensure_eq!(rows.all_rows(&THINGS).await?.len(), 3, "number of rows of both changes");
    ensure_eq!(rows.checkpoint_of(&THINGS).await?.anchor, Some(anchor(8)), "anchor after the second change");
    Ok(())
}

async fn change_from_another_position_is_stale_and_writes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[1].rows();
    rows.write_rows(&THINGS, vec![]).await?;
    rows.expect_committed(change(&THINGS, 1, 10).upserting(vec![thing(1, "a", 1)]).with_anchor(anchor(10)))
        .await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = rows.checkpoint_of(&THINGS).await?;
    for (n, (from, to)) in
        [(0, 11), (9, 11), (11, 12), (0, 10), (9, 10), (1, 10), (100, 1)].into_iter().enumerate()
    {
        let row_change = change(&THINGS, from, to)
            .upserting(vec![thing(1, "changed", 2), thing(2, "new", 2)])
            .with_anchor(anchor(99));
        let row_change =
            if n % 2 == 0 { row_change } else { row_change.upserting(vec![]).deleting(vec![vec![int(1)]]) };
        let checkpoint = handles[n % 2].rows().expect_stale(row_change).await?;
        ensure_eq!(
            checkpoint,
            Position::new(10),
            "checkpoint in the outcome of a stale change from {from} to {to}"
        );
        ensure_eq!(rows.checkpoint_of(&THINGS).await?, before, "checkpoint after a stale change from {from}");
        ensure_eq!(
            rows.all_rows(&THINGS).await?,
            [thing(1, "a", 1)],
            "rows after a stale change from {from}"
        );
    }
    Ok(())
}

async fn row_is_replaced_completely(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1), thing(2, "b", 2)]).await?;
    let empty = || vec![int(1), Value::Null, Value::Null];
    rows.write_rows(&THINGS, vec![empty()]).await?;
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [empty(), thing(2, "b", 2)],
        "rows after one was replaced by NULLs"
    );
    rows.write_rows(&THINGS, vec![thing(2, "c", 3), thing(1, "d", 4)]).await?;
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [thing(1, "d", 4), thing(2, "c", 3)],
        "rows after both were replaced"
    );
    // Queries find the new values.
    let with_name = |name: &str| select_all(&THINGS).filter(1, Bound::Equal(text(name)));
    ensure_eq!(rows.find(&with_name("b")).await?.len(), 0, "number of rows with a name that was replaced");
    ensure_eq!(rows.find(&with_name("d")).await?, [thing(1, "d", 4)], "rows with the new name");
    Ok(())
}

async fn deletes_remove_rows(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, (0..5).map(|n| thing(n, "a", n)).collect()).await?;
    rows.expect_committed(change(&THINGS, 1, 2).deleting(vec![vec![int(1)], vec![int(3)], vec![int(77)]]))
        .await?;
    let left: Vec<_> = [0, 2, 4].map(|n| thing(n, "a", n)).into();
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        left,
        "rows after the delete of two keys and a key without row"
    );
    ensure_eq!(rows.row(&THINGS, vec![int(3)]).await?, None, "row that was deleted");
    // Deleted again, then written again.
    rows.expect_committed(change(&THINGS, 2, 3).deleting(vec![vec![int(1)]])).await?;
    rows.expect_committed(change(&THINGS, 3, 4).upserting(vec![thing(1, "again", 1)])).await?;
    ensure_eq!(
        rows.row(&THINGS, vec![int(1)]).await?,
        Some(thing(1, "again", 1)),
        "row that was deleted and written again"
    );
    Ok(())
}

async fn upserts_and_deletes_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, (0..4).map(|n| thing(n, "a", n)).collect()).await?;
    let row_change = change(&THINGS, 1, 2)
        .upserting(vec![thing(4, "new", 4), thing(1, "changed", 1)])
        .deleting(vec![vec![int(0)], vec![int(2)]]);
    rows.expect_committed(row_change).await?;
    let expected = [thing(1, "changed", 1), thing(3, "a", 3), thing(4, "new", 4)];
    ensure_eq!(rows.all_rows(&THINGS).await?, expected, "rows after upserts and deletes in one change");
    Ok(())
}

async fn empty_change_moves_the_checkpoint(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.expect_committed(change(&THINGS, 1, 1_000)).await?;
    ensure_eq!(
        rows.checkpoint_of(&THINGS).await?.position,
        Position::new(1_000),
        "position after an empty change"
    );
    ensure_eq!(rows.all_rows(&THINGS).await?, [thing(1, "a", 1)], "rows after an empty change");
    ensure_eq!(
        rows.expect_stale(change(&THINGS, 1, 2)).await?,
        Position::new(1_000),
        "checkpoint in the outcome of a stale change after an empty one"
    );
    Ok(())
}

async fn change_without_anchor_leaves_the_anchor(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    rows.expect_committed(change(&THINGS, 0, 3)).await?;
    ensure_eq!(rows.checkpoint_of(&THINGS).await?.anchor, None, "anchor before the first one was set");
    rows.expect_committed(change(&THINGS, 3, 9).with_anchor(anchor(8))).await?;
    rows.expect_committed(change(&THINGS, 9, 20).upserting(vec![thing(1, "a", 1)])).await?;
    rows.expect_committed(change(&THINGS, 20, 30)).await?;
    ensure_eq!(
        rows.checkpoint_of(&THINGS).await?.anchor,
        Some(anchor(8)),
        "anchor after changes without one"
    );
    rows.report(&THINGS, Some("a reason")).await?;
    ensure_eq!(rows.checkpoint_of(&THINGS).await?.anchor, Some(anchor(8)), "anchor after a report");
    Ok(())
}

async fn thousands_of_rows_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    // Counts around the limits for placeholders and batches.
    let mut from = 0;
    rows.define_table(&THINGS).await?;
    for count in [255, 256, 999, 1_001, 8_193, 5_000_i64] {
        let new_rows = (0..count).map(|n| thing(n, &format!("{count}-{n}"), n * count)).rev().collect();
        rows.expect_committed(change(&THINGS, from, from + 1).upserting(new_rows)).await?;
        from += 1;
        let found = rows.all_rows(&THINGS).await?;
        ensure!(
            found.len() as i64 >= count,
            "a change of {count} rows must write all of them, but only {} were found",
            found.len()
        );
        for (n, row) in (0..count).zip(found) {
            ensure_eq!(row, thing(n, &format!("{count}-{n}"), n * count), "row {n} of {count}");
        }
    }
    Ok(())
}

async fn thousands_of_deletes_in_one_change(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&PAIRS, (0..6_000).map(|n| pair(n, n * 2)).collect()).await?;
    let (odd, even): (Vec<_>, Vec<_>) = (0..6_000).partition(|n| n % 2 == 1);
    let deletes = odd.into_iter().map(|n| PAIRS.key_of(&pair(n, 0))).collect();
    rows.expect_committed(change(&PAIRS, 1, 2).deleting(deletes)).await?;
    let left = rows.all_rows(&PAIRS).await?;
    ensure_eq!(left.len(), 3_000, "number of rows that were not deleted");
    let expected: Vec<_> = even.into_iter().map(|n| pair(n, n * 2)).collect();
    ensure!(
        expected.iter().all(|row| left.contains(row)),
        "the remaining rows are not the ones that were not deleted"
    );
    Ok(())
}

/// A table with a key of two columns, the first of which has few values.
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

async fn change_of_large_rows(log: Log) -> Outcome {
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
    rows.write_rows(&table, (0..100).map(large).collect()).await?;
    ensure!(
        rows.all_rows(&table).await? == (0..100).map(large).collect::<Vec<_>>(),
        "rows of 100 kB were not returned unchanged"
    );
    Ok(())
}

async fn checkpoint_at_the_maximum_position(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let end = Position::END.get();
    rows.expect_committed(change(&THINGS, 0, end - 1).with_anchor(anchor(end - 1))).await?;
    ensure_eq!(
        rows.expect_stale(change(&THINGS, 0, end)).await?,
        Position::new(end - 1),
        "checkpoint before the maximum position"
    );
    rows.expect_committed(change(&THINGS, end - 1, end).with_anchor(anchor(end))).await?;
    let checkpoint = rows.checkpoint_of(&THINGS).await?;
    ensure_eq!(
        (checkpoint.position, checkpoint.anchor),
        (Position::END, Some(anchor(end))),
        "position and anchor at the maximum position"
    );
    Ok(())
}

async fn reported_reason_is_stored_with_the_checkpoint(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    let long = "é'\"\\\n%".repeat(2_000);
    for reason in ["", "a reason", "'quoted' \"twice\"\n\t\\ %s {} $1 é 😀", &long] {
        rows.report(&THINGS, Some(reason)).await?;
        for handle in &handles {
            let stopped = handle.rows().checkpoint_of(&THINGS).await?.stopped;
            ensure_eq!(stopped.as_deref(), Some(reason), "reported reason");
        }
    }
    rows.report(&THINGS, None).await?;
    let checkpoint = handles[1].rows().checkpoint_of(&THINGS).await?;
    ensure_eq!(checkpoint.stopped, None, "reason after it was cleared");
    ensure_eq!(checkpoint.position, Position::new(1), "position after reports");
    ensure_eq!(rows.all_rows(&THINGS).await?, [thing(1, "a", 1)], "rows after reports");
    rows.report(&Table { version: 2, ..THINGS }, Some("undefined")).await?;
    ensure_eq!(
        rows.checkpoint("things", 2).await?,
        None,
        "checkpoint of an undefined version after a report"
    );
    Ok(())
}

async fn committed_change_clears_the_reported_reason(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let changes = [
        ("without rows", change(&THINGS, 0, 1)),
        ("with rows", change(&THINGS, 1, 2).upserting(vec![thing(1, "a", 1)])),
        ("that parks", change(&THINGS, 2, 3).parking(vec![parked(3, &["a"], "no", 1)])),
        ("that does not move the checkpoint", change(&THINGS, 3, 3).if_parked(1).unparking([3])),
    ];
    for (n, (what, row_change)) in changes.into_iter().enumerate() {
        rows.report(&THINGS, Some("a reason")).await?;
        rows.expect_stale(change(&THINGS, 9, 10)).await?;
        rows.expect_stale(row_change.clone().if_parked(7)).await?;
        let checkpoint = handles[n % 2].rows().build_of(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.stopped.as_deref(), Some("a reason"), "reason after stale changes");
        rows.expect_committed(row_change).await?;
        let checkpoint = handles[n % 2].rows().build_of(&THINGS).await?.checkpoint;
        ensure_eq!(checkpoint.stopped, None, "reason after a change {what}");
    }
    Ok(())
}

async fn committed_rows_survive_reopen(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, (0..10).map(|n| thing(n, "a", n)).collect()).await?;
    rows.expect_committed(change(&THINGS, 1, 9).deleting(vec![vec![int(3)]]).with_anchor(anchor(9))).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = (rows.checkpoint_of(&THINGS).await?, rows.all_rows(&THINGS).await?);
    drop(rows);
    let log = log.reopened().await?;
    let rows = log.rows();
    let after = (rows.checkpoint_of(&THINGS).await?, rows.all_rows(&THINGS).await?);
    ensure_eq!(after, before, "checkpoint and rows after the log was reopened");
    rows.expect_committed(change(&THINGS, 9, 10).upserting(vec![thing(3, "again", 3)])).await?;
    ensure_eq!(
        rows.all_rows(&THINGS).await?.len(),
        10,
        "number of rows after the log was reopened and another change"
    );
    Ok(())
}
