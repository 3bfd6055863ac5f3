//! The pages of a query return every row once, for every page size.

use annalist_core::rows::{Bound, ColumnType, Role, Row, RowQuery, Value};

use super::queries::{expected_rows, rows_with_ties};
use crate::{
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_pages" needs [Rows]: [
    pages_return_every_row_once,
    pages_of_composite_keys,
    pages_continue_while_rows_are_added_and_removed,
]);

/// Reads a query page by page and returns all rows.
async fn read_pages(rows: &TestRows, query: &RowQuery<'_>, size: usize) -> Outcome<Vec<Row>> {
    let mut all: Vec<Row> = vec![];
    loop {
        let query = query.clone().limit(size);
        let query = match all.last() {
            Some(last) => query.after_row(last),
            None => query,
        };
        let page = rows.find(&query).await?;
        ensure!(
            page.len() <= size,
            "a page with limit {size} must not have more rows, but has {}",
            page.len()
        );
        if page.is_empty() {
            return Ok(all);
        }
        let repeated = page.iter().find(|row| all.contains(row));
        ensure!(
            repeated.is_none(),
            "pages of {size} of {:?} by {:?} returned {repeated:?} twice",
            query.filters,
            query.sort
        );
        all.extend(page);
    }
}

async fn pages_return_every_row_once(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(60);
    rows.write_rows(&THINGS, all.clone()).await?;
    let filters = [None, Some((1, Bound::AtLeast(text("a")))), Some((2, Bound::Equal(Value::Null)))];
    for filter in filters {
        for sort in [None, Some(0), Some(1), Some(2)] {
            for descending in [false, true] {
                let query = filter
                    .iter()
                    .fold(select_all(&THINGS), |query, (column, bound)| query.filter(*column, bound.clone()));
                let query = match sort {
                    Some(column) => query.order_by(column, descending),
                    None => query,
                };
                let whole = expected_rows(&all, &query);
                for size in [1, 2, 7, 1_000] {
                    let found = read_pages(&rows, &query, size).await?;
                    ensure_eq!(
                        found,
                        whole,
                        "rows in pages of {size} of {:?} by {:?}",
                        query.filters,
                        query.sort
                    );
                }
            }
        }
    }
    Ok(())
}

async fn pages_of_composite_keys(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = vec![
        column("third", ColumnType::Bool, Role::Key),
        column("value", ColumnType::Float, Role::Index),
        column("first", ColumnType::Text, Role::Key),
        column("second", ColumnType::Time, Role::Key),
    ];
    let table = table("wide_keys", 1, columns);
    let row =
        |n: i64| vec![Value::Bool(n % 2 == 0), float((n % 3) as f64), text(format!("{}", n / 8)), time(n)];
    let all: Vec<Row> = (0..32).map(row).collect();
    rows.write_rows(&table, all.clone()).await?;
    for query in
        [select_all(&table), select_all(&table).order_by(1, false), select_all(&table).order_by(1, true)]
    {
        for size in [1, 2, 7] {
            let found = read_pages(&rows, &query, size).await?;
            ensure_eq!(
                found,
                expected_rows(&all, &query),
                "rows in pages of {size} with composite keys by {:?}",
                query.sort
            );
        }
    }
    Ok(())
}

async fn pages_continue_while_rows_are_added_and_removed(log: Log) -> Outcome {
    let rows = log.rows();
    let permanent = |n: i64| thing(n * 10, "permanent", n % 4);
    let all: Vec<Row> = (0..40).map(permanent).collect();
    rows.write_rows(&THINGS, all.clone()).await?;
    for descending in [false, true] {
        let query = select_all(&THINGS).order_by(2, descending);
        let (mut found, mut round): (Vec<Row>, i64) = (vec![], 0);
        loop {
            let page = match found.last() {
                Some(last) => rows.find(&query.clone().after_row(last).limit(3)).await?,
                None => rows.find(&query.clone().limit(3)).await?,
            };
            if page.is_empty() {
                break;
            }
            found.extend(page);
            round += 1;
            // Temporary rows are added and deleted before and after the end of the page, and the last row of the page is
            // deleted and written again.
            let from = rows.checkpoint_of(&THINGS).await?.position.get();
            let temporary = |n: i64| thing(n * 10 + 5, "temporary", n % 4);
            let last = found.last().cloned().unwrap_or_default();
            let added = (round..round + 4).map(temporary).filter(|row| row[0] != last[0]).collect();
            let mut deleted = vec![vec![last[0].clone()], vec![int(round * 10 - 5)]];
            deleted.dedup();
            rows.expect_committed(change(&THINGS, from, from + 1).upserting(added).deleting(deleted)).await?;
            let page = rows.find(&query.clone().after_row(&last).limit(3)).await?;
            rows.expect_committed(change(&THINGS, from + 1, from + 2).upserting(vec![last.clone()])).await?;
            let again = rows.find(&query.clone().after_row(&last).limit(3)).await?;
            ensure_eq!(
                page,
                again,
                "page after a deleted row, compared with the page after it is written again"
            );
        }
        let permanent: Vec<Row> = found.into_iter().filter(|row| row[1] == text("permanent")).collect();
        ensure_eq!(
            permanent,
            expected_rows(&all, &query),
            "permanent rows, while temporary ones were added and deleted"
        );
    }
    Ok(())
}
