//! The statements, one per file in `sql/`, with the prefix of the tables inserted. No other input ever becomes SQL.

use annalist_core::{error::Error, limits::is_kind};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// The prefix of the names of a log's tables: `[a-z][a-z0-9_]*`.
#[derive(Clone, Debug)]
pub(crate) struct TablePrefix(String);

impl TablePrefix {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        if is_kind(text) && !text.starts_with("sqlite_") && !text.contains("rows_") {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::unusable(
            format!("use {text:?} as the prefix of the tables"),
            "it must be `[a-z][a-z0-9_]*`, have at most 64 bytes, not start with `sqlite_`, and not contain `rows_`, which is reserved for projections",
        ))
    }

    /// Returns a statement for the tables with this prefix.
    pub(crate) fn apply(&self, statement: &str) -> String {
        statement.trim_end().replace("{prefix}", &self.0)
    }
}

/// A statement with several rows of parameters. Its file has one row; this has a variant for each power of two up to
/// [`MultiRow::MAX`], so that few statements have to be prepared. Unbound parameters are NULL, and the statement skips
/// rows of NULL.
///
/// It may continue with another statement: one call of the driver, which takes longer than either, executes both.
pub(crate) struct MultiRow(Vec<SqlStr>);

impl MultiRow {
    /// The largest number of rows in one statement.
    pub(crate) const MAX: usize = 64;

    fn new(text: &str) -> Self {
        let sizes = (0..=Self::MAX.ilog2()).map(|power| 1 << power);
        Self(sizes.map(|rows| AssertSqlSafe(repeat_row(text, rows)).into_sql_str()).collect())
    }

    /// Returns the smallest variant with at least `rows` rows.
    pub(crate) fn rows(&self, rows: usize) -> SqlStr {
        let power = rows.next_power_of_two().ilog2() as usize;
        self.0[power.min(self.0.len() - 1)].clone()
    }
}

/// Repeats the row that follows `VALUES`.
fn repeat_row(text: &str, rows: usize) -> String {
    let row = text.split_once("VALUES ").and_then(|(_, rest)| rest.split_inclusive(')').next());
    let row = row.unwrap_or_default();
    text.replacen(row, &vec![row; rows].join(", "), 1)
}

macro_rules! statements {
    ($($name:ident),+; $($multi_row:ident $(then $next:ident)?),+ $(,)?) => {
        /// The statements of one log.
        pub(crate) struct Sql {
            $(pub(crate) $name: SqlStr,)+
            $(pub(crate) $multi_row: MultiRow,)+
        }

        impl Sql {
            pub(crate) fn new(prefix: &TablePrefix) -> Self {
                let statement = |text: &str| {
                    let text = text.replace("{matching}", include_str!("../sql/matching.sql"));
                    AssertSqlSafe(prefix.apply(&text)).into_sql_str()
                };
                Self {
                    $($name: statement(include_str!(concat!("../sql/", stringify!($name), ".sql"))),)+
                    $($multi_row: MultiRow::new(&prefix.apply(concat!(
                        include_str!(concat!("../sql/", stringify!($multi_row), ".sql")),
                        $(";\n", include_str!(concat!("../sql/", stringify!($next), ".sql")),)?
                    ))),)+
                }
            }
        }
    };
}

statements! {
    add_tag_rows,
    add_tags,
    archived_id,
    archives,
    builds,
    close_ids,
    command_ids,
    complete_erasure,
    count,
    count_between,
    count_erasure,
    count_parked,
    count_type,
    count_version,
    current_keys,
    delete_build,
    delete_keys,
    end,
    erasure_count,
    erasures,
    event_at,
    find_commands,
    has_later_event,
    has_log,
    hash_key,
    head,
    import_policy,
    import_state,
    insert_build,
    insert_erasure,
    insert_key,
    journal,
    keys,
    keys_after,
    leaving_events,
    log,
    most_selective_tag,
    move_checkpoint,
    open_ids,
    park,
    parked,
    payload,
    policies,
    prefix_at,
    purge_command_ids,
    purge_journal,
    read,
    readmit,
    record_erased_keys,
    remove_events,
    remove_all_snapshots,
    remove_snapshots,
    remove_tag_rows,
    replace_claim,
    replace_payload,
    replace_requests,
    report,
    return_event,
    rewrap_hash_key,
    rewrap_key,
    save_archive,
    save_hash_key,
    save_retag,
    save_snapshot,
    set_inline,
    set_inline_types,
    set_live,
    set_schema_version,
    snapshot,
    stored_types,
    stored_versions,
    successors,
    successors_version,
    tombstones,
    truncate_wal,
    types_of_tag,
    unpark,
    unpark_all,
    verify_build_references,
    verify_builds,
    verify_commands,
    verify_event_tags,
    verify_events,
    verify_journal,
    verify_parked,
    verify_parked_references,
    verify_records,
    verify_snapshots,
    verify_successors,
    view,
    views;
    append_context then newest,
    insert_commands,
    insert_entries,
    insert_events then insert_tags,
    insert_gaps,
    insert_successors,
    insert_tombstones,
    newest,
    replace_commands,
    replace_entries,
    replace_successors,
}
