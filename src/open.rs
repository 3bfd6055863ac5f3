//! A store by its URL.

use std::sync::Arc;

use annalist_core::{Error, store::EventStore};

/// Opens the store that a URL names: `memory:`, `sqlite://bank.db` or `postgres://user@host/database`.
///
/// Each needs the feature of its name. For a schema, a table prefix, a pool of your own and the like, open the store
/// itself: `Sqlite::options()`, `Postgres::options()`.
///
/// It is called on a tokio runtime that has time and I/O enabled, as `#[tokio::main]` has.
///
/// # Errors
/// [`Error::Unusable`] if no store of this program has such a URL, or the store cannot be used as it is set up;
/// [`Error::Unavailable`] if it cannot be reached.
pub async fn open(url: &str) -> Result<Arc<dyn EventStore>, Error> {
    match url.split_once(':').map(|(scheme, _)| scheme) {
        Some("memory") => memory(),
        Some("sqlite") => sqlite(url).await,
        Some("postgres" | "postgresql") => postgres(url).await,
        _ => Err(Error::unusable(
            "open a store",
            format!(
                "{url:?} is not the URL of one; write `memory:`, `sqlite://FILE` or `postgres://USER@HOST/DATABASE`"
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
fn left_out(store: &str) -> Error {
    let reason =
        format!("this program was built without it; add the feature `{store}` of the crate `annalist`");
    Error::unusable(format!("open a {store} store"), reason)
}
