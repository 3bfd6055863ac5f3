//! Tables of projections: made once, whoever asks, and never taken for those of another program or log.

use annalist_core::{
    Error,
    record::Position,
    rows::{Checkpoint, Column, ColumnType, Role, Table, Value},
    store::LogId,
};

use crate::{
    failure::Outcome,
    log::{Log, together},
    rows::*,
};

cases!("table" needs [Rows]: [
    a_new_table_is_empty_and_stands_at_the_start,
    defining_it_again_changes_nothing,
    many_may_define_it_at_once,
    another_shape_is_refused_and_both_are_shown,
    every_part_of_the_shape_counts,
    rows_of_another_log_are_refused,
    versions_stand_side_by_side,
    projections_do_not_share_rows,
    many_columns,
    a_table_that_was_never_defined_has_no_checkpoint,
] durable [
    tables_outlive_the_handle,
]);

async fn a_new_table_is_empty_and_stands_at_the_start(log: Log) -> Outcome {
    let rows = log.rows();
    let new = Checkpoint::default();
    ensure_eq!(rows.defined(&THINGS).await?, new, "the checkpoint of a new table");
    ensure_eq!(rows.standing(&THINGS).await?, new, "the checkpoint of a new table, asked for");
    ensure_eq!(rows.all(&THINGS).await?, Vec::<Vec<_>>::new(), "the rows of a new table");
    ensure_eq!(rows.row(&THINGS, vec![int(1)]).await?, None, "a row of a new table");
    ensure!(!rows.describe_rows().is_empty(), "a store of rows must say what it is");
    Ok(())
}

async fn defining_it_again_changes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[0].rows();
    rows.write(&THINGS, vec![thing(1, "a", 10)]).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = rows.standing(&THINGS).await?;
    for handle in &handles {
        ensure_eq!(handle.rows().defined(&THINGS).await?, before, "the checkpoint of a table that is there");
        ensure_eq!(handle.rows().all(&THINGS).await?, [thing(1, "a", 10)], "rows that were there");
    }
    Ok(())
}

async fn many_may_define_it_at_once(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    for round in 0..log.rounds(5) {
        let tables = [0, 1].map(|n| table(&format!("round_{round}_{n}"), 1, THINGS.columns.to_vec()));
        let tasks = (0..12).map(|task| {
            let (rows, table) = (handles[task % 4].rows(), tables[task % 2]);
            async move { rows.defined(&table).await }
        });
        for checkpoint in together(tasks).await? {
            ensure_eq!(checkpoint.position, Position::START, "the checkpoint that one of many got");
        }
        for (table, handle) in tables.iter().zip(&handles) {
            handle.rows().write(table, vec![thing(1, "a", 1)]).await?;
            ensure_eq!(log.rows().all(table).await?.len(), 1, "rows of a table that many defined");
        }
    }
    Ok(())
}

/// Defines a table that must be refused, and gives what the error says.
async fn refused(log: &Log, table: &Table, id: LogId) -> Outcome<String> {
    match log.rows().define(table, id).await {
        Err(error @ Error::Unusable { .. }) => Ok(error.to_string()),
        other => Err(crate::Failure::new(format!("`define` must be `Unusable`, but is {other:?}"))),
    }
}

async fn another_shape_is_refused_and_both_are_shown(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    let mut columns = THINGS.columns.to_vec();
    columns[2] = column("price", ColumnType::Float, Role::Plain);
    let other = table("things", 1, columns);
    let error = refused(&log, &other, log.log_id()).await?;
    for part in ["things", &THINGS.shape(), &other.shape()] {
        ensure!(error.contains(part), "the error must show {part:?}: {error}");
    }
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "rows after another shape was refused");
    ensure_eq!(rows.defined(&THINGS).await?.position, Position::new(1), "the checkpoint of the first shape");
    Ok(())
}

async fn every_part_of_the_shape_counts(log: Log) -> Outcome {
    log.rows().defined(&THINGS).await?;
    let changed = |index: usize, column: Column| {
        let mut columns = THINGS.columns.to_vec();
        columns[index] = column;
        columns
    };
    let mut swapped = THINGS.columns.to_vec();
    swapped.swap(1, 2);
    let mut more = THINGS.columns.to_vec();
    more.push(optional("more", ColumnType::Int, Role::Plain));
    let others = [
        ("another name", changed(1, optional("names", ColumnType::Text, Role::Index))),
        ("another type", changed(1, optional("name", ColumnType::Uuid, Role::Index))),
        ("no empty values", changed(1, column("name", ColumnType::Text, Role::Index))),
        ("no index", changed(1, optional("name", ColumnType::Text, Role::Plain))),
        ("a longer key", changed(1, column("name", ColumnType::Text, Role::Key))),
        ("another order", swapped),
        ("a column more", more),
        ("a column less", THINGS.columns[..2].to_vec()),
    ];
    for (what, columns) in others {
        let error = refused(&log, &table("things", 1, columns), log.log_id()).await?;
        ensure!(error.contains(&THINGS.shape()), "{what}: the error must show the stored shape: {error}");
    }
    Ok(())
}

async fn rows_of_another_log_are_refused(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    let before = rows.standing(&THINGS).await?;
    let other = LogId::fresh();
    let error = refused(&log, &THINGS, other).await?;
    for part in ["things", &log.log_id().to_string(), &other.to_string()] {
        ensure!(error.contains(part), "the error must show {part:?}: {error}");
    }
    ensure_eq!(rows.defined(&THINGS).await?, before, "the checkpoint after another log was refused");
    // A log is asked for table by table: a second one may keep its rows in the same store.
    let of_other = table("others", 1, THINGS.columns.to_vec());
    ensure_eq!(rows.define(&of_other, other).await?.position, Position::START, "rows of a second log");
    refused(&log, &of_other, log.log_id()).await?;
    Ok(())
}

async fn versions_stand_side_by_side(log: Log) -> Outcome {
    let rows = log.rows();
    let second = Table { version: 2, ..THINGS };
    let third = table("things", 3, THINGS.columns[..2].to_vec());
    rows.write(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write(&second, vec![thing(1, "b", 2), thing(2, "c", 3)]).await?;
    rows.write(&third, vec![vec![int(9), text("d")]]).await?;
    rows.done(change(&second, 1, 20).deletes(vec![vec![int(2)]])).await?;
    rows.report(&second, Some("the second")).await?;
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "rows of the first version");
    ensure_eq!(rows.all(&second).await?, [thing(1, "b", 2)], "rows of the second version");
    ensure_eq!(rows.all(&third).await?, [vec![int(9), text("d")]], "rows of the third version");
    let (one, two) = (rows.standing(&THINGS).await?, rows.standing(&second).await?);
    ensure_eq!((one.position, one.stopped), (Position::new(1), None), "the first version's checkpoint");
    let wanted = (Position::new(20), Some("the second".to_owned()));
    ensure_eq!((two.position, two.stopped), wanted, "the second version's checkpoint");
    Ok(())
}

async fn projections_do_not_share_rows(log: Log) -> Outcome {
    let rows = log.rows();
    // Names that run into each other when a version is put behind them carelessly.
    let names = [("a", 1), ("a", 11), ("a1", 1), ("a_", 1), ("a_v", 1), ("a_v1_", 1), ("av1", 1), ("a_1", 1)];
    let tables = names.map(|(name, version)| table(name, version, THINGS.columns.to_vec()));
    for (n, table) in tables.iter().enumerate() {
        ensure_eq!(
            rows.defined(table).await?.position,
            Position::START,
            "the checkpoint of `{}`",
            table.name()
        );
        let number = i64::try_from(n).unwrap_or(0);
        rows.write(table, vec![thing(number, "a", number)]).await?;
    }
    for (number, table) in (0..).zip(&tables) {
        ensure_eq!(rows.all(table).await?, [thing(number, "a", number)], "the rows of `{}`", table.name());
    }
    Ok(())
}

async fn many_columns(log: Log) -> Outcome {
    let rows = log.rows();
    let kinds = [ColumnType::Int, ColumnType::Text, ColumnType::Bool, ColumnType::Float, ColumnType::Json];
    let columns = (0..120).map(|n| match n {
        0 => column("c0", ColumnType::Int, Role::Key),
        n => optional(forever(&format!("c{n}")), kinds[n % 5], Role::Plain),
    });
    let wide = table("wide", 1, columns.collect());
    let row = |key: i64| -> Vec<_> {
        let values = [int(key), text("a"), Value::Bool(true), float(0.5), json("[1]")];
        (0..120).map(|n| values[n % 5].clone()).collect()
    };
    rows.write(&wide, (0..600).map(row).collect()).await?;
    ensure_eq!(rows.all(&wide).await?, (0..600).map(row).collect::<Vec<_>>(), "rows of 120 columns");
    Ok(())
}

async fn a_table_that_was_never_defined_has_no_checkpoint(log: Log) -> Outcome {
    let rows = log.rows();
    ensure_eq!(rows.checkpoint("things", 1).await?, None, "the checkpoint of nothing");
    rows.defined(&THINGS).await?;
    for (name, version) in
        [("things", 2), ("thing", 1), ("things_v1", 1), ("Things", 1), ("", 1), ("'\"é", 1)]
    {
        ensure_eq!(rows.checkpoint(name, version).await?, None, "the checkpoint of {name:?} {version}");
    }
    let unknown = Table { version: 2, ..THINGS };
    let answer = rows.commit(change(&unknown, 0, 1)).await;
    ensure!(answer.is_err(), "a change of a table that was never defined must fail, but is {answer:?}");
    ensure_eq!(rows.checkpoint("things", 2).await?, None, "the checkpoint after that");
    Ok(())
}

async fn tables_outlive_the_handle(log: Log) -> Outcome {
    log.rows().write(&THINGS, vec![thing(1, "a", 1)]).await?;
    let log = log.restarted().await?;
    let rows = log.rows();
    ensure_eq!(rows.defined(&THINGS).await?.position, Position::new(1), "the checkpoint after a restart");
    ensure_eq!(rows.all(&THINGS).await?, [thing(1, "a", 1)], "the rows after a restart");
    let other = table("things", 1, THINGS.columns[..2].to_vec());
    refused(&log, &other, log.log_id()).await?;
    refused(&log, &THINGS, LogId::fresh()).await?;
    Ok(())
}
