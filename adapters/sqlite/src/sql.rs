//! The statements, one a file in `sql/`, with the tables' prefix put in once. No other input ever becomes SQL.

use annalist_core::{error::Error, text::is_kind};
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

macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        /// The statements of one log.
        pub(crate) struct Sql {
            $(pub(crate) $name: SqlStr,)+
        }

        impl Sql {
            pub(crate) fn new(prefix: &Prefix) -> Self {
                let statement = |text: &str| {
                    let text = text.replace("{matching}", include_str!("../sql/matching.sql"));
                    AssertSqlSafe(prefix.apply(&text)).into_sql_str()
                };
                Self { $($name: statement(include_str!(concat!("../sql/", stringify!($name), ".sql"))),)+ }
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
    find_command,
    forget_commands,
    ground,
    has_log,
    head,
    insert_build,
    insert_command,
    insert_event,
    insert_journal,
    insert_tags,
    journal,
    log,
    move_checkpoint,
    newest,
    park,
    parked,
    position_at,
    rarest_tag,
    read,
    report,
    set_inline,
    set_live,
    set_schema,
    types_of_tag,
    unpark,
    unpark_all,
    view,
    views,
}
