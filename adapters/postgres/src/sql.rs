//! The statements, one file each, with the schema's name put in once.

use std::sync::Arc;

use annalist_core::rows::Table;
use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

/// Puts a schema's name where a statement says `{schema}`.
///
/// The name is an identifier that [`crate::options`] has checked, so that what comes out is as safe as what went in.
pub(crate) fn within(schema: &str, text: &str) -> String {
    text.replace("{schema}", schema)
}

/// A statement that is ready to be sent.
#[derive(Clone)]
pub(crate) struct Statement(Arc<str>);

impl Statement {
    pub(crate) fn new(schema: &str, text: &str) -> Self {
        Self(within(schema, text).into())
    }

    /// With a build as its first three parameters.
    pub(crate) fn of<'q>(&self, table: &Table) -> Query<'q, Postgres, PgArguments> {
        self.query().bind(table.projection).bind(i64::from(table.version)).bind(i64::from(table.build))
    }

    /// Planned each time, for what there is and what is asked.
    pub(crate) fn planned<'q>(&self) -> Query<'q, Postgres, PgArguments> {
        self.query().persistent(false)
    }

    pub(crate) fn query<'q>(&self) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(Arc::clone(&self.0)))
    }
}

macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        /// All statements that a store sends after it was opened.
        pub(crate) struct Sql {
            $(pub(crate) $name: Statement,)+
        }

        impl Sql {
            pub(crate) fn new(schema: &str) -> Self {
                Self { $($name: Statement::new(schema, include_str!(concat!("../sql/", stringify!($name), ".sql"))),)+ }
            }
        }
    };
}

statements!(
    append,
    builds,
    claim,
    count,
    count_parked,
    delete_build,
    purge_command_ids,
    make_inline,
    has_view,
    head,
    inline_of,
    insert_build,
    journal,
    keep_mark,
    save_snapshot,
    make_async,
    lock_builds,
    make_live,
    move_checkpoint,
    none_live,
    notify,
    one_maker,
    page,
    page_of,
    park,
    parked,
    position_at,
    read,
    read_bare,
    receipt,
    report,
    rest,
    rest_bare,
    set_inline,
    snapshot,
    unpark,
    view_grants,
    view_of,
    walk,
);
