//! Where the work is done: a PostgreSQL server that forces every commit to the disk, and directories.

use std::sync::atomic::{AtomicUsize, Ordering};

use annalist::Postgres;
use annalist_cluster::{Cluster, Options};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};
use tempfile::TempDir;

use crate::{Result, harness::Size};

/// A hand-written program gets no more connections: more of them are slower.
const MOST_CONNECTIONS: usize = 32;

/// How long a commit takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Commits {
    /// As long as the disk.
    Plain,
    /// A millisecond longer, as on storage behind a network: who flushes for a group sleeps before it does.
    Slow,
}

/// What rows are measured on.
#[derive(Debug)]
pub(crate) struct Place {
    size: Size,
    cluster: Cluster,
    names: AtomicUsize,
}

impl Place {
    /// The server keeps its defaults for durability. What it remembers, and how seldom it makes a checkpoint, is set as one
    /// sets it on a server that has work to do.
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

    /// The server's address for ours and for the baseline alike.
    pub(crate) fn url(&self, commits: Commits) -> String {
        match commits {
            Commits::Plain => self.cluster.url(),
            Commits::Slow => {
                format!("{}?options[commit_delay]=1000&options[commit_siblings]=0", self.cluster.url())
            }
        }
    }

    /// A log of nobody else's, with the settings that users get, and its schema.
    pub(crate) async fn log(&self, commits: Commits) -> Result<(Postgres, String)> {
        let schema = self.fresh_name("ours");
        Ok((Postgres::options().schema(&schema).connect(&self.url(commits)).await?, schema))
    }

    /// Connections for a baseline, one a task up to a limit, which find its tables in a schema of its own.
    ///
    /// They are not pinged, and their plans do not depend on statistics: a scan of a whole table would lock all of it in a
    /// SERIALIZABLE transaction.
    pub(crate) async fn pool(&self, tasks: usize, schema: &str, commits: Commits) -> Result<PgPool> {
        let address: sqlx::postgres::PgConnectOptions = self.url(commits).parse()?;
        let address = address.options([("search_path", schema), ("enable_seqscan", "off"), ("jit", "off")]);
        let pool = PgPoolOptions::new().max_connections(tasks.min(MOST_CONNECTIONS) as u32);
        Ok(pool.test_before_acquire(false).connect_with(address).await?)
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

/// A directory on the disk of the workspace: the system's own may live in memory, where nothing is forced anywhere.
pub(crate) fn directory() -> Result<TempDir> {
    std::fs::create_dir_all("target/bench")?;
    Ok(tempfile::Builder::new().prefix("files-").tempdir_in("target/bench")?)
}
