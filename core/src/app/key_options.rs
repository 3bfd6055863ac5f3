//! How an app gets its keys.

use super::{Builder, keys::AppKeys};
use crate::keys::{MasterKey, SharedKeys};

impl Builder {
    /// Encrypts the secrets of events and journaled commands with keys that are stored beside the log, and encrypted with this master
    /// key. See [`Secret`](crate::secret::Secret) and [`App::forget`](crate::app::App::forget).
    ///
    /// # Errors
    /// [`start`](Builder::start) fails if the store has no place for keys: see [`keys_in`](Builder::keys_in).
    pub fn keys(mut self, master: impl MasterKey) -> Self {
        if let Some(store) = &self.store {
            self.keys = AppKeys::of_log(&**store, master);
        }
        self
    }

    /// As [`keys`](Builder::keys), with the keys in another store: a backup of the events is then no backup of the keys. The store is that of
    /// another log, for example of a SQLite file beside that of the events, which may stay empty:
    ///
    /// ```
    /// use annalist::{App, EventStore, Memory, keys::LocalMasterKey};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let events = Memory::new(); // or a PostgreSQL database
    /// let keys = Memory::new(); // or `Sqlite::open("keys.db").await?`
    /// let keys = keys.key_store().ok_or("the store has no place for keys")?;
    /// let app = App::builder(events).keys_in(keys, LocalMasterKey::new([7; 32])).start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn keys_in(mut self, store: SharedKeys, master: impl MasterKey) -> Self {
        self.keys = AppKeys::in_store(store, master);
        self
    }
}
