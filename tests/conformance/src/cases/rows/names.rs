//! Every name that the core allows for a projection or a column works, even if it has a meaning in SQL.

use annalist_core::{
    Error,
    record::Position,
    rows::{Bound, ColumnType, Role},
};

use crate::{
    failure::Outcome,
    support::{
        fixtures::{append, event},
        log::Log,
        rows::*,
    },
};

cases!("row_names" needs [Rows]: [
    sql_keywords_as_names,
    system_columns_as_names,
    projections_named_like_tables_of_the_store,
    names_of_the_maximum_length,
    invalid_names_are_refused,
]);

async fn sql_keywords_as_names(log: Log) -> Outcome {
    let names = [
        "order",
        "user",
        "select",
        "group",
        "table",
        "index",
        "key",
        "value",
        "limit",
        "offset",
        "from",
        "where",
        "desc",
        "primary",
        "values",
        "default",
        "end",
        "references",
        "check",
        "position",
        "version",
        "projection",
        "excluded",
        "old",
        "new",
        "current_user",
        "null",
        "true",
        "all",
        "x_1",
        "a__b",
        "a_",
    ];
    let rows = log.rows();
    let kinds = [ColumnType::Text, ColumnType::Int, ColumnType::Json, ColumnType::Time];
    let values = [text("a"), int(1), json("{}"), time(1)];
    let columns = names.iter().enumerate().map(|(n, name)| match n {
        0 | 1 => column(name, ColumnType::Int, Role::Key),
        n if n % 4 == 2 => column(name, kinds[n % 4], Role::Plain),
        n => optional(name, kinds[n % 4], Role::Index),
    });
    let all = table("select", 1, columns.collect());
    let row: Vec<_> =
        (0..names.len()).map(|n| if n < 2 { int(n as i64) } else { values[n % 4].clone() }).collect();
    rows.write_rows(&all, vec![row.clone()]).await?;
    ensure_eq!(
        rows.row(&all, row[..2].to_vec()).await?,
        Some(row.clone()),
        "row of a table with SQL keywords as column names"
    );
    for (n, value) in row.iter().enumerate().filter(|(n, _)| *n < 2 || n % 4 != 2) {
        let query = select_all(&all).filter(n, Bound::Equal(value.clone())).order_by(n, true);
        ensure_eq!(
            rows.find(&query).await?,
            std::slice::from_ref(&row),
            "rows found by the column `{}`",
            names[n]
        );
    }
    let position = rows.checkpoint_of(&all).await?.position.get();
    rows.expect_committed(change(&all, position, 9).deleting(vec![row[..2].to_vec()])).await?;
    ensure_eq!(rows.all_rows(&all).await?.len(), 0, "number of rows after the delete");
    for name in names.into_iter().filter(|name| *name != "select") {
        let one = table(name, 1, vec![column(name, ColumnType::Int, Role::Key)]);
        rows.write_rows(&one, vec![vec![int(1)]]).await?;
        ensure_eq!(rows.all_rows(&one).await?, [vec![int(1)]], "rows of the projection `{name}`");
    }
    Ok(())
}

async fn system_columns_as_names(log: Log) -> Outcome {
    let names = ["xmin", "xmax", "cmin", "cmax", "ctid", "tableoid", "oid", "rowid"];
    let rows = log.rows();
    for key in names {
        let role = |name| if name == key { Role::Key } else { Role::Index };
        let columns = names.map(|name| column(name, ColumnType::Int, role(name)));
        let table = table(&format!("by_{key}"), 1, columns.to_vec());
        let row = |n: i64| (n..).take(names.len()).map(int).collect::<Vec<_>>();
        rows.write_rows(&table, (0..3).map(row).collect()).await?;
        let middle = |(n, value): (usize, _)| select_all(&table).filter(n, Bound::Equal(value));
        for query in row(1).into_iter().enumerate().map(middle) {
            ensure_eq!(rows.find(&query).await?, [row(1)], "rows found by {:?}", query.filters);
        }
        let by_key = rows.row(&table, table.key_of(&row(2))).await?;
        ensure_eq!(by_key, Some(row(2)), "row found by its key `{key}`");
    }
    Ok(())
}

async fn projections_named_like_tables_of_the_store(log: Log) -> Outcome {
    let names = [
        "events",
        "event",
        "tags",
        "event_tags",
        "log",
        "logs",
        "commands",
        "command",
        "journal",
        "positions",
        "records",
        "rows",
        "row",
        "table",
        "tables",
        "views",
        "checkpoints",
        "checkpoint",
        "projection",
        "projections",
        "settled",
        "meta",
        "migrations",
        "schema",
        "schema_version",
        "version",
        "append",
        "annalist",
        "annalist_events",
        "pg_things",
        "pg_class",
        "public",
        "main",
        "temp",
        "information_schema",
    ];
    let rows = log.rows();
    log.expect_accepted(append([event("before", &[])])).await?;
    for name in names {
        let table = table(name, 1, THINGS.columns.to_vec());
        rows.write_rows(&table, vec![thing(1, name, 1)]).await?;
        ensure_eq!(rows.all_rows(&table).await?, [thing(1, name, 1)], "rows of the projection `{name}`");
    }
    log.expect_accepted(append([event("after", &[])])).await?;
    let log = log.open_handle().await?;
    ensure_eq!(log.read_all().await?.len(), 2, "number of events in a store of such projections");
    Ok(())
}

async fn names_of_the_maximum_length(log: Log) -> Outcome {
    let rows = log.rows();
    let names = |length: usize| ["a", "b"].map(|last| format!("{}{last}", "p".repeat(length - 1)));
    let columns = ["a", "b", "c"].map(|last| format!("{}{last}", "c".repeat(62)));
    // Names that differ only in the last byte, with versions of one digit and of ten, and the first and the last build.
    let long = names(48).into_iter().flat_map(|name| [9, 0].map(|version| (name.clone(), version)));
    let short = names(39)
        .into_iter()
        .flat_map(|name| [u32::MAX, u32::MAX - 1].map(|version| (name.clone(), version)));
    let versions: Vec<(String, u32)> = long.chain(short).collect();
    let builds =
        versions.iter().flat_map(|(name, version)| [0, u32::MAX].map(|build| (name, *version, build)));
    for (number, (name, version, build)) in (0..).zip(builds) {
        let table = table(
            name,
            version,
            vec![
                column(leak(&columns[0]), ColumnType::Int, Role::Key),
                column(leak(&columns[1]), ColumnType::Int, Role::Index),
                column(leak(&columns[2]), ColumnType::Int, Role::Index),
            ],
        )
        .built(build);
        ensure_eq!(
            rows.define_table(&table).await?.position,
            Position::START,
            "position of a table with the longest names"
        );
        let row = vec![int(number), int(number + 1), int(number + 2)];
        rows.write_rows(&table, vec![row.clone()]).await?;
        let query = select_all(&table).order_by(2, false).filter(1, Bound::AtLeast(int(0)));
        ensure_eq!(rows.find(&query).await?, [row], "rows of a table with the longest names");
        ensure_eq!(
            rows.checkpoint_of(&table).await?.position,
            Position::new(1),
            "position of a table with the longest names after a change"
        );
    }
    Ok(())
}

async fn invalid_names_are_refused(log: Log) -> Outcome {
    let key = || vec![column("id", ColumnType::Int, Role::Key)];
    let tables = [
        table("", 1, key()),
        table("Things", 1, key()),
        table("a b", 1, key()),
        table("a\"b", 1, key()),
        table("é", 1, key()),
        table("1st", 1, key()),
        table(&"p".repeat(49), 1, key()),
        // The first build would fit, a later one would not.
        table(&"p".repeat(48), 10, key()),
        table(&"p".repeat(40), u32::MAX, key()),
        table("things_v1", 1, key()),
        table("things_v01", 1, key()),
        table("things_v1_1", 1, key()),
        table("sqlite_things", 1, key()),
        table("things", 1, vec![column("id", ColumnType::Int, Role::Plain)]),
        table("things", 1, vec![optional("id", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column("Id", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column("a\"b", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column(leak(&"c".repeat(64)), ColumnType::Int, Role::Key)]),
        table("things", 1, [key(), key()].concat()),
    ];
    for table in &tables {
        let result = log.rows().define(table, "", log.log_id()).await;
        ensure!(
            matches!(result, Err(Error::Invalid(_))),
            "`define` of {table:?} must return `Error::Invalid`, but returned {result:?}"
        );
    }
    Ok(())
}
