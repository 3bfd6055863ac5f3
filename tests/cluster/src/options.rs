//! What a cluster is started with.

use std::time::Duration;

use crate::{Cluster, Error};

/// How to start a [`Cluster`].
#[derive(Clone, Debug)]
pub struct Options {
    durable: bool,
    settings: Vec<String>,
    pub(crate) deadline: Duration,
}

impl Options {
    /// Fast and forgetful: nothing is forced to the disk, so a power cut may lose the data. A crash of the server
    /// alone, [`Stop::Immediate`](crate::Stop::Immediate), loses nothing that was committed.
    pub fn new() -> Self {
        Self { durable: false, settings: Vec::new(), deadline: Duration::from_secs(60) }
    }

    /// Forces data to the disk, as in production. For tests and measurements in which that matters.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// One more server setting, as in `postgresql.conf`; of two with the same name the last one counts.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// How long a start or a stop may take. One minute unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Makes and starts the cluster; returns when it takes connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::NoAccount`] say what to install. Otherwise the step that failed, with what the
    /// program or the server's log said.
    pub fn start(self) -> Result<Cluster, Error> {
        Cluster::with(self)
    }

    pub(crate) fn settings(&self) -> impl Iterator<Item = &str> {
        let safety: &[&str] = if self.durable { &[] } else { &["fsync=off", "full_page_writes=off"] };
        let base = ["listen_addresses=127.0.0.1", "max_connections=200", "max_prepared_transactions=20"];
        base.into_iter().chain(safety.iter().copied()).chain(self.settings.iter().map(String::as_str))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
