//! The environment of the measurements: a PostgreSQL server that flushes every commit to disk, and directories.

use std::sync::atomic::{AtomicUsize, Ordering};

use annalist::Postgres;
use annalist_cluster::{Cluster, Options};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;

use crate::{Result, size::Size};

/// The maximum number of connections of a baseline; more are slower.
const MOST_CONNECTIONS: usize = 32;

/// How long a commit takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Commits {
    /// As long as the disk takes.
    Plain,
    /// A millisecond longer, as with network storage: the flush of each group commit is delayed.
    Slow,
}

/// The environment that rows are measured in.
#[derive(Debug)]
pub(crate) struct Environment {
    size: Size,
    cluster: Cluster,
    names: AtomicUsize,
}

impl Environment {
    /// Starts a server with its defaults for durability. The sizes of caches and the frequency of checkpoints are set as on a
    /// production server.
    pub(crate) fn start(size: Size) -> Result<Self> {
        let options = Options::new().durable();
        let options = options.setting("shared_buffers", "512MB").setting("max_wal_size", "8GB");
        let options = options.setting("checkpoint_timeout", "30min").setting("max_connections", "400");
        let cluster = options.start()?;
        Ok(Self { size, cluster, names: AtomicUsize::new(0) })
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The server's address, for both sides.
    pub(crate) fn url(&self, commits: Commits) -> String {
        match commits {
            Commits::Plain => self.cluster.url(),
            Commits::Slow => {
                format!("{}?options[commit_delay]=1000&options[commit_siblings]=0", self.cluster.url())
            }
        }
    }

    /// Opens a new log with default settings, and returns its schema too.
    pub(crate) async fn log(&self, commits: Commits) -> Result<(Postgres, String)> {
        let schema = self.fresh_name("ours");
        Ok((Postgres::options().schema(&schema).connect(&self.url(commits)).await?, schema))
    }

    /// Connections for a baseline, as [`pool`] opens them.
    pub(crate) async fn pool(&self, tasks: usize, schema: &str, commits: Commits) -> Result<PgPool> {
        pool(&self.url(commits), tasks, schema).await
    }

    pub(crate) async fn run(&self, sql: &str) -> Result<()> {
        let pool = self.pool(1, "public", Commits::Plain).await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&pool).await?;
        pool.close().await;
        Ok(())
    }

    pub(crate) fn fresh_name(&self, what: &str) -> String {
        format!("{what}_{}", self.names.fetch_add(1, Ordering::Relaxed))
    }
}

/// Connections for a baseline, one for each task up to a limit, with its own schema as search path.
///
/// They are not pinged, and their plans do not depend on statistics: a full scan would lock the whole table in a
/// SERIALIZABLE transaction.
pub(crate) async fn pool(url: &str, tasks: usize, schema: &str) -> Result<PgPool> {
    let address: sqlx::postgres::PgConnectOptions = url.parse()?;
    let address = address.options([("search_path", schema), ("enable_seqscan", "off"), ("jit", "off")]);
    let pool = PgPoolOptions::new().max_connections(tasks.min(MOST_CONNECTIONS) as u32);
    Ok(pool.test_before_acquire(false).connect_with(address).await?)
}

/// A directory on the disk of the workspace, because the system's temporary directory may be in memory.
pub(crate) fn directory() -> Result<TempDir> {
    std::fs::create_dir_all("target/bench")?;
    Ok(tempfile::Builder::new().prefix("files-").tempdir_in("target/bench")?)
}
