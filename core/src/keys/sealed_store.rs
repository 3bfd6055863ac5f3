//! An event store whose secrets are encrypted at rest.

use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    KeyRing,
    sealed_reads::{Chunk, marker_of_generation, sealed_reads},
    sealed_rejections::{owner_of_command, seal_rejections, unseal_rejections},
    sealed_tags::{SealedTags, is_sealed, secret_tags},
};
use crate::{
    criteria::Criteria,
    error::{Error, Invalid},
    finding::{VerifyCursor, VerifyPage},
    payload::Payload,
    record::{Draft, Position, Record},
    rows::SharedRows,
    secret::{
        CipherKey, Sealed, contains_sealed, contains_secret, forgotten_json, rewrite_sealed, rewrite_secrets,
        sealed_keys, secret_json, with_key,
    },
    store::{
        AcceptedCommand, Append, AppendOutcome, Archive, ArchiveStep, Batch, CommandKey, Entry, EventRef,
        EventStore, FeedPage, ImportTransaction, LOSSES_BITS, LogId, Marker, PageLimit, Prefix, Read,
        Receipt, Reservation, RestoreStep, Rewrite, RewriteStep, SeenLog, Settled, Snapshot, SnapshotKey,
        StoredType, Successors, Wakeups, losses, read_in_pages,
    },
    tag::Tag,
    time::Timestamp,
};

/// Encrypts the secrets of events and of journaled commands with the keys of their subjects before another store gets them, and
/// decrypts them after they were read. Snapshots are encrypted as a whole.
pub(crate) struct SealedStore {
    inner: Arc<dyn EventStore>,
    ring: Arc<KeyRing>,
}

/// Where a secret is stored.
struct Location<'a> {
    owner: &'a [u8],
    /// The thing that has the secret, for messages.
    what: &'a dyn Fn() -> String,
}

impl SealedStore {
    pub(crate) fn new(inner: Arc<dyn EventStore>, ring: Arc<KeyRing>) -> Self {
        Self { inner, ring }
    }

    /// The store of what is encrypted.
    pub(crate) fn inner(&self) -> &Arc<dyn EventStore> {
        &self.inner
    }

    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Encrypts all secrets of the appends, and replaces the tags of personal ids. The keys of ids that are used for the first time are made: of
    /// two processes, both get that of the first.
    async fn seal_appends(&self, mut appends: Vec<Append>) -> Result<Vec<Append>, Error> {
        seal_rejections(&self.ring, &Self::snapshots()?, &mut appends).await?;
        let mut subjects = BTreeSet::new();
        subjects.extend(appends.iter().flat_map(tags_of).filter(|tag| tag.is_secret()).cloned());
        for json in appends.iter().flat_map(payloads) {
            collect_subjects(json, &mut subjects)?;
        }
        if subjects.is_empty() {
            return Ok(appends);
        }
        let subjects: Vec<Tag> = subjects.into_iter().collect();
        let keys = self.ring.current(&subjects).await?;
        let keys: HashMap<Tag, (Uuid, CipherKey)> = subjects.into_iter().zip(keys).collect();
        let tags = SealedTags::of(keys.iter().map(|(tag, (_, key))| (tag, Some(key))))?;
        for append in &mut appends {
            for condition in &mut append.conditions {
                condition.criteria = tags.seal(&condition.criteria);
            }
            if let Some(journal) = &mut append.journal {
                journal.body = seal(&keys, &owner_of_command(&append.metadata), &journal.body)?;
            }
            for draft in &mut append.events {
                if contains_secret(draft.data().as_str()) {
                    draft.set_data(seal(&keys, draft.id().as_bytes(), draft.data())?);
                }
                if draft.tags().iter().any(Tag::is_secret) {
                    draft.set_tags(tags.seal_all(draft.tags()));
                }
            }
        }
        Ok(appends)
    }

    /// Decrypts all secrets of records. Their tags become those of the personal ids in the payload, or of these ids, by which they were read.
    pub(super) async fn unseal_records(&self, records: &mut [Record], by: &SealedTags) -> Result<(), Error> {
        let keys = self.keys_of(records.iter().map(|record| record.data.as_str())).await?;
        for record in records {
            let mut found = SealedTags::default();
            if contains_sealed(record.data.as_str()) {
                let Record { position, id, .. } = *record;
                let location =
                    Location { owner: id.as_bytes(), what: &|| format!("the event at position {position}") };
                let subjects = record.tags.iter().any(is_sealed).then_some(&mut found);
                record.data = unseal(&keys, &location, &record.data, subjects)?;
            }
            by.unseal_all(&mut record.tags);
            found.unseal_all(&mut record.tags);
        }
        Ok(())
    }

    /// What the log has for the personal ids in criteria.
    async fn tags_in(&self, criteria: impl Iterator<Item = &Criteria> + Send) -> Result<SealedTags, Error> {
        let tags: BTreeSet<&Tag> = criteria.flat_map(secret_tags).collect();
        self.find_tags(tags.into_iter().cloned().collect()).await
    }

    async fn find_tags(&self, tags: Vec<Tag>) -> Result<SealedTags, Error> {
        if tags.is_empty() {
            return Ok(SealedTags::default());
        }
        let keys = self.ring.find(&tags).await?;
        SealedTags::of(tags.iter().zip(keys.iter().map(Option::as_ref)))
    }

    /// What the log has for these ids now, if one that had never been used is used meanwhile. A read that began before has to be
    /// repeated: an event with the id may be in what it has read.
    async fn newer_than(&self, tags: &SealedTags) -> Result<Option<SealedTags>, Error> {
        if !tags.has_unused() {
            return Ok(None);
        }
        let newer = self.find_tags(tags.all().cloned().collect()).await?;
        Ok((newer != *tags).then_some(newer))
    }

    /// The keys of all secrets in some texts.
    async fn keys_of<'a>(&self, texts: impl Iterator<Item = &'a str> + Send) -> Result<Keys, Error> {
        let mut ids: Vec<Uuid> = texts.flat_map(sealed_keys).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Keys::new());
        }
        self.ring.by_id(&ids).await
    }

    /// The subject of all snapshots. Whenever a subject is forgotten, it is too: a state may have copies of secrets.
    pub(crate) fn snapshots() -> Result<Tag, Invalid> {
        Tag::new("annalist_snapshots", "all")
    }
}

type Keys = HashMap<Uuid, Option<CipherKey>>;

/// The tags of an append.
fn tags_of(append: &Append) -> impl Iterator<Item = &Tag> {
    let conditions = append.conditions.iter().flat_map(|condition| secret_tags(&condition.criteria));
    conditions.chain(append.events.iter().flat_map(Draft::tags))
}

/// The texts of an append that may have secrets.
fn payloads(append: &Append) -> impl Iterator<Item = &str> {
    let body = append.journal.iter().map(|journal| journal.body.as_str());
    body.chain(append.events.iter().map(|draft| draft.data().as_str()))
}

/// The bytes to which a snapshot is bound. The key is the one that the log has.
fn owner_of_snapshot(key: &SnapshotKey) -> Vec<u8> {
    format!("snapshot {} {}", key.aggregate, key.tag_text()).into_bytes()
}

fn collect_subjects(json: &str, subjects: &mut BTreeSet<Tag>) -> Result<(), Invalid> {
    if contains_sealed(json) {
        return Err(Invalid::SecretForm);
    }
    if contains_secret(json) {
        rewrite_secrets::<Invalid>(json, &mut |_, subject, _| {
            subjects.insert(subject.ok_or(Invalid::SecretForm)?);
            Ok(String::new())
        })?;
    }
    Ok(())
}

/// Encrypts the secrets of a text.
fn seal(keys: &HashMap<Tag, (Uuid, CipherKey)>, owner: &[u8], json: &Payload) -> Result<Payload, Error> {
    let sealed = rewrite_secrets::<Error>(json.as_str(), &mut |path, subject, value| {
        let subject = subject.ok_or(Invalid::SecretForm)?;
        let (id, key) = keys.get(&subject).ok_or(Invalid::SecretForm)?;
        // The subject is encrypted too: a program that reads the secret learns whose it is.
        let secret = Sealed::seal(*id, key, owner, path, &secret_json(&subject, value));
        Ok(secret.map_err(|reason| Error::unavailable("encrypt a secret", reason))?.to_json())
    })?;
    Ok(Payload::from_stored(sealed))
}

/// Decrypts the secrets of a text. Collects their subjects in `found`, as the log has them as tags.
fn unseal(
    keys: &Keys,
    location: &Location<'_>,
    json: &Payload,
    mut found: Option<&mut SealedTags>,
) -> Result<Payload, Error> {
    let plain = rewrite_sealed::<Error>(json.as_str(), &mut |path, sealed| {
        let damaged = || Invalid::DamagedSecret { of: (location.what)(), path: path.to_owned() };
        let id = sealed.key().ok_or_else(damaged)?;
        match keys.get(&id).ok_or_else(damaged)? {
            Some(key) => {
                let plain = sealed.unseal(key, location.owner, path).ok_or_else(damaged)?;
                if let Some(found) = &mut found {
                    rewrite_secrets::<Error>(&plain, &mut |_, subject, _| {
                        subject.map_or(Ok(()), |subject| found.add(&subject, Some(key)))?;
                        Ok("null".to_owned())
                    })?;
                }
                Ok(with_key(&plain, id))
            }
            None => Ok(forgotten_json()),
        }
    })?;
    Ok(Payload::from_stored(plain))
}

#[async_trait]
impl EventStore for SealedStore {
    fn describe(&self) -> String {
        self.inner.describe()
    }

    fn log_id(&self) -> LogId {
        self.inner.log_id()
    }

    /// It changes when a subject is forgotten: what was read before may have its secrets.
    fn epoch(&self) -> u64 {
        u64::from(self.ring.generation()) << LOSSES_BITS | self.inner.epoch()
    }

    async fn read(&self, reads: &[Read]) -> Result<Vec<Batch>, Error> {
        // A state that is continued by this read may have secrets that are forgotten.
        self.ring.discard_stale().await;
        let generation = self.ring.generation();
        let mut tags = self.tags_in(reads.iter().map(|read| &read.criteria)).await?;
        let mut batches = loop {
            let batches = self.inner.read(&sealed_reads(&tags, reads)).await?;
            match self.newer_than(&tags).await? {
                Some(newer) => tags = newer,
                None => break batches,
            }
        };
        for batch in &mut batches {
            self.unseal_records(&mut batch.records, &tags).await?;
            batch.marker = marker_of_generation(batch.marker, generation);
        }
        Ok(batches)
    }

    /// In one read if all records are about one chunk, otherwise in pages: the keys are loaded before `each` gets a chunk.
    async fn read_all_chunked(
        &self,
        reads: &[Read],
        each: &mut (dyn FnMut(usize, Vec<Record>) -> Result<(), Error> + Send),
    ) -> Result<Vec<Marker>, Error> {
        self.ring.discard_stale().await;
        let generation = self.ring.generation();
        let tags = self.tags_in(reads.iter().map(|read| &read.criteria)).await?;
        let mut chunk = Chunk::default();
        let sealed = sealed_reads(&tags, reads);
        let read =
            self.inner.read_all_chunked(&sealed, &mut |index, records| chunk.add(index, records)).await;
        let markers = match read {
            Err(_) if chunk.is_exceeded => return read_in_pages(self, reads, each).await,
            read => read?,
        };
        if self.newer_than(&tags).await?.is_some() {
            return read_in_pages(self, reads, each).await;
        }
        for (index, mut records) in chunk.parts {
            self.unseal_records(&mut records, &tags).await?;
            each(index, records)?;
        }
        Ok(markers.into_iter().map(|marker| marker_of_generation(marker, generation)).collect())
    }

    async fn append(&self, mut appends: Vec<Append>) -> Result<AppendOutcome, Error> {
        let (epoch, generation) = (self.epoch(), self.ring.generation());
        let gone_back = || SeenLog::has_gone_back(format!("append to the {}", self.describe()));
        let conditions = appends.iter_mut().flat_map(|append| &mut append.conditions);
        let mut markers = conditions.map(|condition| &mut condition.marker);
        markers.try_for_each(|marker| match marker.is_of_epoch(epoch) {
            true => {
                *marker = marker.in_epoch(losses(marker.epoch()));
                Ok(())
            }
            false => Err(gone_back()),
        })?;
        let appends = self.seal_appends(appends).await?;
        // A personal id that was forgotten meanwhile has another tag, under which the markers do not hold.
        if self.ring.generation() != generation {
            return Err(gone_back());
        }
        self.inner.append(appends).await
    }

    async fn reserve(&self, criteria: &[Criteria]) -> Reservation {
        match self.tags_in(criteria.iter()).await {
            Ok(tags) if !tags.has_unused() => {
                let criteria: Vec<Criteria> = criteria.iter().map(|one| tags.seal(one)).collect();
                self.inner.reserve(&criteria).await
            }
            _ => Reservation::none(),
        }
    }

    fn max_batch(&self) -> usize {
        self.inner.max_batch()
    }

    async fn receipt(&self, key: &CommandKey) -> Result<Option<Receipt>, Error> {
        self.inner.receipt(key).await
    }

    async fn feed(&self, filter: &Criteria, after: Position, limit: PageLimit) -> Result<FeedPage, Error> {
        let mut tags = self.tags_in([filter].into_iter()).await?;
        loop {
            let mut page = self.inner.feed(&tags.seal(filter), after, limit).await?;
            if let Some(newer) = self.newer_than(&tags).await? {
                tags = newer;
                continue;
            }
            self.unseal_records(&mut page.records, &tags).await?;
            return Ok(page);
        }
    }

    async fn recent_page(
        &self,
        filter: &Criteria,
        after: Position,
        limit: PageLimit,
    ) -> Result<Option<FeedPage>, Error> {
        let tags = self.tags_in([filter].into_iter()).await?;
        let mut page = self.inner.recent_page(&tags.seal(filter), after, limit).await?;
        // The feed repeats what an id that is used meanwhile may have changed.
        if self.newer_than(&tags).await?.is_some() {
            return Ok(None);
        }
        if let Some(page) = &mut page {
            self.unseal_records(&mut page.records, &tags).await?;
        }
        Ok(page)
    }

    async fn settled(&self) -> Result<Settled, Error> {
        self.inner.settled().await
    }

    fn known_settled(&self) -> Position {
        self.inner.known_settled()
    }

    fn wakeups(&self) -> Wakeups {
        self.inner.wakeups()
    }

    async fn prefix_at(&self, time: Timestamp) -> Result<Prefix, Error> {
        self.inner.prefix_at(time).await
    }

    async fn journal(&self, after: u64, limit: PageLimit) -> Result<Vec<Entry>, Error> {
        let mut entries = self.inner.journal(after, limit).await?;
        unseal_rejections(&self.ring, &mut entries).await?;
        let keys = self.keys_of(entries.iter().map(|entry| entry.body.as_str())).await?;
        for entry in entries.iter_mut().filter(|entry| contains_sealed(entry.body.as_str())) {
            let (owner, number) = (owner_of_command(&entry.metadata), entry.number);
            let location = Location { owner: &owner, what: &|| format!("the journal entry {number}") };
            entry.body = unseal(&keys, &location, &entry.body, None)?;
        }
        Ok(entries)
    }

    async fn command_ids(&self, after: &str, limit: PageLimit) -> Result<Vec<AcceptedCommand>, Error> {
        self.inner.command_ids(after, limit).await
    }

    async fn import(&self) -> Result<Box<dyn ImportTransaction>, Error> {
        self.inner.import().await
    }

    fn row_store(&self) -> Option<SharedRows> {
        self.inner.row_store()
    }

    fn as_stored(&self) -> Option<&dyn EventStore> {
        Some(&*self.inner)
    }

    async fn count(&self, criteria: &Criteria, after: Position, up_to: Position) -> Result<u64, Error> {
        let tags = self.tags_in([criteria].into_iter()).await?;
        self.inner.count(&tags.seal(criteria), after, up_to).await
    }

    async fn stored_types(&self) -> Result<Vec<StoredType>, Error> {
        self.inner.stored_types().await
    }

    async fn count_type(&self, name: &str, version: Option<u32>, limit: u64) -> Result<u64, Error> {
        self.inner.count_type(name, version, limit).await
    }

    async fn successors(&self) -> Result<Successors, Error> {
        self.inner.successors().await
    }

    async fn rewrite(&self, step: RewriteStep) -> Result<Rewrite, Error> {
        self.inner.rewrite(step).await
    }

    async fn overwrite_replaced(&self) -> Result<(), Error> {
        self.inner.overwrite_replaced().await
    }

    async fn archives(&self) -> Result<Vec<Archive>, Error> {
        self.inner.archives().await
    }

    async fn tombstones(&self, after: Position, limit: PageLimit) -> Result<Vec<EventRef>, Error> {
        self.inner.tombstones(after, limit).await
    }

    async fn archive(&self, step: ArchiveStep) -> Result<Archive, Error> {
        self.inner.archive(step).await
    }

    async fn restore(&self, step: RestoreStep) -> Result<Archive, Error> {
        self.inner.restore(step).await
    }

    async fn event_at(&self, position: Position) -> Result<Option<EventRef>, Error> {
        self.inner.event_at(position).await
    }

    async fn snapshot(&self, key: &SnapshotKey) -> Result<Option<Snapshot>, Error> {
        let tags = self.find_tags(key.tag.iter().filter(|tag| tag.is_secret()).cloned().collect()).await?;
        if tags.has_unused() {
            return Ok(None);
        }
        let key = &tags.seal_key(key);
        let Some(snapshot) = self.inner.snapshot(key).await? else { return Ok(None) };
        let keys = self.keys_of([snapshot.state.as_str()].into_iter()).await?;
        // An erased key: the state is folded again.
        let Some(Some(_)) = keys.values().next() else { return Ok(None) };
        let owner = owner_of_snapshot(key);
        let location = Location {
            owner: &owner,
            what: &|| format!("the snapshot of `{}` {:?}", key.aggregate, key.shown_tag()),
        };
        let state = unseal(&keys, &location, &snapshot.state, None)?;
        Ok(Some(Snapshot { state, ..snapshot }))
    }

    async fn save_snapshot(&self, key: &SnapshotKey, snapshot: &Snapshot) -> Result<(), Error> {
        let tags = self.find_tags(key.tag.iter().filter(|tag| tag.is_secret()).cloned().collect()).await?;
        // The id is forgotten, and free again.
        if tags.has_unused() {
            return Ok(());
        }
        let key = &tags.seal_key(key);
        let keys = self.ring.current(&[Self::snapshots()?]).await?;
        let Some((id, cipher)) = keys.first() else { return Ok(()) };
        let sealed = Sealed::seal(*id, cipher, &owner_of_snapshot(key), "", snapshot.state.as_str());
        let sealed = sealed.map_err(|reason| Error::unavailable("encrypt a snapshot", reason))?;
        let state = Payload::from_stored(sealed.to_json());
        self.inner.save_snapshot(key, &Snapshot { state, ..snapshot.clone() }).await
    }

    async fn purge_command_ids(&self, before: Timestamp, ids: Range<&str>) -> Result<u64, Error> {
        self.inner.purge_command_ids(before, ids).await
    }

    async fn purge_journal(&self, before: Timestamp) -> Result<u64, Error> {
        self.inner.purge_journal(before).await
    }

    async fn verify(&self, up_to: Position, after: &VerifyCursor) -> Result<VerifyPage, Error> {
        self.inner.verify(up_to, after).await
    }
}
