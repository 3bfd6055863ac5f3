//! Where a test plays: on a store in memory, and on one in a file that each process opens for itself.

use std::{path::PathBuf, sync::Arc, time::Duration};

use annalist::{
    EventStore, Memory, Sqlite,
    app::{App, Builder},
    projection::Status,
    rows::SharedRows,
};
use tempfile::TempDir;

use crate::troubled::TroubledRows;

/// Longer than any test may wait: who waits so long waits for an event, not for time.
pub const LONG: Duration = Duration::from_secs(120);

/// A place for a log and its rows.
#[derive(Debug)]
pub enum Stage {
    /// In memory: processes are clones.
    Memory(Memory),
    /// In a file.
    File(TempDir),
}

/// A store as one process has it.
#[derive(Clone, Debug)]
pub struct Process {
    /// The log.
    pub store: Arc<dyn EventStore>,
    /// The rows beside it.
    pub rows: SharedRows,
}

/// Plays on each kind of store.
pub async fn on_each(test: impl AsyncFn(&Stage)) {
    test(&Stage::Memory(Memory::new())).await;
    test(&Stage::file()).await;
}

impl Stage {
    /// A new file.
    #[allow(clippy::unwrap_used)] // a test without a disk has failed
    pub fn file() -> Self {
        Self::File(tempfile::tempdir().unwrap())
    }

    /// Where the file is, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Memory(_) => None,
            Self::File(folder) => Some(folder.path().join("log.db")),
        }
    }

    /// Another process.
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

    /// An app of another process.
    pub async fn app(&self) -> Builder {
        self.process().await.app()
    }

    /// An app of another process, whose rows are in trouble when a test wants it.
    pub async fn troubled_app(&self) -> (Builder, Arc<TroubledRows>) {
        let process = self.process().await;
        let rows = Arc::new(TroubledRows::new(SharedRows::clone(&process.rows)));
        (process.app().rows(Arc::clone(&rows)), rows)
    }
}

impl Process {
    /// An app of this process.
    pub fn app(&self) -> Builder {
        App::builder(Arc::clone(&self.store))
    }
}

/// Waits until a projection does as `wanted` says.
#[allow(clippy::unwrap_used)]
pub async fn until(app: &App, name: &str, wanted: impl Fn(&Status) -> bool + Send) -> Status {
    let found = tokio::time::timeout(LONG, app.wait_until(name, wanted)).await;
    match found {
        Ok(status) => status.unwrap(),
        Err(_) => unreachable!("`{name}` is still at {:?}", app.statuses()),
    }
}
