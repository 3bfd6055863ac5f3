//! The keys of subjects, in tables beside those of the log.
//!
//! What is erased is overwritten: the file of the store has `secure_delete`, and the write-ahead log is written into it and truncated after
//! an erasure.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    keys::{Erasure, KeyState, KeyStore, StoredKey, SubjectHash},
    time::Timestamp,
};
use async_trait::async_trait;
use sqlx::{Row, SqliteConnection, query, query_scalar, sqlite::SqliteRow};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    Sqlite,
    error::TransactionError,
    log::{Log, Operation},
    read::sql_limit,
    rows::json,
    settings::RETRY_INTERVAL,
    sql::Sql,
    stored_builds::id,
    write_transaction::{WriteTransaction, run_detached, secure_delete},
};

const FIND: Operation<'_> = Operation::Log("find keys of subjects in");
const ADD: Operation<'_> = Operation::Log("add keys of subjects to");
const ERASE: Operation<'_> = Operation::Log("erase a subject in");

#[async_trait]
impl KeyStore for Sqlite {
    fn describe_keys(&self) -> String {
        format!("keys in {}", self.log.title)
    }

    async fn hash_key(&self, new: StoredKey) -> Result<StoredKey, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| hash_key(connection, sql).await;
        if let Some(stored) = self.log.with_reader(FIND, find).await? {
            return Ok(stored);
        }
        run_detached(&self.log, ADD, move |mut transaction| {
            Box::pin(async move {
                let sql = &transaction.log.sql;
                let save = query(sql.save_hash_key.clone()).bind(new.id.to_string()).bind(&new.subject.0[..]);
                transaction.execute(save.bind(new.wrapped).bind(new.master)).await?;
                let stored = hash_key(transaction.connection(), sql).await?;
                transaction.commit(stored.ok_or(sqlx::Error::RowNotFound)?).await
            })
        })
        .await
    }

    async fn keys(&self, ids: &[Uuid]) -> Result<Vec<KeyState>, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| {
            let rows = query(sql.keys.clone()).bind(json(ids)).fetch_all(connection).await?;
            rows.iter().map(key_state).collect()
        };
        self.log.with_reader(FIND, find).await
    }

    /// Existing keys are only read: this takes no lock and works on a read-only file.
    async fn current_keys(&self, new: Vec<StoredKey>) -> Result<Vec<Option<StoredKey>>, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| current_keys(connection, sql, subjects_of(&new)).await;
        let found = self.log.with_reader(FIND, find).await?;
        if let Some(current) = CurrentKey::all(found) {
            return Ok(current);
        }
        let added = run_detached(&self.log, ADD, move |mut transaction| {
            Box::pin(async move {
                let sql = &transaction.log.sql;
                for StoredKey { id, subject, wrapped, master } in &new {
                    let insert = query(sql.insert_key.clone()).bind(id.to_string()).bind(&subject.0[..]);
                    transaction.execute(insert.bind(&wrapped[..]).bind(&master[..])).await?;
                }
                match CurrentKey::all(current_keys(transaction.connection(), sql, subjects_of(&new)).await?) {
                    Some(current) => transaction.commit(Some(current)).await,
                    None => transaction.rollback(None).await,
                }
            })
        });
        added.await?.ok_or_else(|| StoredKey::erased_error(self.log.describe(ADD)))
    }

    async fn keys_of(&self, subjects: &[SubjectHash]) -> Result<Vec<KeyState>, Error> {
        let Log { sql, .. } = &*self.log;
        let find = async |connection: &mut _| current_keys(connection, sql, subjects.iter()).await;
        let found = self.log.with_reader(FIND, find).await?;
        Ok(found.into_iter().map(CurrentKey::into_state).collect())
    }

    /// The bytes of the keys are overwritten in the file, and when no other connection reads an older state, in the write-ahead log.
    /// [`complete_erasure`](KeyStore::complete_erasure) fails while one does. Copies of the file and its backups keep them.
    async fn erase(&self, erasure: Erasure) -> Result<(), Error> {
        erase_in(&self.log, erasure, false).await
    }

    async fn erase_and_readmit(&self, erasure: Erasure) -> Result<(), Error> {
        erase_in(&self.log, erasure, true).await
    }

    async fn complete_erasure(&self, subject: SubjectHash, at: Timestamp) -> Result<(), Error> {
        let operation = Operation::Log("complete an erasure in");
        self.log.overwrite_erased(operation).await?;
        let complete = query(self.log.sql.complete_erasure.clone()).bind(subject.0.to_vec());
        self.log.write(operation, complete.bind(at.as_micros())).await.map(drop)
    }

    async fn readmit(&self, subject: SubjectHash) -> Result<bool, Error> {
        let readmit = query(self.log.sql.readmit.clone()).bind(subject.0.to_vec());
        Ok(self.log.write(Operation::Log("readmit a subject in"), readmit).await? > 0)
    }

    async fn erasure_count(&self) -> Result<u64, Error> {
        let Log { sql, .. } = &*self.log;
        let count = async |connection: &mut _| {
            let count: i64 = query_scalar(sql.erasure_count.clone()).fetch_one(connection).await?;
            Ok(count.unsigned_abs())
        };
        self.log.with_reader(Operation::Log("count the erasures in"), count).await
    }

    async fn erasures(&self, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        let Log { sql, .. } = &*self.log;
        let list = async |connection: &mut _| {
            let rows = query(sql.erasures.clone()).bind(only_incomplete).fetch_all(connection).await?;
            rows.iter().map(erasure).collect()
        };
        self.log.with_reader(Operation::Log("list the erasures in"), list).await
    }

    async fn keys_after(&self, after: Uuid, limit: usize) -> Result<Vec<StoredKey>, Error> {
        let Log { sql, .. } = &*self.log;
        let list = async |connection: &mut _| {
            let list = query(sql.keys_after.clone()).bind(after.to_string()).bind(sql_limit(limit));
            list.fetch_all(connection).await?.iter().map(key).collect()
        };
        self.log.with_reader(Operation::Log("list the keys of subjects in"), list).await
    }

    async fn rewrap(&self, key: &StoredKey) -> Result<(), Error> {
        let StoredKey { id, wrapped, master, .. } = key.clone();
        // On disk when it returns: the older master key may be thrown away then.
        run_detached(&self.log, Operation::Log("change a key of a subject in"), move |mut transaction| {
            Box::pin(async move {
                let sql = &transaction.log.sql;
                for statement in [&sql.rewrap_key, &sql.rewrap_hash_key] {
                    let rewrap = query(statement.clone()).bind(id.to_string());
                    transaction.execute(rewrap.bind(&wrapped[..]).bind(&master[..])).await?;
                }
                transaction.commit(()).await
            })
        })
        .await
    }
}

/// What a store has for a subject.
enum CurrentKey {
    Key(StoredKey),
    Erased,
    Missing,
}

impl CurrentKey {
    /// The keys of all subjects; `None` if one is missing.
    fn all(found: Vec<Self>) -> Option<Vec<Option<StoredKey>>> {
        let current = found.into_iter().map(|one| match one {
            Self::Key(key) => Some(Some(key)),
            Self::Erased => Some(None),
            Self::Missing => None,
        });
        current.collect()
    }

    fn into_state(self) -> KeyState {
        match self {
            Self::Key(key) => KeyState::Stored(key),
            Self::Erased => KeyState::Erased,
            Self::Missing => KeyState::Unknown,
        }
    }
}

fn subjects_of(keys: &[StoredKey]) -> impl Iterator<Item = &SubjectHash> {
    keys.iter().map(|key| &key.subject)
}

async fn current_keys<'a>(
    connection: &mut SqliteConnection,
    sql: &Sql,
    of: impl Iterator<Item = &'a SubjectHash>,
) -> Result<Vec<CurrentKey>, TransactionError> {
    let subjects: Vec<String> = of.map(hex).collect();
    let rows = query(sql.current_keys.clone()).bind(json(&subjects)).fetch_all(connection).await?;
    let current = rows.iter().map(|row| {
        Ok(match row.try_get("is_erased")? {
            true => CurrentKey::Erased,
            false if row.try_get::<Option<&str>, _>("id")?.is_none() => CurrentKey::Missing,
            false => CurrentKey::Key(key(row)?),
        })
    });
    current.collect()
}

async fn hash_key(
    connection: &mut SqliteConnection,
    sql: &Sql,
) -> Result<Option<StoredKey>, TransactionError> {
    let row = query(sql.hash_key.clone()).fetch_optional(connection).await?;
    row.as_ref().map(key).transpose()
}

/// Erases the keys of a subject, and permits new ones if it `readmits` the subject.
async fn erase_in(log: &Arc<Log>, erasure: Erasure, readmits: bool) -> Result<(), Error> {
    run_detached(log, ERASE, move |transaction| Box::pin(erase(transaction, erasure, readmits))).await?;
    // If it is in use, the completion repeats this.
    log.truncate_wal(ERASE).await.map(drop)
}

async fn erase(
    mut transaction: WriteTransaction<'_>,
    erasure: Erasure,
    readmits: bool,
) -> Result<(), TransactionError> {
    let Sql { insert_erasure, record_erased_keys, delete_keys, count_erasure, readmit, .. } =
        &*transaction.log.sql;
    // The connections of a user's pool may have another setting, which they keep.
    let setting = secure_delete(&mut transaction, 1).await?;
    let Erasure { subject: SubjectHash(subject), actor, erased_at, completed_at } = erasure;
    let insert = query(insert_erasure.clone()).bind(&subject[..]).bind(actor).bind(erased_at.as_micros());
    transaction.execute(insert.bind(completed_at.map(Timestamp::as_micros))).await?;
    for statement in [record_erased_keys, delete_keys] {
        transaction.execute(query(statement.clone()).bind(&subject[..])).await?;
    }
    if readmits {
        transaction.execute(query(readmit.clone()).bind(&subject[..])).await?;
    }
    transaction.execute(query(count_erasure.clone())).await?;
    secure_delete(&mut transaction, setting).await?;
    transaction.commit(()).await
}

impl Log {
    /// Runs a statement that writes, as a transaction of its own. Returns how many rows it changed.
    async fn write(
        &self,
        operation: Operation<'_>,
        statement: query::Query<'_, sqlx::Sqlite, sqlx::sqlite::SqliteArguments>,
    ) -> Result<u64, Error> {
        let mut connection = self.write_connection(operation).await?;
        let result = statement.execute(&mut *connection).await;
        self.finish(&mut connection, operation, result.map(|done| done.rows_affected()))
    }

    /// Overwrites what is deleted in the write-ahead log too.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if another connection reads an older state for longer than the busy timeout.
    pub(crate) async fn overwrite_erased(&self, operation: Operation<'_>) -> Result<(), Error> {
        let began = Instant::now();
        // SQLite waits for readers, and not for another checkpoint.
        while began.elapsed() < self.writer.limit() {
            if self.truncate_wal(operation).await? {
                return Ok(());
            }
            sleep(RETRY_INTERVAL).await;
        }
        let reason = "another connection of this program or of another process reads an older state of the file, so the write-ahead log still has what was deleted; look for a transaction that stays open";
        Err(Error::unavailable(self.describe(operation), reason))
    }

    /// Writes the write-ahead log into the file and truncates it. Returns `false` if another connection used it until the busy timeout.
    async fn truncate_wal(&self, operation: Operation<'_>) -> Result<bool, Error> {
        let mut connection = self.write_connection(operation).await?;
        let truncated = query(self.sql.truncate_wal.clone()).fetch_one(&mut *connection).await;
        let is_done = truncated.and_then(|row| row.try_get::<i64, _>("busy")).map(|busy| busy == 0);
        self.finish(&mut connection, operation, is_done)
    }
}

fn key_state(row: &SqliteRow) -> Result<KeyState, TransactionError> {
    Ok(match row.try_get("is_erased")? {
        true => KeyState::Erased,
        false if row.try_get::<Option<&[u8]>, _>("subject")?.is_none() => KeyState::Unknown,
        false => KeyState::Stored(key(row)?),
    })
}

fn key(row: &SqliteRow) -> Result<StoredKey, TransactionError> {
    Ok(StoredKey {
        id: id(row.try_get("id")?)?,
        subject: subject(row)?,
        wrapped: row.try_get("wrapped")?,
        master: row.try_get("master")?,
    })
}

fn erasure(row: &SqliteRow) -> Result<Erasure, TransactionError> {
    Ok(Erasure {
        subject: subject(row)?,
        actor: row.try_get("actor")?,
        erased_at: Timestamp::from_micros(row.try_get("erased_at")?),
        completed_at: row.try_get::<Option<i64>, _>("completed_at")?.map(Timestamp::from_micros),
    })
}

fn subject(row: &SqliteRow) -> Result<SubjectHash, TransactionError> {
    let bytes: &[u8] = row.try_get("subject")?;
    let damaged =
        |_| TransactionError::Unusable(format!("a subject has {} bytes instead of 32", bytes.len()));
    bytes.try_into().map(SubjectHash).map_err(damaged)
}

/// The hexadecimal digits of a subject.
fn hex(SubjectHash(bytes): &SubjectHash) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
