//! The logs that tests run on: one in memory, and one in a file that each simulated process opens separately.

use std::{path::PathBuf, sync::Arc, time::Duration};

use annalist::{
    EventStore, Memory, Sqlite,
    app::{App, Builder},
    projection::Status,
    raw::rows::SharedRows,
};
use tempfile::TempDir;

use crate::faulty_rows::FaultyRows;

/// Longer than any correct test waits; it only ends a test that would hang.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(120);

/// A log with its rows.
#[derive(Debug)]
pub enum TestLog {
    /// In memory: each process uses a clone.
    Memory(Memory),
    /// In a file.
    File(TempDir),
}

/// The stores of one simulated process.
#[derive(Clone, Debug)]
pub struct Process {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// The rows in the same store.
    pub rows: SharedRows,
}

/// Runs a test on each kind of log.
pub async fn on_each_log(test: impl AsyncFn(&TestLog)) {
    test(&TestLog::Memory(Memory::new())).await;
    test(&TestLog::file()).await;
}

impl TestLog {
    /// Creates a log in a new file.
    #[allow(clippy::unwrap_used)] // a test fails without a disk
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// The path of the file, unless the log is in memory.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Memory(_) => None,
            Self::File(folder) => Some(folder.path().join("log.db")),
        }
    }

    /// Opens the log as another process.
    #[allow(clippy::unwrap_used)]
    pub async fn process(&self) -> Process {
        let store: Arc<dyn EventStore> = match self {
            Self::Memory(memory) => Arc::new(memory.clone()),
            Self::File(_) => {
                let options = Sqlite::options().relaxed_durability();
                Arc::new(options.open(self.path().unwrap()).await.unwrap())
            }
        };
        let rows = store.row_store().unwrap();
        Process { store, rows }
    }

    /// Returns a builder for an app of another process.
    pub async fn app(&self) -> Builder {
        self.process().await.app()
    }

    /// Returns a builder for an app of another process, and its rows for injecting faults.
    pub async fn app_with_faulty_rows(&self) -> (Builder, Arc<FaultyRows>) {
        let process = self.process().await;
        let rows = Arc::new(FaultyRows::new(SharedRows::clone(&process.rows)));
        (process.app().rows(Arc::clone(&rows)), rows)
    }
}

impl Process {
    /// Returns a builder for an app of this process.
    pub fn app(&self) -> Builder {
        App::builder(Arc::clone(&self.store))
    }
}

/// Waits until the status of a projection satisfies `wanted`.
#[allow(clippy::unwrap_used)]
pub async fn wait_until(app: &App, name: &str, wanted: impl Fn(&Status) -> bool + Send) -> Status {
    let found = tokio::time::timeout(TEST_TIMEOUT, app.wait_until(name, wanted)).await;
    match found {
        Ok(status) => status.unwrap(),
        Err(_) => unreachable!("`{name}` is still at {:?}", app.statuses()),
    }
}
