//! The location of a log, as an argument of a process, and the app on it.

use std::{fmt, str::FromStr, sync::Arc};

use annalist::{App, Error, EventStore, Policy, Postgres, Sqlite};
use bank::{
    policy::WelcomeBonus,
    projection::{Balance, Line},
};
use uuid::Uuid;

/// A file, or a schema of a server.
#[derive(Clone, Debug)]
pub enum Location {
    /// A SQLite file.
    File(String),
    /// A schema of the PostgreSQL server with a URL.
    Schema(String, String),
}

impl Location {
    /// Starts the app: two read models and a policy.
    pub async fn start(&self) -> Result<App, Error> {
        let builder = App::builder(self.open().await?);
        builder.projection::<Balance>().projection::<Line>().policy(WelcomeBonus).start().await
    }

    /// The process that holds the claim on the policy, by the random id of its start.
    ///
    /// # Panics
    /// If the log has no such policy, or no process runs it.
    pub async fn holder(&self) -> Uuid {
        let rows = self.open().await.unwrap().row_store().unwrap();
        let builds = rows.builds(WelcomeBonus::NAME).await.unwrap();
        builds[0].claim.unwrap().holder
    }

    async fn open(&self) -> Result<Arc<dyn EventStore>, Error> {
        Ok(match self {
            Self::File(file) => Arc::new(Sqlite::open(file).await?),
            Self::Schema(name, url) => Arc::new(Postgres::options().schema(name).connect(url).await?),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "file {file}"),
            Self::Schema(name, url) => write!(f, "{name} {url}"),
        }
    }
}

impl FromStr for Location {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(' ').ok_or("a location is `file PATH` or `SCHEMA URL`")? {
            ("file", path) => Ok(Self::File(path.to_owned())),
            (name, url) => Ok(Self::Schema(name.to_owned(), url.to_owned())),
        }
    }
}
