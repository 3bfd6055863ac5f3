//! A throw-away PostgreSQL cluster for tests, from the server programs of this machine, and a throw-away PgBouncer.
//!
//! ```no_run
//! use annalist_cluster::{Cluster, Stop};
//!
//! let mut cluster = Cluster::start()?;
//! println!("{}", cluster.url());
//! cluster.stop(Stop::Immediate)?; // a crash: the next start recovers from the log
//! cluster.start_again()?; // same data, same port
//! # Ok::<(), annalist_cluster::Error>(())
//! ```
//!
//! The server and its data are removed when the [`Cluster`] is dropped, and when the process ends without dropping it:
//! by a signal, by `abort`, or because the cluster lives in a `static`.
//!
//! Unix only; on other systems this crate is empty.
#![cfg(unix)]

mod account;
mod cluster;
mod error;
mod guard;
mod options;
mod pooler;
mod programs;

pub use self::{
    cluster::{Cluster, Stop},
    error::Error,
    options::Options,
    pooler::{PoolMode, Pooler},
    programs::Programs,
};

/// The variable that names a running server to the tests: `postgres://user@host:port/database`.
pub const URL_VARIABLE: &str = "ANNALIST_POSTGRES_URL";
