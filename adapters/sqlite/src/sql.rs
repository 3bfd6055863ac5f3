//! The statements, one a file in `sql/`, with the tables' prefix put in once. No other input ever becomes SQL.

use annalist_core::{error::Error, limits::is_kind};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// What the names of a log's tables start with: `[a-z][a-z0-9_]*`.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(String);

impl Prefix {
    pub(crate) fn new(text: &str) -> Result<Self, Error> {
        if is_kind(text) && !text.starts_with("sqlite_") && !text.contains("rows_") {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::unusable(
            format!("use {text:?} as the prefix of the tables"),
            "it must be `[a-z][a-z0-9_]*`, at most 64 bytes, not start with `sqlite_`, and not contain `rows_`, which is for projections",
        ))
    }

    /// A statement for the tables of this prefix.
    pub(crate) fn apply(&self, statement: &str) -> String {
        statement.trim_end().replace("{prefix}", &self.0)
    }
}

/// A statement over rows of values. Its file has one row; here it has any power of two up to [`Many::MOST`], so that few
/// texts have to be prepared. What is not bound is NULL, and the statement leaves rows of NULL out.
pub(crate) struct Many(Vec<SqlStr>);

impl Many {
    /// How many rows one statement takes.
    pub(crate) const MOST: usize = 64;

    fn new(text: &str) -> Self {
        let sizes = (0..=Self::MOST.ilog2()).map(|power| 1 << power);
        Self(sizes.map(|rows| AssertSqlSafe(repeat_row(text, rows)).into_sql_str()).collect())
    }

    /// The statement for so many rows, at least one.
    pub(crate) fn rows(&self, rows: usize) -> SqlStr {
        let power = rows.next_power_of_two().ilog2() as usize;
        self.0[power.min(self.0.len() - 1)].clone()
    }
}

/// The text with the row behind its `VALUES` so many times.
fn repeat_row(text: &str, rows: usize) -> String {
    let row = text.split_once("VALUES ").and_then(|(_, rest)| rest.split_inclusive(')').next());
    let row = row.unwrap_or_default();
    text.replacen(row, &vec![row; rows].join(", "), 1)
}

macro_rules! statements {
    ($($name:ident),+; $($many:ident),+ $(,)?) => {
        /// The statements of one log.
        pub(crate) struct Sql {
            $(pub(crate) $name: SqlStr,)+
            $(pub(crate) $many: Many,)+
        }

        impl Sql {
            pub(crate) fn new(prefix: &Prefix) -> Self {
                let statement = |text: &str| {
                    let text = text.replace("{matching}", include_str!("../sql/matching.sql"));
                    AssertSqlSafe(prefix.apply(&text)).into_sql_str()
                };
                Self {
                    $($name: statement(include_str!(concat!("../sql/", stringify!($name), ".sql"))),)+
                    $($many: Many::new(&prefix.apply(
                        include_str!(concat!("../sql/", stringify!($many), ".sql")),
                    )),)+
                }
            }
        }
    };
}

statements! {
    builds,
    count,
    count_between,
    count_parked,
    delete_build,
    find_commands,
    purge_command_ids,
    ground,
    has_log,
    head,
    insert_build,
    insert_tags,
    journal,
    save_snapshot,
    log,
    move_checkpoint,
    park,
    parked,
    position_at,
    rarest_tag,
    read,
    report,
    set_inline,
    set_live,
    set_schema_version,
    snapshot,
    types_of_tag,
    unpark,
    unpark_all,
    view,
    views;
    insert_commands,
    insert_entries,
    insert_events,
    newest,
}
