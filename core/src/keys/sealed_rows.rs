//! A row store whose secrets are encrypted at rest.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{KeyRing, sealed_tags::text_hash};
use crate::{
    error::{Error, Invalid},
    finding::{VerifyCursor, VerifyPage},
    log_id::LogId,
    rows::{
        Bound, Build, Checkpoint, Claim, CommitOutcome, Filter, FollowerRequests, Inline, InlineOutcome, Key,
        Parked, PromoteOutcome, Role, Row, RowChange, RowQuery, RowStore, SharedRows, Table, Value, key_text,
    },
    secret::{CipherKey, Sealed, forgotten_json, secret_json, with_key},
    tag::Tag,
};

/// What a store has in place of a secret that was forgotten when it was written.
pub(super) const FORGOTTEN: &str = "forgotten";

/// Encrypts the secrets of rows before another store gets them, and decrypts them after they were read, with the keys of one query at once.
///
/// A secret that was read from an event is encrypted with the key of the event: it is forgotten with it, whatever happens meanwhile. The same
/// secret in the same row has the same text in each build, so stores compare builds as they are.
#[derive(Clone)]
pub(crate) struct SealedRows {
    pub(super) inner: SharedRows,
    pub(super) ring: Arc<KeyRing>,
}

pub(super) type Keys = HashMap<Uuid, Option<CipherKey>>;

/// A known secret of a row in memory.
struct Known {
    subject: Tag,
    /// The key with which it was encrypted where it was read.
    key: Option<Uuid>,
    /// The value as JSON.
    value: String,
}

impl Known {
    /// Reads the form in memory; `None` if it is forgotten.
    fn parse(text: &str) -> Result<Option<Self>, Invalid> {
        #[derive(Deserialize)]
        struct Form<'a> {
            #[serde(borrow, rename = "$secret")]
            secret: Option<Content<'a>>,
        }
        #[derive(Deserialize)]
        struct Content<'a> {
            subject: Tag,
            key: Option<Uuid>,
            #[serde(borrow)]
            value: &'a RawValue,
        }
        let form: Form<'_> = serde_json::from_str(text).map_err(|_| Invalid::SecretForm)?;
        let known = form.secret.map(|Content { subject, key, value }| Self {
            subject,
            key,
            value: value.get().to_owned(),
        });
        Ok(known)
    }
}

/// What rows are encrypted with.
struct SealingKeys {
    by_id: Keys,
    /// The current key of each subject; `None` if it is forgotten.
    current: HashMap<Tag, Option<(Uuid, CipherKey)>>,
    /// The key of the lookup of each column that has one.
    lookups: HashMap<usize, CipherKey>,
}

impl SealingKeys {
    /// The key of a secret; `None` if it is forgotten.
    fn of(&self, known: &Known) -> Option<(Uuid, &CipherKey)> {
        match known.key {
            Some(id) => Some((id, self.by_id.get(&id)?.as_ref()?)),
            None => self.current.get(&known.subject)?.as_ref().map(|(id, key)| (*id, key)),
        }
    }
}

impl SealedRows {
    /// The row store of a table: encrypted if a column of it is a secret.
    pub(crate) fn of(table: &Table, inner: SharedRows, ring: &Arc<KeyRing>) -> SharedRows {
        match table.has_secrets() {
            true => Arc::new(Self { inner, ring: Arc::clone(ring) }),
            false => inner,
        }
    }

    /// Encrypts the secrets of rows.
    async fn seal(&self, table: &Table, rows: &mut [Row]) -> Result<(), Error> {
        let mut known = Vec::new();
        for (row, values) in rows.iter().enumerate() {
            for column in secrets(table) {
                if let Some(Value::Text(text)) = values.get(column) {
                    known.push((row, column, Known::parse(text)?));
                }
            }
        }
        let keys = self.sealing_keys(table, known.iter().filter_map(|(.., known)| known.as_ref())).await?;
        for (row, column, known) in known {
            let values = &mut rows[row];
            let (sealed, lookup) = self.seal_one(table, values, column, known.as_ref(), &keys)?;
            values[column] = Value::Text(sealed);
            if has_lookup(table, column) {
                values[column + 1] = lookup;
            }
        }
        Ok(())
    }

    /// The text of a secret in the store, and its lookup.
    fn seal_one(
        &self,
        table: &Table,
        row: &Row,
        column: usize,
        known: Option<&Known>,
        keys: &SealingKeys,
    ) -> Result<(String, Value), Error> {
        let Some((known, (id, key))) = known.and_then(|known| Some((known, keys.of(known)?))) else {
            return Ok((FORGOTTEN.to_owned(), Value::Null));
        };
        let (owner, path) = (owner(table, row), table.columns[column].name);
        let json = secret_json(&known.subject, &known.value);
        let sealed = Sealed::seal_again(id, key, &owner, path, &json);
        let sealed = sealed.map_err(|reason| Error::unavailable("encrypt a secret of a row", reason))?;
        let lookup = keys.lookups.get(&column).map(|key| lookup(key, &known.value)).transpose()?;
        Ok((sealed.0, lookup.map_or(Value::Null, Value::Text)))
    }

    async fn sealing_keys<'a>(
        &self,
        table: &Table,
        known: impl Iterator<Item = &'a Known>,
    ) -> Result<SealingKeys, Error> {
        let (mut ids, mut subjects) = (BTreeSet::new(), BTreeSet::new());
        for known in known {
            match known.key {
                Some(id) => drop(ids.insert(id)),
                None => drop(subjects.insert(known.subject.clone())),
            }
        }
        let mut lookups = HashMap::new();
        if !(ids.is_empty() && subjects.is_empty()) {
            for column in secrets(table).filter(|column| has_lookup(table, *column)) {
                let keys = self.ring.current(&[lookup_subject(table, column)?]).await?;
                lookups.extend(keys.into_iter().map(|(_, key)| (column, key)));
            }
        }
        let by_id = self.by_id(ids).await?;
        Ok(SealingKeys { by_id, current: self.current(subjects).await?, lookups })
    }

    /// The current key of each subject; `None` for one that is forgotten.
    async fn current(
        &self,
        subjects: BTreeSet<Tag>,
    ) -> Result<HashMap<Tag, Option<(Uuid, CipherKey)>>, Error> {
        let subjects: Vec<Tag> = subjects.into_iter().collect();
        if subjects.is_empty() {
            return Ok(HashMap::new());
        }
        match self.ring.current(&subjects).await {
            Ok(keys) => Ok(subjects.into_iter().zip(keys.into_iter().map(Some)).collect()),
            Err(Error::Invalid(Invalid::SubjectForgotten)) => {
                let mut current = HashMap::new();
                for subject in subjects {
                    let key = match self.ring.current(std::slice::from_ref(&subject)).await {
                        Ok(keys) => keys.into_iter().next(),
                        Err(Error::Invalid(Invalid::SubjectForgotten)) => None,
                        Err(error) => return Err(error),
                    };
                    current.insert(subject, key);
                }
                Ok(current)
            }
            Err(error) => Err(error),
        }
    }

    async fn by_id(&self, ids: BTreeSet<Uuid>) -> Result<Keys, Error> {
        match ids.is_empty() {
            true => Ok(Keys::new()),
            false => self.ring.by_id(&ids.into_iter().collect::<Vec<_>>()).await,
        }
    }

    /// The keys of all secrets of rows, by one call.
    pub(super) async fn keys_of<'a>(
        &self,
        table: &Table,
        rows: impl Iterator<Item = &'a Row> + Send,
    ) -> Result<Keys, Error> {
        let sealed = rows.flat_map(|row| secrets(table).filter_map(|column| sealed_in(row, column)));
        let ids: BTreeSet<Uuid> = sealed.filter_map(|sealed| sealed.key()).collect();
        self.by_id(ids).await
    }

    /// Decrypts the secrets of rows.
    async fn unseal<'a>(
        &self,
        table: &Table,
        rows: impl Iterator<Item = &'a mut Row> + Send,
    ) -> Result<(), Error> {
        let rows: Vec<&mut Row> = rows.collect();
        let keys = self.keys_of(table, rows.iter().map(|row| &**row)).await?;
        for row in rows {
            let owner = owner(table, row);
            for column in secrets(table) {
                if let Some(Value::Text(text)) = row.get(column) {
                    row[column] = Value::Text(unseal(table, row, column, &owner, text, &keys)?);
                }
            }
        }
        Ok(())
    }

    /// The query with the lookups of the store in place of the values that are looked for; `None` if no row can have one of them.
    async fn seal_query<'a>(&self, query: &RowQuery<'a>) -> Result<Option<RowQuery<'a>>, Error> {
        let mut sealed = query.clone();
        for Filter { column, bound } in &mut sealed.filters {
            let is_lookup = query.table.columns.get(*column).is_some_and(|one| one.role == Role::Lookup);
            if let (true, Bound::Equal(Value::Text(value))) = (is_lookup, &*bound) {
                let subject = lookup_subject(query.table, column.saturating_sub(1))?;
                let key = self.ring.find(&[subject]).await?.into_iter().next().flatten();
                let Some(key) = key else { return Ok(None) };
                *bound = Bound::Equal(Value::Text(lookup(&key, wanted_value(value)?)?));
            }
        }
        Ok(Some(sealed))
    }
}

/// The columns that are secrets.
pub(super) fn secrets(table: &Table) -> impl Iterator<Item = usize> + use<> {
    let columns = table.columns.iter().enumerate();
    columns.filter(|(_, column)| column.role == Role::Encrypted).map(|(index, _)| index)
}

pub(super) fn has_lookup(table: &Table, column: usize) -> bool {
    table.columns.get(column + 1).is_some_and(|next| next.role == Role::Lookup)
}

fn has_lookups(table: &Table) -> bool {
    table.columns.iter().any(|column| column.role == Role::Lookup)
}

/// The encrypted secret in a column of a row of the store.
pub(super) fn sealed_in(row: &Row, column: usize) -> Option<Sealed> {
    match row.get(column) {
        Some(Value::Text(text)) if text != FORGOTTEN => Some(Sealed(text.clone())),
        _ => None,
    }
}

/// The bytes to which the secrets of a row are bound: the projection and the key of the row. The name of the column is their path.
fn owner(table: &Table, row: &Row) -> Vec<u8> {
    format!("row {} {}", table.projection, key_text(&table.key_of(row))).into_bytes()
}

/// The subject whose key hashes the values of a secret column. It is never forgotten.
fn lookup_subject(table: &Table, column: usize) -> Result<Tag, Invalid> {
    let name = table.columns.get(column).map_or("", |column| column.name);
    Tag::new("annalist_lookup", format_args!("{}.{name}", table.projection))
}

/// The lookup of a value, which is JSON.
fn lookup(key: &CipherKey, value: &str) -> Result<String, Error> {
    text_hash(key, "annalist lookup", value)
}

/// The value in the filter of a lookup, as JSON.
fn wanted_value(filter: &str) -> Result<&str, Invalid> {
    let value = filter.strip_prefix("{\"$secret\":").and_then(|rest| rest.strip_suffix('}'));
    value.ok_or(Invalid::SecretForm)
}

/// The form in memory of a secret of the store.
fn unseal(
    table: &Table,
    row: &Row,
    column: usize,
    owner: &[u8],
    text: &str,
    keys: &Keys,
) -> Result<String, Invalid> {
    if text == FORGOTTEN {
        return Ok(forgotten_json());
    }
    let path = table.columns[column].name;
    let damaged = || Invalid::DamagedSecret {
        of: format!("the row {} of `{}`", key_text(&table.key_of(row)), table.name()),
        path: path.to_owned(),
    };
    let sealed = Sealed(text.to_owned());
    let id = sealed.key().ok_or_else(damaged)?;
    match keys.get(&id).ok_or_else(damaged)? {
        Some(key) => Ok(with_key(&sealed.unseal(key, owner, path).ok_or_else(damaged)?, id)),
        None => Ok(forgotten_json()),
    }
}

#[async_trait]
impl RowStore for SealedRows {
    fn describe_rows(&self) -> String {
        self.inner.describe_rows()
    }

    async fn builds(&self, projection: &str) -> Result<Vec<Build>, Error> {
        self.inner.builds(projection).await
    }

    async fn define(&self, table: &Table, events: &str, log: LogId) -> Result<Checkpoint, Error> {
        self.inner.define(table, events, log).await
    }

    async fn rows(&self, table: &Table, keys: &[Key]) -> Result<Vec<Option<Row>>, Error> {
        let mut rows = self.inner.rows(table, keys).await?;
        self.unseal(table, rows.iter_mut().flatten()).await?;
        Ok(rows)
    }

    async fn commit(&self, mut change: RowChange) -> Result<CommitOutcome, Error> {
        let generation = self.ring.generation();
        self.seal(&change.table, &mut change.upserts).await?;
        match has_lookups(&change.table) && !change.upserts.is_empty() {
            true => self.commit_lookups(change, generation).await,
            false => self.inner.commit(change).await,
        }
    }

    async fn report(&self, table: &Table, stopped: Option<&str>) -> Result<(), Error> {
        self.inner.report(table, stopped).await
    }

    async fn replace_claim(
        &self,
        table: &Table,
        expected: Option<Claim>,
        claim: Option<Claim>,
    ) -> Result<bool, Error> {
        self.inner.replace_claim(table, expected, claim).await
    }

    async fn replace_requests(&self, table: &Table, requests: &FollowerRequests) -> Result<bool, Error> {
        self.inner.replace_requests(table, requests).await
    }

    async fn find(&self, query: &RowQuery<'_>) -> Result<Vec<Row>, Error> {
        let Some(sealed) = self.seal_query(query).await? else { return Ok(Vec::new()) };
        let mut rows = self.inner.find(&sealed).await?;
        self.unseal(query.table, rows.iter_mut()).await?;
        Ok(rows)
    }

    async fn count_rows(&self, query: &RowQuery<'_>) -> Result<u64, Error> {
        match self.seal_query(query).await? {
            Some(sealed) => self.inner.count_rows(&sealed).await,
            None => Ok(0),
        }
    }

    async fn sum_column(&self, query: &RowQuery<'_>, column: usize) -> Result<i128, Error> {
        match self.seal_query(query).await? {
            Some(sealed) => self.inner.sum_column(&sealed, column).await,
            None => query.table.check_sum(column).map(|()| 0).map_err(Error::from),
        }
    }

    async fn parked(&self, table: &Table) -> Result<Vec<Parked>, Error> {
        self.inner.parked(table).await
    }

    /// Builds whose secrets are forgotten in both may differ in their texts: these are replaced before the comparison that counts.
    async fn promote(&self, table: &Table, compare: bool) -> Result<PromoteOutcome, Error> {
        let outcome = self.inner.promote(table, compare).await?;
        if !matches!(outcome, PromoteOutcome::Differs(_)) {
            return Ok(outcome);
        }
        let builds = self.inner.builds(table.projection).await?;
        for build in builds.iter().filter(|build| build.live || build.order() == table.order()) {
            self.remove_forgotten(&Table { version: build.version, ..table.built(build.build) }).await?;
        }
        self.inner.promote(table, compare).await
    }

    async fn discard(&self, table: &Table) -> Result<bool, Error> {
        self.inner.discard(table).await
    }

    async fn overwrite_deleted(&self) -> Result<(), Error> {
        self.inner.overwrite_deleted().await
    }

    async fn remove_forgotten(&self, table: &Table) -> Result<(), Error> {
        self.clean(table).await
    }

    fn as_stored(&self) -> Option<&SharedRows> {
        Some(&self.inner)
    }

    async fn make_inline(&self, inline: Arc<dyn Inline>) -> Result<InlineOutcome, Error> {
        let reason = "rows with secrets are encrypted by the app, which an append cannot wait for; run the projection in the background";
        Err(Error::unusable(format!("make `{}` inline", inline.table().name()), reason))
    }

    async fn make_async(&self, table: &Table) -> Result<Checkpoint, Error> {
        self.inner.make_async(table).await
    }

    async fn verify_rows(&self, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify_rows(after).await
    }
}
