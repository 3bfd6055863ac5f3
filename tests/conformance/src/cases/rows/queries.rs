//! Lookups by key and queries: which rows they return, and in which order.

use annalist_core::rows::{Bound, ColumnType, Role, Row, RowQuery, Table, Value};

use super::values::extremes;
use crate::{
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_queries" needs [Rows]: [
    lookup_returns_one_result_per_key_in_order,
    thousands_of_keys_in_one_lookup,
    every_bound_on_every_type,
    null_matches_only_equal_null,
    texts_are_compared_byte_by_byte,
    prefix_is_not_a_pattern,
    prefixes_match_up_to_the_last_code_point,
    ties_are_sorted_by_key,
    null_sorts_first,
    all_filters_apply,
    limit_cuts_the_result,
    query_of_an_empty_table,
]);

async fn lookup_returns_one_result_per_key_in_order(log: Log) -> Outcome {
    let rows = log.rows();
    rows.write_rows(&THINGS, (0..10).map(|n| thing(n, "a", n * 10)).collect()).await?;
    let requested = [7, 3, 99, 3, -1, 0, 99, 7, 7];
    let keys: Vec<_> = requested.iter().map(|n| vec![int(*n)]).collect();
    let expected: Vec<_> =
        requested.iter().map(|n| (0..10).contains(n).then(|| thing(*n, "a", n * 10))).collect();
    ensure_eq!(rows.rows(&THINGS, &keys).await?, expected, "results for the keys {requested:?}");
    ensure_eq!(rows.rows(&THINGS, &[]).await?, Vec::<Option<Row>>::new(), "results for no keys");
    Ok(())
}

async fn thousands_of_keys_in_one_lookup(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = vec![
        column("left", ColumnType::Text, Role::Key),
        column("right", ColumnType::Uuid, Role::Key),
        column("amount", ColumnType::Int, Role::Plain),
    ];
    let table = table("pairs", 1, columns);
    let row = |n: u128| vec![text(format!("{}", n % 7)), uuid(n), int(n as i64)];
    rows.write_rows(&table, (0..3_000).map(row).collect()).await?;
    for count in [1, 100, 999, 2_500] {
        // Every second key has no row.
        let requested: Vec<u128> = (0..count).map(|n| n * 7 % 3_000 + n % 2 * 3_000).collect();
        let keys: Vec<_> = requested.iter().map(|n| table.key_of(&row(*n))).collect();
        let found = rows.rows(&table, &keys).await?;
        ensure_eq!(found.len(), keys.len(), "number of results for {count} keys");
        for (n, found) in requested.iter().zip(found) {
            ensure_eq!(found, (*n < 3_000).then(|| row(*n)), "result for key {n} of {count}");
        }
    }
    Ok(())
}

/// A table with a number as key and one indexed column.
fn indexed_table(name: &str, kind: ColumnType) -> Table {
    table(name, 1, vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, Role::Index)])
}

fn numbered(values: &[Value]) -> Vec<Row> {
    (0..).map(int).zip(values).map(|(id, value)| vec![id, value.clone()]).collect()
}

/// The expected rows of a query: filtered, sorted and limited as the row store port defines it.
pub(super) fn expected_rows(all: &[Row], query: &RowQuery<'_>) -> Vec<Row> {
    let matches = |row: &&Row| query.filters.iter().all(|filter| filter.bound.matches(&row[filter.column]));
    let mut found: Vec<Row> = all.iter().filter(matches).cloned().collect();
    let sort_key = |row: &Row| {
        let sorted = query.sort.map(|sort| row[sort.column].clone());
        sorted.into_iter().chain(query.table.key_of(row)).collect::<Vec<_>>()
    };
    found.sort_by(|one, other| {
        let (one, other) = (sort_key(one), sort_key(other));
        let order = compare_keys(&one, &other);
        if query.sort.is_some_and(|sort| sort.descending) { order.reverse() } else { order }
    });
    found.truncate(query.limit);
    found
}

/// Runs a query and expects the rows that the port defines.
async fn check_query(rows: &TestRows, all: &[Row], query: RowQuery<'_>) -> Outcome {
    let found = rows.find(&query).await?;
    ensure_eq!(
        found,
        expected_rows(all, &query),
        "rows of `{}` with {:?} by {:?}, limit {}",
        query.table.name(),
        query.filters,
        query.sort,
        query.limit
    );
    Ok(())
}

/// Checks queries with every bound on every value, and queries in both directions.
async fn check_every_bound(rows: &TestRows, table: &Table, values: &[Value], bounds: &[Value]) -> Outcome {
    let all = numbered(values);
    rows.write_rows(table, all.clone()).await?;
    let constructors: [fn(Value) -> Bound; 5] =
        [Bound::Equal, Bound::AtLeast, Bound::Below, Bound::AtMost, Bound::Above];
    for value in bounds {
        for bound in constructors {
            check_query(rows, &all, select_all(table).filter(1, bound(value.clone()))).await?;
        }
    }
    for descending in [false, true] {
        check_query(rows, &all, select_all(table).order_by(1, descending)).await?;
    }
    Ok(())
}

async fn every_bound_on_every_type(log: Log) -> Outcome {
    let rows = log.rows();
    let ints = [i64::MIN, -2, -1, 0, 1, 2, 1 << 53, (1 << 53) + 1, i64::MAX].map(int);
    let floats =
        [f64::NEG_INFINITY, f64::MIN, -0.5, 0.0, 5e-324, 0.1, 0.3, 1.0, f64::MAX, f64::INFINITY].map(float);
    let texts = ["", "a", "aa", "ab", "b", "B", "é", "z", "日", "😀"].map(text);
    let uuids = [0, 1, 255, 256, 1 << 64, 1 << 127, u128::MAX].map(uuid);
    let times =
        [i64::MIN, -1_000_000, -1, 0, 1, 1_769_860_800_000_000, 1_769_860_800_000_001, i64::MAX].map(time);
    let bools = [Value::Bool(false), Value::Bool(true)];
    let dates = extremes(ColumnType::Date);
    let times_of_day = extremes(ColumnType::TimeOfDay);
    let decimals = extremes(ColumnType::Decimal);
    let sets: [(&str, ColumnType, &[Value]); 9] = [
        ("ints", ColumnType::Int, &ints),
        ("floats", ColumnType::Float, &floats),
        ("texts", ColumnType::Text, &texts),
        ("uuids", ColumnType::Uuid, &uuids),
        ("times", ColumnType::Time, &times),
        ("bools", ColumnType::Bool, &bools),
        ("dates", ColumnType::Date, &dates),
        ("times_of_day", ColumnType::TimeOfDay, &times_of_day),
        ("decimals", ColumnType::Decimal, &decimals),
    ];
    for (name, kind, bounds) in sets {
        // Each value twice, and one NULL, in random order.
        let mut values = [bounds, &[Value::Null], bounds].concat();
        log.random(name).shuffle(&mut values);
        check_every_bound(&rows, &indexed_table(name, kind), &values, bounds).await?;
    }
    Ok(())
}

async fn null_matches_only_equal_null(log: Log) -> Outcome {
    let rows = log.rows();
    let table = indexed_table("things", ColumnType::Text);
    let values = [Value::Null, text(""), text("a"), Value::Null, text("b")];
    check_every_bound(&rows, &table, &values, &[Value::Null, text(""), text("a")]).await?;
    let all = numbered(&values);
    for prefix in ["", "a", "c"] {
        check_query(&rows, &all, select_all(&table).filter(1, Bound::Prefix(prefix.to_owned()))).await?;
    }
    let found = rows.find(&select_all(&table).filter(1, Bound::Equal(Value::Null))).await?;
    ensure_eq!(found.len(), 2, "number of rows whose value is NULL");
    Ok(())
}

async fn texts_are_compared_byte_by_byte(log: Log) -> Outcome {
    let rows = log.rows();
    let values = [
        "",
        " ",
        "-",
        "0",
        "1",
        "10",
        "2",
        "A",
        "B",
        "Z",
        "_",
        "a",
        "a ",
        "a b",
        "a-b",
        "aB",
        "ab",
        "b",
        "z",
        "~",
        "\u{7f}",
        "\u{80}",
        "é",
        "e\u{301}",
        "É",
        "ö",
        "ø",
        "ß",
        "ss",
        "z\u{301}",
        "ﬀ",
        "\u{ffff}",
        "\u{10000}",
        "😀",
        "\u{10ffff}",
    ]
    .map(text);
    let mut shuffled = values.clone();
    log.random("order").shuffle(&mut shuffled);
    check_every_bound(&rows, &indexed_table("texts", ColumnType::Text), &shuffled, &values).await
}

async fn prefix_is_not_a_pattern(log: Log) -> Outcome {
    let rows = log.rows();
    let texts = [
        "", "%", "%a", "%%", "_", "_a", "__", "a", "a%", "a_", "ab", "a%b", "a_b", "A", "Ab", "\\", "\\%",
        "\\\\", "\\a", "[a]", "[", "a*", "*", "?", "^a", ".", "'", "''", "'a", "$", "é", "e", "e\u{301}",
        "É", "éa",
    ];
    let table = indexed_table("texts", ColumnType::Text);
    let all = numbered(&texts.map(text));
    rows.write_rows(&table, all.clone()).await?;
    for prefix in texts {
        check_query(&rows, &all, select_all(&table).filter(1, Bound::Prefix(prefix.to_owned()))).await?;
    }
    Ok(())
}

async fn prefixes_match_up_to_the_last_code_point(log: Log) -> Outcome {
    let rows = log.rows();
    let highest = "\u{10ffff}";
    let starts = [
        "a",
        "z",
        "~",
        "\u{7f}",
        "é",
        "\u{7ff}",
        "\u{800}",
        "日",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "😀",
        highest,
        "a\u{10ffff}",
        "a\u{d7ff}",
        "a\u{7f}",
        "a\u{7ff}",
        "\u{10ffff}\u{10ffff}",
        "a\u{10ffff}\u{10ffff}",
        "\u{d7ff}\u{10ffff}",
        "\u{7f}\u{10ffff}",
    ];
    let ends = ["", "\u{1}", "a", "\u{7f}", "é", "\u{d7ff}", "\u{e000}", highest];
    let values: Vec<Value> =
        starts.iter().flat_map(|start| ends.map(|end| text(format!("{start}{end}")))).collect();
    let table = indexed_table("texts", ColumnType::Text);
    let all = numbered(&values);
    rows.write_rows(&table, all.clone()).await?;
    for prefix in starts {
        check_query(&rows, &all, select_all(&table).filter(1, Bound::Prefix(prefix.to_owned()))).await?;
    }
    Ok(())
}

/// Rows with few different names and amounts, so that many rows are equal in a column.
pub(super) fn rows_with_ties(count: i64) -> Vec<Row> {
    let names = ["a", "b", "B", "é", ""];
    let row = |n: i64| {
        let name = names.get(n as usize % 6).map_or(Value::Null, |name| text(*name));
        let amount = if n % 7 == 0 { Value::Null } else { int(n % 3 - 1) };
        vec![int(n * 31 % 1_009), name, amount]
    };
    (0..count).map(row).collect()
}

async fn ties_are_sorted_by_key(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(100);
    rows.write_rows(&THINGS, all.clone()).await?;
    check_query(&rows, &all, select_all(&THINGS)).await?;
    for column in 0..3 {
        for descending in [false, true] {
            check_query(&rows, &all, select_all(&THINGS).order_by(column, descending)).await?;
        }
    }
    Ok(())
}

async fn null_sorts_first(log: Log) -> Outcome {
    let rows = log.rows();
    let row = |n, amount| vec![int(n), Value::Null, amount];
    rows.write_rows(
        &THINGS,
        vec![row(1, int(5)), row(2, Value::Null), row(3, int(i64::MIN)), row(4, Value::Null)],
    )
    .await?;
    let keys = |found: Vec<Row>| found.into_iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    let ascending = rows.find(&select_all(&THINGS).order_by(2, false)).await?;
    ensure_eq!(
        keys(ascending),
        [2, 4, 3, 1].map(int),
        "keys in ascending order: NULLs first, then the smallest key"
    );
    let descending = rows.find(&select_all(&THINGS).order_by(2, true)).await?;
    ensure_eq!(
        keys(descending),
        [1, 3, 4, 2].map(int),
        "keys in descending order: NULLs last, then the greatest key"
    );
    Ok(())
}

async fn all_filters_apply(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(80);
    rows.write_rows(&THINGS, all.clone()).await?;
    let filters = [
        vec![(2, Bound::AtLeast(int(0))), (2, Bound::Below(int(1)))],
        vec![(1, Bound::Equal(text("a"))), (2, Bound::Equal(int(1)))],
        vec![(1, Bound::Prefix(String::new())), (1, Bound::AtMost(text("b"))), (0, Bound::Above(int(500)))],
        vec![(1, Bound::Equal(Value::Null)), (2, Bound::Equal(Value::Null))],
        vec![(2, Bound::Above(int(0))), (2, Bound::Below(int(0)))],
        vec![(0, Bound::Equal(int(31))), (0, Bound::Equal(int(62)))],
    ];
    for filters in filters {
        for sort in [None, Some(0), Some(1), Some(2)] {
            let query = filters
                .iter()
                .fold(select_all(&THINGS), |query, (column, bound)| query.filter(*column, bound.clone()));
            let query = match sort {
                Some(column) => query.order_by(column, true),
                None => query,
            };
            check_query(&rows, &all, query).await?;
        }
    }
    Ok(())
}

async fn limit_cuts_the_result(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(20);
    rows.write_rows(&THINGS, all.clone()).await?;
    for limit in [0, 1, 2, 19, 20, 21, usize::MAX] {
        check_query(&rows, &all, select_all(&THINGS).limit(limit)).await?;
        check_query(&rows, &all, select_all(&THINGS).order_by(1, true).limit(limit)).await?;
    }
    Ok(())
}

async fn query_of_an_empty_table(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let query = select_all(&THINGS)
        .filter(1, Bound::Prefix("a".to_owned()))
        .order_by(2, true)
        .after_row(&thing(1, "a", 1));
    ensure_eq!(rows.find(&query).await?.len(), 0, "number of rows of an empty table");
    Ok(())
}
