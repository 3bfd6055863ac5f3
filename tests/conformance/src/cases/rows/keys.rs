//! Keys of every type and of several columns: each belongs to one row.

use annalist_core::rows::{ColumnType, Role, Row, Value};

use super::values::{KINDS, come_back, extremes};
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
const KEY_KINDS: [ColumnType; 5] =
    [ColumnType::Int, ColumnType::Text, ColumnType::Uuid, ColumnType::Time, ColumnType::Bool];

async fn keys_of_every_type(log: Log) -> Outcome {
    let rows = log.rows();
    for (name, kind) in KINDS.into_iter().filter(|(_, kind)| KEY_KINDS.contains(kind)) {
        let columns = vec![column("amount", ColumnType::Int, Role::Plain), column("id", kind, Role::Key)];
        let table = table(&format!("by_{name}"), 1, columns);
        let values = extremes(kind);
        let wanted: Vec<Row> = (0..).map(int).zip(values.clone()).map(|(n, key)| vec![n, key]).collect();
        come_back(&rows, &table, &wanted).await?;
        let mut ordered = values;
        ordered.sort_by(Value::order);
        let keys: Vec<Value> = rows.all_rows(&table).await?.into_iter().map(|row| row[1].clone()).collect();
        ensure_eq!(keys, ordered, "the order of keys of `{}`", table.name());
        // One by one, each key takes away its own row and no other.
        let mut left = wanted;
        while let Some(gone) = left.pop() {
            let from = rows.checkpoint_of(&table).await?.position.get();
            rows.expect_committed(change(&table, from, from + 1).deleting(vec![vec![gone[1].clone()]]))
                .await?;
            let found = rows.all_rows(&table).await?;
            ensure_eq!(found.len(), left.len(), "rows after the one with {:?} was deleted", gone[1]);
            ensure!(!found.contains(&gone), "the row with {:?} is still there", gone[1]);
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
            let keyed = kinds.iter().enumerate();
            let keyed = keyed.map(|(n, kind)| column(leak(&format!("k{n}")), *kind, Role::Key));
            // What is no key stands between the keys.
            let mut columns: Vec<_> = keyed.collect();
            columns.insert(1, column("amount", ColumnType::Int, Role::Plain));
            let table = table(&format!("by_{count}_{first}"), 1, columns);
            // Two values in each column, in all combinations: each differs from others in one column alone.
            let pairs: Vec<Vec<Value>> = kinds.iter().map(|kind| extremes(*kind)[..2].to_vec()).collect();
            let row = |n: usize| {
                let mut row: Row = (0..count).map(|column| pairs[column][n >> column & 1].clone()).collect();
                row.insert(1, int(i64::try_from(n).unwrap_or(0)));
                row
            };
            let wanted: Vec<Row> = (0..1 << count).map(row).collect();
            come_back(&rows, &table, &wanted).await?;
            let mut ordered = wanted.clone();
            ordered.sort_by(|one, other| {
                let (one, other) = (table.key_of(one), table.key_of(other));
                let columns = one.iter().zip(&other).map(|(one, other)| one.order(other));
                columns.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
            });
            ensure_eq!(rows.all_rows(&table).await?, ordered, "the order of keys of {kinds:?}");
            rows.expect_committed(change(&table, 1, 2).deleting(vec![table.key_of(&wanted[1])])).await?;
            ensure_eq!(
                rows.all_rows(&table).await?.len(),
                wanted.len() - 1,
                "rows after one of them was deleted"
            );
            ensure_eq!(rows.row(&table, table.key_of(&wanted[1])).await?, None, "the deleted row");
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
    let wanted = pairs.zip(0..).map(|((left, right), n)| vec![text(*left), text(*right), int(n)]);
    come_back(&rows, &table, &wanted.collect::<Vec<_>>()).await
}

async fn table_with_only_key_columns(log: Log) -> Outcome {
    let rows = log.rows();
    let columns =
        vec![column("left", ColumnType::Int, Role::Key), column("right", ColumnType::Uuid, Role::Key)];
    let table = table("members", 1, columns);
    let wanted: Vec<Row> = (0..10).map(|n| vec![int(n % 3), uuid(n.unsigned_abs().into())]).collect();
    come_back(&rows, &table, &wanted).await?;
    // Written once more, they are still there once.
    come_back(&rows, &table, &wanted).await?;
    rows.expect_committed(change(&table, 2, 3).deleting(wanted.clone())).await?;
    ensure_eq!(rows.all_rows(&table).await?.len(), 0, "members after all were deleted");
    Ok(())
}
