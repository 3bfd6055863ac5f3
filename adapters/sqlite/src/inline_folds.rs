//! Inline builds: rows that change in the transaction of an append. Their rows need no locks of their own: the write lock
//! already orders all appends.

use std::collections::BTreeMap;

use annalist_core::{
    error::Error,
    panics,
    record::{Position, Record},
    rows::{BuildId, FoldedRows, Inline, sql::TableSql},
    store::Append,
};
use serde::Deserialize;
use sqlx::{FromRow, SqliteConnection, sqlite::SqliteRow};

use crate::{error::TransactionError, row_tables, row_values::RowDialect, rows::position};

/// What the appends of one transaction have to know of the log.
pub(crate) struct AppendContext {
    /// The position of the last event.
    pub(crate) head: Position,
    /// Whether the log has the newest event that this process has seen.
    pub(crate) has_newest: bool,
    /// The version of the list of successors.
    pub(crate) successors: u64,
    /// Whether ids are closed.
    pub(crate) has_closed_ids: bool,
    /// The position of the last event that has left the log for an archive.
    pub(crate) last_removed: Position,
    inline: Vec<InlineBuild>,
}

/// An inline build as `append_context.sql` returns it.
#[derive(Deserialize)]
struct InlineBuild(String, u32, u32, Vec<String>);

impl AppendContext {
    /// From the row of `append_context.sql`.
    pub(crate) fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let (head, has_newest, successors, inline, has_closed_ids, last_removed): (
            i64,
            bool,
            i64,
            String,
            bool,
            i64,
        ) = FromRow::from_row(row)?;
        let inline = serde_json::from_str(&inline).map_err(|error| sqlx::Error::Decode(error.into()))?;
        let (successors, last_removed) = (successors.unsigned_abs(), position(last_removed));
        Ok(Self { head: position(head), has_newest, successors, has_closed_ids, last_removed, inline })
    }

    /// Returns the inline builds that an append must provide, if it provides others.
    pub(crate) fn missing_builds(&self, append: &Append) -> Option<Vec<BuildId>> {
        let folds = |build: &&InlineBuild| append.names_to_fold().any(|name| build.folds(name));
        append.missing_builds(self.inline.iter().filter(folds).map(InlineBuild::id))
    }
}

impl AppendContext {
    /// Lets a build fold the types of a fold too. Returns all of its types.
    pub(crate) fn add_types(&mut self, inline: &dyn Inline) -> Option<&[String]> {
        let id = BuildId::from(inline.table());
        let InlineBuild(.., types) = self.inline.iter_mut().find(|build| build.id() == id)?;
        let new = inline.types().iter().filter(|name| !types.iter().any(|known| known == *name));
        let new: Vec<String> = new.map(|name| (*name).to_owned()).collect();
        types.extend(new);
        Some(types)
    }
}

impl InlineBuild {
    fn id(&self) -> BuildId {
        let Self(projection, version, build, _) = self;
        BuildId { projection: projection.clone(), version: *version, build: *build }
    }

    fn folds(&self, event_type: &str) -> bool {
        self.3.iter().any(|folded| folded == event_type)
    }
}

/// Folds the events of appends, before they are written, into the inline builds that the appends provide. Each append
/// provides every build that folds its types, so a build may fold the events of all of them.
///
/// # Errors
/// [`TransactionError`] if the database or a fold fails: nothing was written.
pub(crate) async fn fold_appends<'a>(
    connection: &mut SqliteConnection,
    dialect: &'a RowDialect,
    appends: &'a [Append],
    head: Position,
) -> Result<Vec<(TableSql<'a>, FoldedRows)>, TransactionError> {
    let provided = appends.iter().flat_map(|append| &append.inline);
    let builds: BTreeMap<BuildId, _> = provided.map(|inline| (inline.table().into(), inline)).collect();
    if builds.is_empty() {
        return Ok(Vec::new());
    }
    let records = Append::draft_records(appends, head);
    let mut folded = Vec::with_capacity(builds.len());
    for inline in builds.into_values() {
        folded.push(fold(connection, dialect, &**inline, &records).await?);
    }
    Ok(folded)
}

/// Folds records into the stored rows of a build. Returns rows that fit its table.
pub(crate) async fn fold<'a>(
    connection: &mut SqliteConnection,
    dialect: &'a RowDialect,
    inline: &'a dyn Inline,
    records: &[Record],
) -> Result<(TableSql<'a>, FoldedRows), TransactionError> {
    let matching = records.iter().filter(|record| inline.types().contains(&&*record.name));
    let matching: Vec<Record> = matching.cloned().collect();
    let drafts = matching.iter().cloned().map(|record| Record { position: Position::START, ..record });
    let drafts: Vec<Record> = drafts.collect();
    let table = inline.table();
    let panicked =
        |panic: panics::Panic| -> Error { panic.into_error(format!("the fold of `{}`", table.name())) };
    let keys = panics::catch(|| inline.keys(&drafts)).map_err(panicked)??;
    let stored = row_tables::read(connection, dialect, table, &keys).await?;
    let stored = keys.into_iter().zip(stored).collect();
    let folded = panics::catch(|| inline.fold(&matching, stored)).map_err(panicked)??;
    let sql = TableSql::new(dialect, table)?;
    sql.check(&folded.upserts, &folded.deletes)?;
    Ok((sql, folded))
}
