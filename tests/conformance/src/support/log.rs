//! The logs of a case.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    ops::Deref,
    sync::{Arc, Mutex},
};

use super::handle::Handle;
use crate::{
    Settings,
    failure::Outcome,
    store_under_test::{LogFactory, TestLog},
};

/// Creates the logs of one case and removes them at its end.
pub(crate) struct Logs {
    factory: Box<dyn LogFactory>,
    settings: Settings,
    created: Mutex<Vec<Arc<dyn TestLog>>>,
}

impl Logs {
    pub(crate) fn new(factory: impl LogFactory + 'static, settings: Settings) -> Arc<Self> {
        Arc::new(Self { factory: Box::new(factory), settings, created: Mutex::default() })
    }

    /// Removes every log of the case.
    pub(crate) async fn remove(&self) -> Outcome {
        let created = std::mem::take(&mut *self.created.lock().unwrap());
        for test_log in created {
            test_log.remove().await?;
        }
        Ok(())
    }
}

/// A log that no other case uses, and a first handle to it.
pub(crate) struct Log {
    logs: Arc<Logs>,
    test_log: Arc<dyn TestLog>,
    handle: Handle,
}

impl Log {
    /// Creates a log.
    pub(crate) async fn new(logs: &Arc<Logs>) -> Outcome<Self> {
        let test_log = logs.factory.create().await?;
        logs.created.lock().unwrap().push(Arc::clone(&test_log));
        let handle = Handle::new(test_log.open().await?);
        Ok(Self { logs: Arc::clone(logs), test_log, handle })
    }

    /// Creates another empty log.
    pub(crate) async fn another_log(&self) -> Outcome<Self> {
        Self::new(&self.logs).await
    }

    /// Opens another handle to this log, as another process would.
    pub(crate) async fn open_handle(&self) -> Outcome<Handle> {
        Ok(Handle::new(self.test_log.open().await?))
    }

    /// Returns this many handles to the log: the first one and new ones.
    pub(crate) async fn handles(&self, count: usize) -> Outcome<Vec<Handle>> {
        let mut handles = vec![self.handle.clone()];
        while handles.len() < count {
            handles.push(self.open_handle().await?);
        }
        Ok(handles)
    }

    /// Drops the only handle and opens the log again.
    pub(crate) async fn reopened(self) -> Outcome<Self> {
        let Self { logs, test_log, handle } = self;
        drop(handle);
        let handle = Handle::new(test_log.open().await?);
        Ok(Self { logs, test_log, handle })
    }

    /// The number of rounds for what a run with scale 1 does `usual` times.
    pub(crate) fn rounds(&self, usual: usize) -> usize {
        usual.saturating_mul(self.logs.settings.scale)
    }

    /// A random generator, seeded with the seed of the run and the purpose.
    pub(crate) fn random(&self, purpose: impl Hash) -> fastrand::Rng {
        let mut hasher = DefaultHasher::new();
        (self.logs.settings.seed, purpose).hash(&mut hasher);
        fastrand::Rng::with_seed(hasher.finish())
    }
}

impl Deref for Log {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}
