//! Opens a store by its URL.

use std::sync::Arc;

use annalist_core::{Error, store::EventStore};

/// Opens the store with this URL: `memory:`, `sqlite://bank.db` or `postgres://user@host/database`.
///
/// Each store needs the feature of its name. For options such as a schema, a table prefix or an existing pool, open the store
/// directly with `Sqlite::options()` or `Postgres::options()`.
///
/// Must be called on a tokio runtime with time and I/O enabled, such as that of `#[tokio::main]`.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = annalist::open("mysql://localhost/bank").await.unwrap_err();
/// assert!(error.to_string().contains("write `memory:`"));
/// # #[cfg(feature = "memory")]
/// assert!(annalist::open("memory:").await.is_ok());
/// # }
/// ```
///
/// # Errors
/// [`Error::Unusable`] if the URL is of no store of this program, or the store cannot be used in its current set-up;
/// [`Error::Unavailable`] if it cannot be reached.
pub async fn open(url: &str) -> Result<Arc<dyn EventStore>, Error> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("memory") => memory(),
        Some("sqlite") => sqlite(url).await,
        Some("postgres" | "postgresql") => postgres(url).await,
        _ => Err(Error::unusable(
            "open a store",
            format!(
                "{url:?} is not the URL of a store; write `memory:`, `sqlite://FILE` or `postgres://USER@HOST/DATABASE`"
            ),
        )),
    }
}

#[cfg(feature = "memory")]
fn memory() -> Result<Arc<dyn EventStore>, Error> {
    Ok(Arc::new(annalist_memory::Memory::new()))
}

#[cfg(not(feature = "memory"))]
fn memory() -> Result<Arc<dyn EventStore>, Error> {
    Err(left_out("memory"))
}

#[cfg(feature = "sqlite")]
async fn sqlite(url: &str) -> Result<Arc<dyn EventStore>, Error> {
    Ok(Arc::new(annalist_sqlite::Sqlite::open(url).await?))
}

#[cfg(not(feature = "sqlite"))]
async fn sqlite(_: &str) -> Result<Arc<dyn EventStore>, Error> {
    Err(left_out("sqlite"))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Arc<dyn EventStore>, Error> {
    Ok(Arc::new(annalist_postgres::Postgres::connect(url).await?))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Arc<dyn EventStore>, Error> {
    Err(left_out("postgres"))
}

#[cfg(not(all(feature = "memory", feature = "sqlite", feature = "postgres")))]
/// The error for a store whose feature is disabled.
fn left_out(store: &str) -> Error {
    let reason =
        format!("this program was built without it; enable the feature `{store}` of the crate `annalist`");
    Error::unusable(format!("open a {store} store"), reason)
}
