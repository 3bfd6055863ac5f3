//! Tables of projections: created once, and never mixed up with tables of other columns or another log.

use annalist_core::{
    Error,
    record::Position,
    rows::{Checkpoint, Column, ColumnType, PromoteOutcome, Role, Table, Value},
    store::LogId,
};

use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, log::Log, rows::*},
};

cases!("row_tables" needs [Rows]: [
    new_table_is_empty_with_checkpoint_at_the_start,
    defining_a_table_again_changes_nothing,
    concurrent_definitions_create_one_table,
    other_columns_are_refused_with_both_shapes_in_the_error,
    every_part_of_the_columns_is_compared,
    build_that_folds_other_events_is_refused_with_the_difference,
    table_of_another_log_is_refused,
    versions_are_separate_tables,
    similar_projection_names_are_separate_tables,
    table_of_120_columns,
    undefined_table_has_no_checkpoint,
] durable [
    tables_survive_reopen,
]);

async fn new_table_is_empty_with_checkpoint_at_the_start(log: Log) -> Outcome {
    let rows = log.rows();
    let initial = Checkpoint::default();
    ensure_eq!(rows.define_table(&THINGS).await?, initial, "checkpoint returned by `define` for a new table");
    ensure_eq!(rows.checkpoint_of(&THINGS).await?, initial, "checkpoint of a new table");
    ensure_eq!(rows.all_rows(&THINGS).await?, Vec::<Vec<_>>::new(), "rows of a new table");
    ensure_eq!(rows.row(&THINGS, vec![int(1)]).await?, None, "row of a new table");
    ensure!(
        !rows.describe_rows().is_empty(),
        "`describe_rows` must name the row store, but returned an empty text"
    );
    Ok(())
}

async fn defining_a_table_again_changes_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rows = handles[0].rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 10)]).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    let before = rows.checkpoint_of(&THINGS).await?;
    for handle in &handles {
        ensure_eq!(
            handle.rows().define_table(&THINGS).await?,
            before,
            "checkpoint of a table that is defined again"
        );
        ensure_eq!(
            handle.rows().all_rows(&THINGS).await?,
            [thing(1, "a", 10)],
            "rows of a table that is defined again"
        );
    }
    Ok(())
}

async fn concurrent_definitions_create_one_table(log: Log) -> Outcome {
    let handles = log.handles(4).await?;
    for round in 0..log.rounds(5) {
        let tables = [0, 1].map(|n| table(&format!("round_{round}_{n}"), 1, THINGS.columns.to_vec()));
        let tasks = (0..12).map(|task| {
            let (rows, table) = (handles[task % 4].rows(), tables[task % 2]);
            async move { rows.define_table(&table).await }
        });
        for checkpoint in run_concurrently(tasks).await? {
            ensure_eq!(
                checkpoint.position,
                Position::START,
                "checkpoint returned by one of many concurrent definitions"
            );
        }
        for (table, handle) in tables.iter().zip(&handles) {
            handle.rows().write_rows(table, vec![thing(1, "a", 1)]).await?;
            ensure_eq!(
                log.rows().all_rows(table).await?.len(),
                1,
                "number of rows of a table that was defined concurrently"
            );
        }
    }
    Ok(())
}

/// Defines a table, expects `Error::Unusable` and returns its text.
async fn expect_refused(log: &Log, table: &Table, id: LogId) -> Outcome<String> {
    refusal(log.rows().define(table, "", id).await)
}

/// Expects `Error::Unusable` and returns its text.
fn refusal(result: Result<Checkpoint, Error>) -> Outcome<String> {
    match result {
        Err(error @ Error::Unusable { .. }) => Ok(error.to_string()),
        other => Err(crate::Failure::new(format!(
            "`define` must return `Error::Unusable`, but returned {other:?}"
        ))),
    }
}

async fn other_columns_are_refused_with_both_shapes_in_the_error(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    let mut columns = THINGS.columns.to_vec();
    columns[2] = column("price", ColumnType::Float, Role::Plain);
    let other = table("things", 1, columns);
    let error = expect_refused(&log, &other, log.log_id()).await?;
    for part in ["things", &THINGS.shape(), &other.shape()] {
        ensure!(error.contains(part), "the error must contain {part:?}: {error}");
    }
    ensure_eq!(
        rows.all_rows(&THINGS).await?,
        [thing(1, "a", 1)],
        "rows after a table with other columns was refused"
    );
    ensure_eq!(
        rows.define_table(&THINGS).await?.position,
        Position::new(1),
        "position of the table after another one was refused"
    );
    Ok(())
}

async fn every_part_of_the_columns_is_compared(log: Log) -> Outcome {
    log.rows().define_table(&THINGS).await?;
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
        ("not nullable", changed(1, column("name", ColumnType::Text, Role::Index))),
        ("no index", changed(1, optional("name", ColumnType::Text, Role::Plain))),
        ("a longer key", changed(1, column("name", ColumnType::Text, Role::Key))),
        ("another order", swapped),
        ("an additional column", more),
        ("a missing column", THINGS.columns[..2].to_vec()),
    ];
    for (what, columns) in others {
        let error = expect_refused(&log, &table("things", 1, columns), log.log_id()).await?;
        ensure!(
            error.contains(&THINGS.shape()),
            "{what}: the error must contain the shape of the stored table: {error}"
        );
    }
    Ok(())
}

/// Descriptions of folded events, as the framework writes them.
const OPENED: &str = r#"[{"event":"opened","version":1,"key":"thing"}]"#;
const BOTH: &str =
    r#"[{"event":"closed","version":1,"key":"thing"},{"event":"opened","version":1,"key":"thing"}]"#;
const RENAMED: &str = r#"[{"event":"registered","version":1,"aliases":["opened"],"key":"thing"}]"#;

async fn build_that_folds_other_events_is_refused_with_the_difference(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (rows, id) = (log.rows(), log.log_id());
    let (second, checkpoint_only) =
        (Table { version: 2, ..THINGS }, Table { projection: "bookkeeping", columns: &[], ..THINGS });
    for table in [THINGS, checkpoint_only] {
        rows.define(&table, OPENED, id).await?;
        for handle in &handles {
            let rows = handle.rows();
            ensure_eq!(rows.build_of(&table).await?.events, OPENED, "events of a build");
            rows.define(&table, OPENED, id).await?;
            rows.define(&table, RENAMED, id).await?;
            for (events, difference) in [(BOTH, "`closed` was added"), ("", "`opened` was removed")] {
                let error = refusal(rows.define(&table, events, id).await)?;
                for part in [table.projection, difference] {
                    ensure!(error.contains(part), "the error must contain {part:?}: {error}");
                }
            }
            ensure_eq!(rows.build_of(&table).await?.events, OPENED, "events after others were refused");
        }
    }
    // Each build has its own events, and builds of different events replace each other.
    rows.define(&THINGS.built(1), BOTH, id).await?;
    rows.define(&second, BOTH, id).await?;
    refusal(rows.define(&THINGS, BOTH, id).await)?;
    for table in [THINGS, THINGS.built(1), second] {
        ensure_eq!(rows.promote(&table, false).await?, PromoteOutcome::Done, "promotion of {}", table.name());
    }
    Ok(())
}

async fn table_of_another_log_is_refused(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    let before = rows.checkpoint_of(&THINGS).await?;
    let other = LogId::fresh();
    let error = expect_refused(&log, &THINGS, other).await?;
    for part in ["things", &log.log_id().to_string(), &other.to_string()] {
        ensure!(error.contains(part), "the error must contain {part:?}: {error}");
    }
    ensure_eq!(
        rows.define_table(&THINGS).await?,
        before,
        "checkpoint after the table of another log was refused"
    );
    // The log is checked for each table: a second log may have its own tables in the same store.
    let of_other = table("others", 1, THINGS.columns.to_vec());
    ensure_eq!(
        rows.define(&of_other, "", other).await?.position,
        Position::START,
        "position of a table of a second log"
    );
    expect_refused(&log, &of_other, log.log_id()).await?;
    Ok(())
}

async fn versions_are_separate_tables(log: Log) -> Outcome {
    let rows = log.rows();
    let second = Table { version: 2, ..THINGS };
    let third = table("things", 3, THINGS.columns[..2].to_vec());
    rows.write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    rows.write_rows(&second, vec![thing(1, "b", 2), thing(2, "c", 3)]).await?;
    rows.write_rows(&third, vec![vec![int(9), text("d")]]).await?;
    rows.expect_committed(change(&second, 1, 20).deleting(vec![vec![int(2)]])).await?;
    rows.report(&second, Some("the second")).await?;
    ensure_eq!(rows.all_rows(&THINGS).await?, [thing(1, "a", 1)], "rows of the first version");
    ensure_eq!(rows.all_rows(&second).await?, [thing(1, "b", 2)], "rows of the second version");
    ensure_eq!(rows.all_rows(&third).await?, [vec![int(9), text("d")]], "rows of the third version");
    let (one, two) = (rows.checkpoint_of(&THINGS).await?, rows.checkpoint_of(&second).await?);
    ensure_eq!(
        (one.position, one.stopped),
        (Position::new(1), None),
        "position and reason of the first version"
    );
    let expected = (Position::new(20), Some("the second".to_owned()));
    ensure_eq!((two.position, two.stopped), expected, "position and reason of the second version");
    Ok(())
}

async fn similar_projection_names_are_separate_tables(log: Log) -> Outcome {
    let rows = log.rows();
    // Names that become equal if a version is appended without a unique separator.
    let names = [("a", 1), ("a", 11), ("a1", 1), ("a_", 1), ("a_v", 1), ("a_v1_", 1), ("av1", 1), ("a_1", 1)];
    let tables = names.map(|(name, version)| table(name, version, THINGS.columns.to_vec()));
    for (n, table) in tables.iter().enumerate() {
        ensure_eq!(
            rows.define_table(table).await?.position,
            Position::START,
            "position of `{}`",
            table.name()
        );
        let number = i64::try_from(n).unwrap_or(0);
        rows.write_rows(table, vec![thing(number, "a", number)]).await?;
    }
    for (number, table) in (0..).zip(&tables) {
        ensure_eq!(rows.all_rows(table).await?, [thing(number, "a", number)], "rows of `{}`", table.name());
    }
    Ok(())
}

async fn table_of_120_columns(log: Log) -> Outcome {
    let rows = log.rows();
    let kinds = [ColumnType::Int, ColumnType::Text, ColumnType::Bool, ColumnType::Float, ColumnType::Json];
    let columns = (0..120).map(|n| match n {
        0 => column("c0", ColumnType::Int, Role::Key),
        n => optional(leak(&format!("c{n}")), kinds[n % 5], Role::Plain),
    });
    let wide = table("wide", 1, columns.collect());
    let row = |key: i64| -> Vec<_> {
        let values = [int(key), text("a"), Value::Bool(true), float(0.5), json("[1]")];
        (0..120).map(|n| values[n % 5].clone()).collect()
    };
    rows.write_rows(&wide, (0..600).map(row).collect()).await?;
    ensure_eq!(rows.all_rows(&wide).await?, (0..600).map(row).collect::<Vec<_>>(), "rows of 120 columns");
    Ok(())
}

async fn undefined_table_has_no_checkpoint(log: Log) -> Outcome {
    let rows = log.rows();
    ensure_eq!(rows.checkpoint("things", 1).await?, None, "checkpoint of an undefined projection");
    rows.define_table(&THINGS).await?;
    for (name, version) in
        [("things", 2), ("thing", 1), ("things_v1", 1), ("Things", 1), ("", 1), ("'\"é", 1)]
    {
        ensure_eq!(rows.checkpoint(name, version).await?, None, "checkpoint of {name:?} version {version}");
    }
    let unknown = Table { version: 2, ..THINGS };
    let result = rows.commit(change(&unknown, 0, 1)).await;
    ensure!(result.is_err(), "`commit` to an undefined table must fail, but returned {result:?}");
    ensure_eq!(
        rows.checkpoint("things", 2).await?,
        None,
        "checkpoint of an undefined table after a change of it"
    );
    Ok(())
}

async fn tables_survive_reopen(log: Log) -> Outcome {
    log.rows().write_rows(&THINGS, vec![thing(1, "a", 1)]).await?;
    let log = log.reopened().await?;
    let rows = log.rows();
    ensure_eq!(
        rows.define_table(&THINGS).await?.position,
        Position::new(1),
        "position after the log was reopened"
    );
    ensure_eq!(rows.all_rows(&THINGS).await?, [thing(1, "a", 1)], "rows after the log was reopened");
    let other = table("things", 1, THINGS.columns[..2].to_vec());
    expect_refused(&log, &other, log.log_id()).await?;
    expect_refused(&log, &THINGS, LogId::fresh()).await?;
    Ok(())
}
