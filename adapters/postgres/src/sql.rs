//! The SQL statements of the store: one file each, with the name of the schema inserted once.

use std::sync::Arc;

use annalist_core::rows::Table;
use sqlx::{AssertSqlSafe, Postgres, postgres::PgArguments, query::Query};

use crate::open::schema_name::SchemaName;

/// A statement with the name of the schema inserted.
#[derive(Clone)]
pub(crate) struct Statement {
    text: Arc<str>,
    /// Whether sessions store it as a prepared statement. Not if sessions are shared: another connection would find it there.
    is_prepared: bool,
}

impl Statement {
    pub(crate) fn new(schema: &SchemaName, text: &str, is_prepared: bool) -> Self {
        Self { text: schema.insert_into(text).into(), is_prepared }
    }

    /// The text with a part inserted.
    pub(crate) fn with(&self, placeholder: &str, part: &str) -> Self {
        Self { text: self.text.replace(placeholder, part).into(), ..*self }
    }

    /// The text of a statement without parameters.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.text)
    }

    /// A query whose first three parameters are a build.
    pub(crate) fn for_build<'q>(&self, table: &Table) -> Query<'q, Postgres, PgArguments> {
        self.query().bind(table.projection).bind(i64::from(table.version)).bind(i64::from(table.build))
    }

    /// A query that is planned for each execution, for the current tables and parameters.
    pub(crate) fn planned<'q>(&self) -> Query<'q, Postgres, PgArguments> {
        self.query().persistent(false)
    }

    pub(crate) fn query<'q>(&self) -> Query<'q, Postgres, PgArguments> {
        sqlx::query(AssertSqlSafe(Arc::clone(&self.text))).persistent(self.is_prepared)
    }
}

macro_rules! statements {
    ($($name:ident),+ $(,)?) => {
        /// All statements of an open log.
        pub(crate) struct Sql {
            $(pub(crate) $name: Statement,)+
        }

        impl Sql {
            pub(crate) fn new(schema: &SchemaName, shares_sessions: bool) -> Self {
                let statement = |text: &str| Statement::new(schema, text, !shares_sessions);
                Self { $($name: statement(include_str!(concat!("../sql/", stringify!($name), ".sql"))),)+ }
            }
        }
    };
}

statements!(
    add_tags,
    advance_high_water,
    advisory_lock,
    append,
    archives,
    builds,
    clear_live,
    close_gaps,
    close_ids,
    command_ids,
    commit_rows,
    complete_erasure,
    count,
    count_parked,
    count_type,
    count_version,
    current_keys,
    delete_build,
    erase_subject,
    erasure_count,
    erasures,
    event_at,
    events_by_position,
    events_by_position_payload,
    feed_page,
    filtered_feed_page,
    has_later_event,
    has_view,
    hash_key,
    head,
    import_begin,
    import_command_ids,
    import_events,
    import_high_water,
    import_journal,
    import_numbers,
    import_policy,
    import_positions,
    import_state,
    import_successors,
    import_tags,
    import_unpark,
    inline_builds,
    insert_build,
    journal,
    keys,
    keys_after,
    keys_of,
    lock_builds,
    make_async,
    make_inline,
    move_checkpoint,
    notify,
    open_ids,
    park,
    parked,
    payloads_within,
    policies,
    prefix_at,
    purge_command_ids,
    purge_journal,
    read,
    read_payload,
    readmit,
    receipt,
    remove_events,
    remove_all_snapshots,
    remove_snapshots,
    replace_claim,
    replace_payloads,
    replace_requests,
    report,
    reserve,
    return_events,
    rewrap_hash_key,
    rewrap_key,
    save_archive,
    save_hash_key,
    save_high_water,
    save_retag,
    save_snapshot,
    set_inline,
    set_live,
    snapshot,
    stored_types,
    stored_versions,
    successors,
    tombstones,
    unpark,
    verify_build_references,
    verify_page,
    verify_parked_references,
    verify_records,
    view_grants,
    view_selects_from,
);
