//! Every name that the core allows for a projection or a column works, whatever it means to a database.

use annalist_core::{
    Error,
    record::Position,
    rows::{Bound, ColumnType, Role},
};

use crate::{
    failure::Outcome,
    given::{append, event},
    log::Log,
    rows::*,
};

cases!("name" needs [Rows]: [
    names_that_mean_something_in_sql,
    names_of_system_columns,
    projections_named_like_tables_of_the_store,
    the_longest_names,
    names_that_are_not_allowed_are_refused,
]);

async fn names_that_mean_something_in_sql(log: Log) -> Outcome {
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
    rows.write(&all, vec![row.clone()]).await?;
    ensure_eq!(rows.row(&all, row[..2].to_vec()).await?, Some(row.clone()), "a row of odd column names");
    for (n, value) in row.iter().enumerate().filter(|(n, _)| *n < 2 || n % 4 != 2) {
        let query = everything(&all).whose(n, Bound::Equal(value.clone())).by(n, true);
        ensure_eq!(rows.find(&query).await?, std::slice::from_ref(&row), "the row by `{}`", names[n]);
    }
    let position = rows.standing(&all).await?.position.get();
    rows.done(change(&all, position, 9).deletes(vec![row[..2].to_vec()])).await?;
    ensure_eq!(rows.all(&all).await?.len(), 0, "rows of odd column names after the delete");
    for name in names.into_iter().filter(|name| *name != "select") {
        let one = table(name, 1, vec![column(name, ColumnType::Int, Role::Key)]);
        rows.write(&one, vec![vec![int(1)]]).await?;
        ensure_eq!(rows.all(&one).await?, [vec![int(1)]], "the row of the projection `{name}`");
    }
    Ok(())
}

async fn names_of_system_columns(log: Log) -> Outcome {
    let names = ["xmin", "xmax", "cmin", "cmax", "ctid", "tableoid", "oid", "rowid"];
    let rows = log.rows();
    for key in names {
        let role = |name| if name == key { Role::Key } else { Role::Index };
        let columns = names.map(|name| column(name, ColumnType::Int, role(name)));
        let table = table(&format!("by_{key}"), 1, columns.to_vec());
        let row = |n: i64| (n..).take(names.len()).map(int).collect::<Vec<_>>();
        rows.write(&table, (0..3).map(row).collect()).await?;
        let middle = |(n, value): (usize, _)| everything(&table).whose(n, Bound::Equal(value));
        for query in row(1).into_iter().enumerate().map(middle) {
            ensure_eq!(rows.find(&query).await?, [row(1)], "the row in the middle by {:?}", query.filters);
        }
        let by_key = rows.row(&table, table.key_of(&row(2))).await?;
        ensure_eq!(by_key, Some(row(2)), "the row by its key `{key}`");
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
    log.accepted(append([event("before", &[])])).await?;
    for name in names {
        let table = table(name, 1, THINGS.columns.to_vec());
        rows.write(&table, vec![thing(1, name, 1)]).await?;
        ensure_eq!(rows.all(&table).await?, [thing(1, name, 1)], "the row of the projection `{name}`");
    }
    log.accepted(append([event("behind", &[])])).await?;
    let log = log.reopen().await?;
    ensure_eq!(log.everything().await?.len(), 2, "events beside projections with odd names");
    Ok(())
}

async fn the_longest_names(log: Log) -> Outcome {
    let rows = log.rows();
    let names = ["a", "b"].map(|last| format!("{}{last}", "p".repeat(47)));
    let columns = ["a", "b", "c"].map(|last| format!("{}{last}", "c".repeat(62)));
    // Names that are the same but for their last byte, and versions of ten digits.
    for (number, (name, version)) in
        (0..).zip(names.iter().flat_map(|name| [u32::MAX, u32::MAX - 1, 0].map(|version| (name, version))))
    {
        let table = table(
            name,
            version,
            vec![
                column(forever(&columns[0]), ColumnType::Int, Role::Key),
                column(forever(&columns[1]), ColumnType::Int, Role::Index),
                column(forever(&columns[2]), ColumnType::Int, Role::Index),
            ],
        );
        ensure_eq!(rows.defined(&table).await?.position, Position::START, "a table with the longest names");
        let row = vec![int(number), int(number + 1), int(number + 2)];
        rows.write(&table, vec![row.clone()]).await?;
        let query = everything(&table).by(2, false).whose(1, Bound::AtLeast(int(0)));
        ensure_eq!(rows.find(&query).await?, [row], "the only row of a table with the longest names");
        ensure_eq!(rows.standing(&table).await?.position, Position::new(1), "its checkpoint");
    }
    Ok(())
}

async fn names_that_are_not_allowed_are_refused(log: Log) -> Outcome {
    let key = || vec![column("id", ColumnType::Int, Role::Key)];
    let tables = [
        table("", 1, key()),
        table("Things", 1, key()),
        table("a b", 1, key()),
        table("a\"b", 1, key()),
        table("é", 1, key()),
        table("1st", 1, key()),
        table(&"p".repeat(49), 1, key()),
        table("things_v1", 1, key()),
        table("things_v01", 1, key()),
        table("things_v1_1", 1, key()),
        table("sqlite_things", 1, key()),
        table("things", 1, vec![column("id", ColumnType::Int, Role::Plain)]),
        table("things", 1, vec![optional("id", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column("Id", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column("a\"b", ColumnType::Int, Role::Key)]),
        table("things", 1, vec![column(forever(&"c".repeat(64)), ColumnType::Int, Role::Key)]),
        table("things", 1, [key(), key()].concat()),
    ];
    for table in &tables {
        let answer = log.rows().define(table, log.log_id()).await;
        ensure!(matches!(answer, Err(Error::Invalid(_))), "{table:?} must be invalid, but is {answer:?}");
    }
    Ok(())
}
