//! Lists of values, prefixes without regard to case, and the number of rows and their sums, compared with a model.

use annalist_core::rows::{Bound, ColumnType, Role, Row, RowQuery, Table, Value};

use super::{
    queries::{expected_rows, rows_with_ties},
    values::{KINDS, extremes},
};
use crate::{
    Failure,
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_totals" needs [Rows]: [
    lists_of_values_of_every_type,
    null_in_a_list_matches_null,
    longest_list_of_values,
    lists_of_long_texts,
    pages_of_a_list_of_values,
    prefix_ignores_only_the_case_of_ascii_letters,
    count_and_sum_include_all_pages,
    sums_are_wider_than_their_numbers,
    sum_of_another_type_is_refused,
]);

/// Runs a query, and the number of its rows, and expects what the port defines.
async fn check_query(rows: &TestRows, all: &[Row], query: RowQuery<'_>) -> Outcome {
    let expected = expected_rows(all, &query);
    ensure_eq!(rows.find(&query).await?, expected, "rows with {:?}", query.filters);
    let count = expected_rows(all, &RowQuery { limit: usize::MAX, ..query.clone() }).len();
    ensure_eq!(rows.count_rows(&query).await?, count as u64, "number of rows with {:?}", query.filters);
    Ok(())
}

fn indexed_table(name: &str, kind: ColumnType) -> Table {
    let columns = vec![column("id", ColumnType::Int, Role::Key), optional("value", kind, Role::Index)];
    table(name, 1, columns)
}

fn numbered(values: &[Value]) -> Vec<Row> {
    (0..).map(int).zip(values).map(|(id, value)| vec![id, value.clone()]).collect()
}

fn one_of(values: &[Value]) -> Outcome<Bound> {
    Bound::one_of(values.to_vec()).map_err(|error| Failure::new(format!("the list is valid: {error}")))
}

async fn lists_of_values_of_every_type(log: Log) -> Outcome {
    let rows = log.rows();
    let mut random = log.random("lists");
    for (name, kind) in KINDS.into_iter().filter(|(_, kind)| *kind != ColumnType::Json) {
        let mut values = [&extremes(kind)[..], &[Value::Null], &extremes(kind)[..]].concat();
        random.shuffle(&mut values);
        let table = indexed_table(name, kind);
        let all = numbered(&values);
        rows.write_rows(&table, all.clone()).await?;
        let distinct = extremes(kind);
        for length in [0, 1, 2, 3, 4, 5, distinct.len()] {
            let mut list: Vec<Value> = distinct.iter().take(length).cloned().collect();
            // The order of the list, and repeated values, do not matter.
            list.extend(list.first().cloned());
            list.reverse();
            check_query(&rows, &all, select_all(&table).filter(1, one_of(&list)?)).await?;
            check_query(&rows, &all, select_all(&table).filter(1, Bound::OneOf(list)).order_by(1, true))
                .await?;
        }
    }
    Ok(())
}

async fn null_in_a_list_matches_null(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(60);
    rows.write_rows(&THINGS, all.clone()).await?;
    for list in [vec![Value::Null], vec![Value::Null, text("a")], vec![text("")], vec![]] {
        for sort in 0..3 {
            let query = select_all(&THINGS).filter(1, one_of(&list)?).order_by(sort, sort == 1);
            check_query(&rows, &all, query.clone().filter(2, one_of(&[int(1), Value::Null])?)).await?;
            check_query(&rows, &all, query).await?;
        }
    }
    Ok(())
}

async fn longest_list_of_values(log: Log) -> Outcome {
    let rows = log.rows();
    let table = indexed_table("numbers", ColumnType::Int);
    let most = i64::try_from(Bound::MAX_VALUES).unwrap_or(0);
    let values: Vec<Value> = (0..2 * most).map(int).collect();
    let all = numbered(&values);
    rows.write_rows(&table, all.clone()).await?;
    // Every second number, some of which no row has.
    let list: Vec<Value> = (0..most).map(|n| int(n * 3)).collect();
    check_query(&rows, &all, select_all(&table).filter(1, one_of(&list)?)).await?;
    let ids = select_all(&table).filter(0, one_of(&list)?).filter(1, one_of(&list)?);
    check_query(&rows, &all, ids.limit(10)).await?;
    let repeated = [&list[..], &list[..]].concat();
    check_query(&rows, &all, select_all(&table).filter(1, one_of(&repeated)?)).await?;
    let too_long = Bound::one_of([&list[..], &[int(-1)]].concat());
    ensure!(too_long.is_err(), "a list of more than {most} values must be refused");
    Ok(())
}

async fn lists_of_long_texts(log: Log) -> Outcome {
    let rows = log.rows();
    let table = indexed_table("texts", ColumnType::Text);
    let mut random = log.random("long texts");
    let prefix: String = (0..20_000).map(|_| random.char('!'..='~')).collect();
    let values = ["", "a", "b", "é"].map(|end| text(format!("{prefix}{end}")));
    let short = ["", "a", "b", "c"].map(text);
    let all = numbered(&[&values[..], &short[..], &[Value::Null]].concat());
    rows.write_rows(&table, all.clone()).await?;
    for list in [&values[..2], &short[1..3], &[values[3].clone(), short[3].clone(), Value::Null]] {
        check_query(&rows, &all, select_all(&table).filter(1, one_of(list)?)).await?;
        check_query(&rows, &all, select_all(&table).filter(1, one_of(list)?).order_by(1, true)).await?;
    }
    let prefix = Bound::PrefixIgnoreAsciiCase(prefix.to_ascii_uppercase());
    check_query(&rows, &all, select_all(&table).filter(1, prefix).order_by(1, false)).await
}

async fn pages_of_a_list_of_values(log: Log) -> Outcome {
    let rows = log.rows();
    let all = rows_with_ties(100);
    rows.write_rows(&THINGS, all.clone()).await?;
    let list = one_of(&[text("a"), text("é"), Value::Null])?;
    for (sort, descending) in [(0, false), (1, false), (1, true), (2, false), (2, true)] {
        let query = select_all(&THINGS).filter(1, list.clone()).order_by(sort, descending);
        let expected = expected_rows(&all, &query);
        let (mut found, mut page) = (Vec::new(), query.clone().limit(7));
        loop {
            let next = rows.find(&page).await?;
            ensure_eq!(rows.count_rows(&page).await?, expected.len() as u64, "number of rows on all pages");
            let Some(last) = next.last() else { break };
            page = query.clone().limit(7).after_row(last);
            found.extend(next);
        }
        ensure_eq!(found, expected, "rows of all pages by column {sort}");
    }
    Ok(())
}

async fn prefix_ignores_only_the_case_of_ascii_letters(log: Log) -> Outcome {
    let rows = log.rows();
    // Letters that are equal without regard to case in Unicode, in some language, or in a collation.
    let texts = [
        "",
        "a",
        "A",
        "ab",
        "aB",
        "Ab",
        "AB",
        "abc",
        "ABCD",
        "abcde",
        "AbCdEf",
        "abcdé",
        "ABCDÉ",
        "é",
        "É",
        "éa",
        "Éa",
        "e\u{301}",
        "E\u{301}",
        "ß",
        "SS",
        "ss",
        "ẞ",
        "i",
        "I",
        "İ",
        "ı",
        "k",
        "K",
        "\u{212a}",
        "s",
        "S",
        "ſ",
        "σ",
        "ς",
        "Σ",
        "[",
        "{",
        "@",
        "`",
        "a[b",
        "a{b",
        "%",
        "a%",
        "_",
        "\\",
        "a\\b",
        "A\\B",
        "'",
        "1a",
        "1A",
        "Z",
        "z",
        "zz",
        "\u{10ffff}",
        "a\u{10ffff}",
        "A\u{10ffff}b",
        "ab 1-c",
        "AB 1-C",
        "abc\u{2400}",
        "ABC\u{2400}d",
        "日a",
        "日A",
    ];
    let table = indexed_table("texts", ColumnType::Text);
    let all = numbered(&[&texts.map(text)[..], &[Value::Null]].concat());
    rows.write_rows(&table, all.clone()).await?;
    for prefix in texts {
        let bound = Bound::PrefixIgnoreAsciiCase(prefix.to_owned());
        let query = select_all(&table).filter(1, bound);
        check_query(&rows, &all, query.clone()).await?;
        check_query(&rows, &all, query.filter(1, Bound::Above(text("a"))).order_by(1, true)).await?;
    }
    Ok(())
}

async fn count_and_sum_include_all_pages(log: Log) -> Outcome {
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let empty = select_all(&THINGS);
    ensure_eq!(rows.count_rows(&empty).await?, 0, "number of rows of an empty table");
    ensure_eq!(rows.sum_column(&empty, 2).await?, 0, "sum of an empty table");
    let all = rows_with_ties(100);
    rows.write_rows(&THINGS, all.clone()).await?;
    let filters = [
        vec![],
        vec![(1, Bound::Equal(text("a")))],
        vec![(1, Bound::Prefix("B".to_owned())), (2, Bound::AtLeast(int(0)))],
        vec![(2, Bound::Equal(Value::Null))],
        vec![(0, Bound::Below(int(-1)))],
        vec![
            (1, Bound::PrefixIgnoreAsciiCase("b".to_owned())),
            (0, one_of(&all[3..30].iter().map(|row| row[0].clone()).collect::<Vec<_>>())?),
        ],
    ];
    for filters in filters {
        let query = filters
            .iter()
            .fold(select_all(&THINGS), |query, (column, bound)| query.filter(*column, bound.clone()));
        let expected = expected_rows(&all, &query);
        for query in
            [query.clone(), query.clone().limit(3), query.order_by(2, true).after_row(&all[7]).limit(2)]
        {
            ensure_eq!(rows.count_rows(&query).await?, expected.len() as u64, "number of rows of {query:?}");
            for column in [0, 2] {
                let numbers = expected.iter().map(|row| match row[column] {
                    Value::Int(number) => i128::from(number),
                    _ => 0,
                });
                ensure_eq!(
                    rows.sum_column(&query, column).await?,
                    numbers.sum::<i128>(),
                    "sum of column {column} of {query:?}"
                );
            }
        }
    }
    Ok(())
}

async fn sums_are_wider_than_their_numbers(log: Log) -> Outcome {
    let rows = log.rows();
    for (n, numbers) in (0..).zip([
        vec![i64::MAX, i64::MAX, 1],
        vec![i64::MIN, i64::MIN, i64::MIN, -1],
        vec![i64::MAX, i64::MIN, i64::MAX],
        vec![(1 << 32) - 1, 1, -1, -(1 << 32), 1 << 31, -(1 << 31) - 1],
        vec![i64::MAX; 100],
    ]) {
        let table = indexed_table(&format!("numbers_{n}"), ColumnType::Int);
        let values: Vec<Value> = numbers.iter().copied().map(int).chain([Value::Null]).collect();
        rows.write_rows(&table, numbered(&values)).await?;
        let expected: i128 = numbers.iter().copied().map(i128::from).sum();
        ensure_eq!(rows.sum_column(&select_all(&table), 1).await?, expected, "sum of {numbers:?}");
    }
    Ok(())
}

async fn sum_of_another_type_is_refused(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS.into_iter().filter(|(_, kind)| *kind != ColumnType::Int) {
        let table = indexed_table(name, kind);
        rows.define_table(&table).await?;
        let sum = rows.sum_column(&select_all(&table), 1).await;
        ensure!(
            matches!(sum, Err(annalist_core::Error::Invalid(_))),
            "the sum of {kind:?} must be refused: {sum:?}"
        );
    }
    rows.define_table(&THINGS).await?;
    ensure!(
        rows.sum_column(&select_all(&THINGS), 9).await.is_err(),
        "a column that does not exist must be refused"
    );
    Ok(())
}
