//! What inline builds make of appends: the keys of the rows that they change, and the rows.

use annalist_core::{
    error::{Error, Invalid},
    panics,
    record::{Position, Record},
    rows::{Inline, Key, Table},
    store::Append,
};
use sqlx::PgConnection;

use crate::builds::tables::RowTables;

/// The events of an append that a build folds, as records without positions.
pub(crate) fn draft_records(append: &Append, inline: &dyn Inline) -> Vec<Record> {
    let drafts = append.events.iter().filter(|draft| inline.types().contains(&draft.name())).cloned();
    drafts.map(|draft| draft.record(Position::START, append.recorded_at, append.metadata.clone())).collect()
}

/// The inline builds that an append folds, as sorted texts `name version build`: the form that the database compares.
pub(crate) fn provided_builds(append: &Append) -> Vec<String> {
    let name = |inline: &std::sync::Arc<dyn Inline>| {
        let Table { projection, version, build, .. } = inline.table();
        format!("{projection} {version} {build}")
    };
    let mut names: Vec<String> = append.inline.iter().map(name).collect();
    names.sort_unstable();
    names
}

/// The keys of the rows that records change. The fold sees the records without positions, so that the keys are the same for the
/// locks, which are taken before positions are assigned, and for the rows.
pub(crate) fn row_keys(inline: &dyn Inline, records: &[Record]) -> Result<Vec<Key>, Error> {
    let drafts = records.iter().cloned().map(|record| Record { position: Position::START, ..record });
    let drafts: Vec<Record> = drafts.collect();
    catch_panic(inline, || inline.keys(&drafts))
}

/// Folds records into the rows of a build.
pub(crate) async fn fold(
    tables: &RowTables,
    connection: &mut PgConnection,
    inline: &dyn Inline,
    records: &[Record],
) -> Result<(), Error> {
    let records = records.iter().filter(|record| inline.types().contains(&&*record.name));
    let records: Vec<Record> = records.cloned().collect();
    if records.is_empty() {
        return Ok(());
    }
    let keys = row_keys(inline, &records)?;
    let rows = tables.rows(connection, inline.table(), &keys).await?;
    let folded = catch_panic(inline, || inline.fold(&records, keys.into_iter().zip(rows).collect()))?;
    tables.write_folded(connection, inline.table(), &folded).await
}

/// Calls a fold. A panic becomes an error.
fn catch_panic<T>(inline: &dyn Inline, fold: impl FnOnce() -> Result<T, Invalid>) -> Result<T, Error> {
    let result = panics::catch(fold);
    Ok(result.map_err(|panic| panic.into_error(format!("the fold of `{}`", inline.table().name())))??)
}
