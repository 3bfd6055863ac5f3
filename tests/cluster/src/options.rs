//! The options of a cluster.

use std::time::Duration;

/// How to start a [`Cluster`](crate::Cluster).
#[derive(Clone, Debug)]
pub struct Options {
    durable: bool,
    settings: Vec<String>,
    pub(crate) deadline: Duration,
}

impl Options {
    /// Fast, without flushing data to disk: a power failure may lose data. A crash of the server
    /// alone, [`Stop::Immediate`](crate::Stop::Immediate), loses no committed data.
    pub fn new() -> Self {
        Self { durable: false, settings: Vec::new(), deadline: Duration::from_secs(60) }
    }

    /// Flushes data to disk, as in production, for tests and measurements that depend on it.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Adds a server setting, as in `postgresql.conf`; of two with the same name the last one counts.
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.push(format!("{name}={value}"));
        self
    }

    /// Sets the maximum time of a start or a stop. The default is one minute.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
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
