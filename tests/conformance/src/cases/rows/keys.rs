//! Keys of every type and of several columns: each key identifies one row.

use annalist_core::rows::{ColumnType, Role, Row, Value};

use super::values::{KINDS, check_round_trip, extremes};
use crate::{
    failure::Outcome,
    support::{log::Log, rows::*},
};

cases!("row_keys" needs [Rows]: [
    keys_of_every_type,
    keys_of_up_to_four_columns,
    similar_keys_are_separate_rows,
    table_with_only_key_columns,
]);

/// The types that a key may have.
const KEY_KINDS: [ColumnType; 8] = [
    ColumnType::Int,
    ColumnType::Text,
    ColumnType::Uuid,
    ColumnType::Time,
    ColumnType::Bool,
    ColumnType::Date,
    ColumnType::TimeOfDay,
    ColumnType::Decimal,
];

async fn keys_of_every_type(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS.into_iter().filter(|(_, kind)| KEY_KINDS.contains(kind)) {
        let columns = vec![column("amount", ColumnType::Int, Role::Plain), column("id", kind, Role::Key)];
        let table = table(&format!("by_{name}"), 1, columns);
        let values = extremes(kind);
        let expected: Vec<Row> = (0..).map(int).zip(values.clone()).map(|(n, key)| vec![n, key]).collect();
        check_round_trip(&rows, &table, &expected).await?;
        let mut ordered = values;
        ordered.sort_by(Value::order);
        let keys: Vec<Value> = rows.all_rows(&table).await?.into_iter().map(|row| row[1].clone()).collect();
        ensure_eq!(keys, ordered, "keys of `{}`, in order", table.name());
        // Deleting a key deletes its own row and no other.
        let mut left = expected;
        while let Some(deleted) = left.pop() {
            let from = rows.checkpoint_of(&table).await?.position.get();
            rows.expect_committed(change(&table, from, from + 1).deleting(vec![vec![deleted[1].clone()]]))
                .await?;
            let found = rows.all_rows(&table).await?;
            ensure_eq!(
                found.len(),
                left.len(),
                "number of rows after the one with {:?} was deleted",
                deleted[1]
            );
            ensure!(!found.contains(&deleted), "the row with {:?} was not deleted", deleted[1]);
        }
    }
    Ok(())
}

async fn keys_of_up_to_four_columns(log: Log) -> Outcome {
    let rows = log.rows();
    for count in 2..=4 {
        for first in 0..KEY_KINDS.len() {
            let kinds: Vec<ColumnType> =
                (0..count).map(|n| KEY_KINDS[(first + n) % KEY_KINDS.len()]).collect();
            let key_columns = kinds.iter().enumerate();
            let key_columns = key_columns.map(|(n, kind)| column(leak(&format!("k{n}")), *kind, Role::Key));
            // A column that is not part of the key is between the key columns.
            let mut columns: Vec<_> = key_columns.collect();
            columns.insert(1, column("amount", ColumnType::Int, Role::Plain));
            let table = table(&format!("by_{count}_{first}"), 1, columns);
            // All combinations of two values in each column, so that some keys differ in one column only.
            let pairs: Vec<Vec<Value>> = kinds.iter().map(|kind| extremes(*kind)[..2].to_vec()).collect();
            let row = |n: usize| {
                let mut row: Row = (0..count).map(|column| pairs[column][n >> column & 1].clone()).collect();
                row.insert(1, int(i64::try_from(n).unwrap_or(0)));
                row
            };
            let expected: Vec<Row> = (0..1 << count).map(row).collect();
            check_round_trip(&rows, &table, &expected).await?;
            let mut ordered = expected.clone();
            ordered.sort_by(|one, other| {
                let (one, other) = (table.key_of(one), table.key_of(other));
                compare_keys(&one, &other)
            });
            ensure_eq!(rows.all_rows(&table).await?, ordered, "rows in the order of their keys of {kinds:?}");
            rows.expect_committed(change(&table, 1, 2).deleting(vec![table.key_of(&expected[1])])).await?;
            ensure_eq!(
                rows.all_rows(&table).await?.len(),
                expected.len() - 1,
                "number of rows after one was deleted"
            );
            ensure_eq!(rows.row(&table, table.key_of(&expected[1])).await?, None, "the deleted row");
        }
    }
    Ok(())
}

async fn similar_keys_are_separate_rows(log: Log) -> Outcome {
    let rows = log.rows();
    let columns = vec![
        column("left", ColumnType::Text, Role::Key),
        column("right", ColumnType::Text, Role::Key),
        column("amount", ColumnType::Int, Role::Plain),
    ];
    let table = table("pairs", 1, columns);
    let parts = [
        "", "a", "aa", "A", "a,a", "a|a", "a\u{1f}a", "a:a", "(a", "a)", "a'", "a\"", "é", "e\u{301}", "%",
        "_", "1", "01",
    ];
    let pairs = parts.iter().flat_map(|left| parts.iter().map(move |right| (left, right)));
    let expected = pairs.zip(0..).map(|((left, right), n)| vec![text(*left), text(*right), int(n)]);
    check_round_trip(&rows, &table, &expected.collect::<Vec<_>>()).await
}

async fn table_with_only_key_columns(log: Log) -> Outcome {
    let rows = log.rows();
    let columns =
        vec![column("left", ColumnType::Int, Role::Key), column("right", ColumnType::Uuid, Role::Key)];
    let table = table("members", 1, columns);
    let expected: Vec<Row> = (0..10).map(|n| vec![int(n % 3), uuid(n.unsigned_abs().into())]).collect();
    check_round_trip(&rows, &table, &expected).await?;
    // Writing the rows again does not add rows.
    check_round_trip(&rows, &table, &expected).await?;
    rows.expect_committed(change(&table, 2, 3).deleting(expected.clone())).await?;
    ensure_eq!(rows.all_rows(&table).await?.len(), 0, "number of rows after all were deleted");
    Ok(())
}
