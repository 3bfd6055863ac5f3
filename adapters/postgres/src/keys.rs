//! The keys of subjects, in tables beside those of the log.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    keys::{Erasure, KeyState, KeyStore, StoredKey, SubjectHash},
    time::Timestamp,
};
use async_trait::async_trait;
use sqlx::{
    Postgres, Row,
    postgres::{PgArguments, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{
    append::locks::AdvisoryKeys,
    database::Database,
    error::{append_failed, failed},
    values::Time,
};

/// The keys in the database of a log.
pub(crate) struct Keys {
    database: Arc<Database>,
    /// The advisory lock under which keys are stored and subjects are erased.
    lock: i64,
}

impl Keys {
    pub(crate) fn new(database: Arc<Database>, keys: &AdvisoryKeys) -> Self {
        Self { database, lock: keys.subject_keys() }
    }

    fn failed(&self, what: &str, error: sqlx::Error) -> Error {
        failed(self.database.operation(what), error)
    }

    /// The rows of a statement that can be repeated.
    async fn rows<'q, T>(
        &self,
        what: &str,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
        decode: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, Error> {
        let rows = self.database.fetch_all(statement).await;
        let decoded = rows.and_then(|rows| rows.iter().map(decode).collect());
        decoded.map_err(|error| self.failed(what, error))
    }

    /// Executes a statement that can be repeated.
    async fn execute<'q>(
        &self,
        what: &str,
        statement: impl Fn() -> Query<'q, Postgres, PgArguments>,
    ) -> Result<(), Error> {
        self.database.execute(statement).await.map(drop).map_err(|error| self.failed(what, error))
    }

    async fn stored_hash_key(&self) -> Result<Option<StoredKey>, Error> {
        let found = self.rows(FIND, || self.database.sql.hash_key.query(), key).await?;
        Ok(found.into_iter().next())
    }
}

const FIND: &str = "find keys of subjects in";
const ADD: &str = "add keys of subjects to";

/// What is erased stays in the file of its table until a vacuum, as every deleted row, and in the server's write-ahead log and its archive as
/// long as these exist. These bytes are keys that are encrypted with the master key: alone they reveal nothing.
#[async_trait]
impl KeyStore for Keys {
    fn describe_keys(&self) -> String {
        format!("keys in {}", self.database.name)
    }

    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error> {
        if let Some(stored) = self.stored_hash_key().await? {
            return Ok(stored);
        }
        let save = || {
            let save = self.database.sql.save_hash_key.query().bind(new.id).bind(&new.subject.0[..]);
            save.bind(&new.wrapped).bind(&new.master)
        };
        self.execute(ADD, save).await?;
        self.stored_hash_key().await?.ok_or_else(|| self.failed(FIND, sqlx::Error::RowNotFound))
    }

    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error> {
        self.rows(FIND, || self.database.sql.keys.query().bind(ids), key_state).await
    }

    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error> {
        let ids: Vec<Uuid> = new.iter().map(|key| key.id).collect();
        let subjects: Vec<&[u8]> = new.iter().map(|key| &key.subject.0[..]).collect();
        let wrapped: Vec<&[u8]> = new.iter().map(|key| &key.wrapped[..]).collect();
        let masters: Vec<&str> = new.iter().map(|key| &*key.master).collect();
        let current = || {
            let query = self.database.sql.current_keys.query().bind(self.lock);
            query.bind(&ids).bind(&subjects).bind(&wrapped).bind(&masters)
        };
        let missing = || StoredKey::erased_error(self.database.operation(ADD));
        let found = self.rows(ADD, current, current_key).await?;
        found.into_iter().map(|current| current.ok_or_else(missing)).collect()
    }

    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error> {
        let subjects: Vec<&[u8]> = subjects.iter().map(|SubjectHash(bytes)| &bytes[..]).collect();
        self.rows(FIND, || self.database.sql.keys_of.query().bind(&subjects), key_state).await
    }

    async fn erase(&self, erasure: Erasure) -> Result<(), Error> {
        let Erasure { subject, actor, erased_at, completed_at } = &erasure;
        let erase = || {
            let erase = self.database.sql.erase_subject.query().bind(self.lock).bind(&subject.0[..]);
            erase.bind(actor).bind(Time(*erased_at)).bind(completed_at.map(Time))
        };
        self.execute("erase a subject in", erase).await
    }

    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error> {
        let Self { database, lock } = self;
        let Erasure { subject: SubjectHash(subject), actor, erased_at, completed_at } = &erasure;
        let operation = || database.operation("erase a subject in");
        // Not repeated if the connection is lost: a repeat is another erasure.
        let transaction = database.begin_with("BEGIN").await;
        let mut transaction = transaction.map_err(|error| failed(operation(), error))?;
        let erase = database.sql.erase_subject.query().bind(lock).bind(&subject[..]).bind(actor);
        let erase = erase.bind(Time(*erased_at)).bind(completed_at.map(Time));
        let readmit = database.sql.readmit.query().bind(&subject[..]);
        let written = async {
            erase.execute(&mut *transaction).await?;
            readmit.execute(&mut *transaction).await?;
            transaction.commit().await
        };
        written.await.map_err(|error| append_failed(operation(), error.into()))
    }

    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error> {
        let complete = || self.database.sql.complete_erasure.query().bind(subject.0.to_vec()).bind(Time(at));
        self.execute("complete an erasure in", complete).await
    }

    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error> {
        let Self { database, .. } = self;
        let operation = || database.operation("readmit a subject in");
        // Not repeated if the connection is lost: it would return `false` then.
        let transaction = database.begin_with("BEGIN").await;
        let mut transaction = transaction.map_err(|error| failed(operation(), error))?;
        let readmit = database.sql.readmit.query().bind(&subject.0[..]);
        let written = async {
            let readmitted = readmit.execute(&mut *transaction).await?.rows_affected();
            transaction.commit().await.map(|()| readmitted > 0)
        };
        written.await.map_err(|error| append_failed(operation(), error.into()))
    }

    async fn erasure_count(&self) -> Result<u64, Error> {
        let Self { database, .. } = self;
        let row = database.fetch_one(|| database.sql.erasure_count.query()).await;
        let count = row.and_then(|row| row.try_get::<i64, _>(0));
        count.map(i64::unsigned_abs).map_err(|error| self.failed("count the erasures in", error))
    }

    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        let list = || self.database.sql.erasures.query().bind(only_incomplete);
        self.rows("list the erasures in", list, erasure).await
    }

    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let list = || self.database.sql.keys_after.query().bind(after).bind(limit);
        self.rows("list the keys of subjects in", list, key).await
    }

    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error> {
        let sql = &self.database.sql;
        for statement in [&sql.rewrap_key, &sql.rewrap_hash_key] {
            let rewrap = || statement.query().bind(key.id).bind(&key.wrapped).bind(&key.master);
            self.execute("change a key of a subject in", rewrap).await?;
        }
        Ok(())
    }
}

/// `None` if the store has neither a key nor an erasure of the subject; `Some(None)` if it is erased.
fn current_key(row: &PgRow) -> Result<Option<Option<StoredKey>>, sqlx::Error> {
    Ok(match row.try_get("is_erased")? {
        true => Some(None),
        false if row.try_get::<Option<Uuid>, _>("id")?.is_none() => None,
        false => Some(Some(key(row)?)),
    })
}

fn key_state(row: &PgRow) -> Result<KeyState, sqlx::Error> {
    Ok(match row.try_get("is_erased")? {
        true => KeyState::Erased,
        false if row.try_get::<Option<&[u8]>, _>("subject")?.is_none() => KeyState::Unknown,
        false => KeyState::Stored(key(row)?),
    })
}

fn key(row: &PgRow) -> Result<StoredKey, sqlx::Error> {
    Ok(StoredKey {
        id: row.try_get("id")?,
        subject: subject(row)?,
        wrapped: row.try_get("wrapped")?,
        master: row.try_get("master")?,
    })
}

fn erasure(row: &PgRow) -> Result<Erasure, sqlx::Error> {
    Ok(Erasure {
        subject: subject(row)?,
        actor: row.try_get("actor")?,
        erased_at: row.try_get::<Time, _>("erased_at")?.0,
        completed_at: row.try_get::<Option<Time>, _>("completed_at")?.map(|time| time.0),
    })
}

fn subject(row: &PgRow) -> Result<SubjectHash, sqlx::Error> {
    let bytes: &[u8] = row.try_get("subject")?;
    let damaged =
        |_| sqlx::Error::Decode(format!("a subject has {} bytes instead of 32", bytes.len()).into());
    bytes.try_into().map(SubjectHash).map_err(damaged)
}
