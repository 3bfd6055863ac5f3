//! The keys of an app. Without the feature `secrets` there are none.

use std::sync::Arc;

#[cfg(feature = "secrets")]
use crate::keys::{KeyRing, MasterKey, SealedRows, SealedStore, SharedKeys};
use crate::{
    error::Error,
    execute::Settings,
    rows::{SharedRows, Table},
    store::EventStore,
    tag::Tag,
};

/// The keys of an app that is not started yet.
#[derive(Default)]
pub(super) enum AppKeys {
    #[default]
    None,
    #[cfg(feature = "secrets")]
    Given(Arc<KeyRing>),
    /// The store with this description has no place for keys.
    #[cfg(feature = "secrets")]
    Unsupported(String),
}

/// The keys of a running app.
pub(super) struct RunningKeys {
    #[cfg(feature = "secrets")]
    pub(super) ring: Option<Arc<KeyRing>>,
    /// The store that encrypts, if there are keys.
    #[cfg(feature = "secrets")]
    pub(super) sealed: Option<Arc<SealedStore>>,
}

impl RunningKeys {
    /// A row store whose secrets are encrypted, for a table; `None` without keys.
    pub(super) fn seal_rows(&self, table: &Table, rows: SharedRows) -> Option<SharedRows> {
        #[cfg(feature = "secrets")]
        return Some(SealedRows::of(table, rows, self.ring.as_ref()?));
        #[cfg(not(feature = "secrets"))]
        {
            let _ = (table, rows);
            None
        }
    }

    /// Returns ids, some of which are personal, as the log has them. The key of one that was never used is made, as by an append.
    ///
    /// # Errors
    /// [`Error::Invalid`] if one of them is forgotten; [`Error::Unusable`] if the app has no keys; another [`Error`] of the key store.
    pub(super) async fn stored_tags(&self, ids: &[Tag]) -> Result<Vec<Tag>, Error> {
        #[cfg(feature = "secrets")]
        if let Some(ring) = &self.ring {
            return ring.stored_tags(ids).await;
        }
        let _ = ids;
        let reason =
            "one of them is a personal id, and the app has no keys: pass some to `App::builder(…).keys(…)`";
        Err(Error::unusable("find personal ids", reason))
    }
}

impl AppKeys {
    /// Keys beside a log.
    #[cfg(feature = "secrets")]
    pub(super) fn of_log(store: &dyn EventStore, master: impl MasterKey) -> Self {
        store
            .key_store()
            .map_or_else(|| Self::Unsupported(store.describe()), |keys| Self::in_store(keys, master))
    }

    /// Keys in a store of their own.
    #[cfg(feature = "secrets")]
    pub(super) fn in_store(store: SharedKeys, master: impl MasterKey) -> Self {
        Self::Given(Arc::new(KeyRing::new(store, master)))
    }

    /// Returns the log as the app uses it, which encrypts secrets if there are keys.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the store has no place for keys.
    pub(super) fn seal(
        self,
        store: Arc<dyn EventStore>,
        settings: &mut Settings,
    ) -> Result<(Arc<dyn EventStore>, RunningKeys), Error> {
        settings.has_keys = !matches!(self, Self::None);
        match self {
            #[cfg(not(feature = "secrets"))]
            Self::None => Ok((store, RunningKeys {})),
            #[cfg(feature = "secrets")]
            Self::None => Ok((store, RunningKeys { ring: None, sealed: None })),
            #[cfg(feature = "secrets")]
            Self::Given(ring) => {
                let sealed = Arc::new(SealedStore::new(store, Arc::clone(&ring)));
                Ok((Arc::clone(&sealed) as _, RunningKeys { ring: Some(ring), sealed: Some(sealed) }))
            }
            #[cfg(feature = "secrets")]
            Self::Unsupported(store) => Err(Error::unusable(
                format!("encrypt the secrets of the {store}"),
                "this store has no place for keys; pass another store with `keys_in`",
            )),
        }
    }
}
