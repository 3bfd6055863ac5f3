//! Paging through a query gives everything once, whatever the size of the pages.

use annalist_core::rows::{Bound, ColumnType, Role, Row, RowQuery, Value};

use super::queries::{crowd, wanted};
use crate::{
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_pages" needs [Rows]: [
    pages_return_every_row_once,
    pages_of_composite_keys,
    pages_continue_while_rows_are_added_and_removed,
]);

/// Pages through a query and gives everything it got.
async fn paged(rows: &TestRows, query: &RowQuery<'_>, size: usize) -> Outcome<Vec<Row>> {
    let mut all: Vec<Row> = vec![];
    loop {
        let query = query.clone().limit(size);
        let query = match all.last() {
            Some(last) => query.after_row(last),
            None => query,
        };
        let page = rows.find(&query).await?;
        ensure!(page.len() <= size, "a page of at most {size} rows has {}", page.len());
        if page.is_empty() {
            return Ok(all);
        }
        let again = page.iter().find(|row| all.contains(row));
        ensure!(
            again.is_none(),
            "pages of {size} of {:?} by {:?} give {again:?} again",
            query.filters,
            query.sort
        );
        all.extend(page);
    }
}

async fn pages_return_every_row_once(log: Log) -> Outcome {
    let rows = log.rows();
    let all = crowd(60);
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
                let whole = wanted(&all, &query);
                for size in [1, 2, 7, 1_000] {
                    let found = paged(&rows, &query, size).await?;
                    ensure_eq!(found, whole, "pages of {size} of {:?} by {:?}", query.filters, query.sort);
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
            let found = paged(&rows, &query, size).await?;
            ensure_eq!(found, wanted(&all, &query), "pages of {size} of composite keys by {:?}", query.sort);
        }
    }
    Ok(())
}

async fn pages_continue_while_rows_are_added_and_removed(log: Log) -> Outcome {
    let rows = log.rows();
    let stay = |n: i64| thing(n * 10, "stays", n % 4);
    let all: Vec<Row> = (0..40).map(stay).collect();
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
            // Other rows come and go on both sides of the border, and the row at the border itself goes and comes back.
            let from = rows.checkpoint_of(&THINGS).await?.position.get();
            let passing = |n: i64| thing(n * 10 + 5, "passes", n % 4);
            let last = found.last().cloned().unwrap_or_default();
            let came = (round..round + 4).map(passing).filter(|row| row[0] != last[0]).collect();
            let mut gone = vec![vec![last[0].clone()], vec![int(round * 10 - 5)]];
            gone.dedup();
            rows.expect_committed(change(&THINGS, from, from + 1).upserting(came).deleting(gone)).await?;
            let page = rows.find(&query.clone().after_row(&last).limit(3)).await?;
            rows.expect_committed(change(&THINGS, from + 1, from + 2).upserting(vec![last.clone()])).await?;
            let again = rows.find(&query.clone().after_row(&last).limit(3)).await?;
            ensure_eq!(page, again, "the page behind a row that is gone, and the same when it is back");
        }
        let stayed: Vec<Row> = found.into_iter().filter(|row| row[1] == text("stays")).collect();
        ensure_eq!(stayed, wanted(&all, &query), "rows that stayed while others came and went");
    }
    Ok(())
}
