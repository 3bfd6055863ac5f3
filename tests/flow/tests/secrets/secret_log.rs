//! The logs on which subjects are forgotten.

use std::{
    fmt::{Debug, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use annalist::{
    App, EventStore, Memory, Postgres, Sqlite,
    app::{Builder, Journal},
    keys::LocalMasterKey,
};
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqliteConnection, query_scalar, sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;
use tracing::{Event, Metadata, Subscriber, field, span};
use uuid::Uuid;

use super::domain::Address;

/// A log, which each simulated process opens separately.
pub(crate) enum SecretLog {
    Memory(Memory),
    File(TempDir),
    /// A schema of the server with this URL.
    Schema {
        url: String,
        name: String,
    },
}

pub(crate) fn master(byte: u8) -> LocalMasterKey {
    LocalMasterKey::new([byte; 32])
}

#[allow(dead_code, reason = "each test program uses its logs")]
impl SecretLog {
    pub(crate) fn memory() -> Self {
        Self::Memory(Memory::new())
    }

    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    pub(crate) fn schema(url: &str) -> Self {
        Self::Schema { url: url.to_owned(), name: format!("flow_{}", Uuid::now_v7().simple()) }
    }

    /// An empty log in a store of the same kind.
    pub(crate) fn another(&self) -> Self {
        match self {
            Self::Memory(_) => Self::memory(),
            Self::File(_) => Self::file(),
            Self::Schema { url, .. } => Self::schema(url),
        }
    }

    /// The log as another process names it, unless it is in memory.
    pub(crate) fn location(&self) -> String {
        match self {
            Self::Memory(_) => unreachable!("a log in memory has one process"),
            Self::File(folder) => folder.path().join("log.db").display().to_string(),
            Self::Schema { url, name } => format!("{name}@{url}"),
        }
    }

    pub(crate) async fn open(&self) -> Arc<dyn EventStore> {
        match self {
            Self::Memory(memory) => Arc::new(memory.clone()),
            Self::File(folder) => Arc::new(Sqlite::open(folder.path().join("log.db")).await.unwrap()),
            Self::Schema { url, name } => {
                let options = Postgres::options().schema(name).max_connections(4);
                Arc::new(options.connect(url).await.unwrap())
            }
        }
    }

    pub(crate) async fn builder(&self) -> Builder {
        builder_on(self.open().await)
    }

    pub(crate) async fn app(&self) -> App {
        self.builder().await.keys(master(7)).start().await.unwrap()
    }

    /// Whether a text is in what is stored: in the bytes of the files, or in a row of a table. `None` in memory.
    pub(crate) async fn contains(&self, text: &str) -> Option<bool> {
        match self {
            Self::Memory(_) => None,
            Self::File(folder) => {
                let files = std::fs::read_dir(folder.path()).unwrap();
                Some(files.into_iter().any(|file| {
                    let bytes = std::fs::read(file.unwrap().path()).unwrap();
                    bytes.windows(text.len()).any(|window| window == text.as_bytes())
                }))
            }
            Self::Schema { url, name } => {
                let mut server = PgConnection::connect(url).await.unwrap();
                let tables = format!(
                    "SELECT format('%I.%I', schemaname, tablename) FROM pg_catalog.pg_tables WHERE schemaname IN ('{name}', '{name}_rows')"
                );
                let tables: Vec<String> =
                    query_scalar(AssertSqlSafe(tables)).fetch_all(&mut server).await.unwrap();
                assert!(tables.len() > 5, "{tables:?}");
                for table in tables {
                    let rows = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t");
                    let rows: String =
                        query_scalar(AssertSqlSafe(rows)).fetch_one(&mut server).await.unwrap();
                    if rows.contains(text) {
                        return Some(true);
                    }
                }
                Some(false)
            }
        }
    }

    /// Replaces a text in the payload of the event at a position. Returns `false` in memory, where that is not possible.
    pub(crate) async fn replace_in_event(&self, position: u64, from: &str, to: &str) -> bool {
        let run = |table: &str, text: &str, json: &str| {
            format!(
                "UPDATE {table} SET data = replace({text}, '{from}', '{to}'){json} WHERE position = {position}"
            )
        };
        let changed = match self {
            Self::Memory(_) => return false,
            Self::File(folder) => {
                let options = SqliteConnectOptions::new().filename(folder.path().join("log.db"));
                let mut file = SqliteConnection::connect_with(&options).await.unwrap();
                let sql = run("annalist_events", "data", "");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut file).await.unwrap().rows_affected()
            }
            Self::Schema { url, name } => {
                let mut server = PgConnection::connect(url).await.unwrap();
                let sql = run(&format!("{name}.events"), "data::text", "::json");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut server).await.unwrap().rows_affected()
            }
        };
        assert_eq!(changed, 1);
        true
    }
}

/// A builder of the app, without keys.
pub(crate) fn builder_on(store: Arc<dyn EventStore>) -> Builder {
    App::builder(store).journal(Journal::All).projection::<Address>()
}

/// Collects everything that is traced in this thread, while its guard of `tracing::subscriber::set_default` exists.
#[derive(Clone, Default)]
pub(crate) struct Traces(Arc<Mutex<String>>);

impl Traces {
    pub(crate) fn text(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl field::Visit for Traces {
    fn record_debug(&mut self, field: &field::Field, value: &dyn Debug) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = write!(text, "{field}={value:?} ");
    }
}

impl Subscriber for Traces {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
