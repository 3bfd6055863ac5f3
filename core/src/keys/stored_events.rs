//! Encrypts the secrets of events that were stored in plain text.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::{KeyState, KeyStore, SubjectHash, sealed_store::SealedStore, sealed_tags::SealedTags};
use crate::{
    error::{Error, Invalid},
    payload::Payload,
    position::Position,
    record::Record,
    secret::{CipherKey, InPlace, PlainSecret, Sealed, forgotten_json, replace_nodes, secret_json},
    tag::Tag,
    time::Timestamp,
};

/// Finds the plain values of an event whose other secrets are decrypted.
pub(crate) type FindPlain<'a> = &'a (dyn Fn(&Record) -> Result<InPlace, Error> + Sync);

/// How often the keys of a page are read again because subjects are being forgotten.
const MAX_ATTEMPTS: usize = 100;

/// When subjects were last forgotten. It is read again only when another one was.
#[derive(Default)]
pub(crate) struct KnownErasures {
    /// The number of erasures that `last` has.
    count: Option<u64>,
    last: HashMap<SubjectHash, Timestamp>,
}

impl KnownErasures {
    /// Reads the erasures again if there are more than before. Returns their number.
    async fn update(&mut self, keys: &dyn KeyStore) -> Result<u64, Error> {
        // Before the records: a later erasure may be among them, and is read twice then.
        let count = keys.erasure_count().await?;
        if self.count != Some(count) {
            self.last.clear();
            for erasure in keys.erasures(false).await? {
                let at = self.last.entry(erasure.subject).or_insert(erasure.erased_at);
                *at = erasure.erased_at.max(*at);
            }
            self.count = Some(count);
        }
        Ok(count)
    }
}

/// What becomes of the events of a page.
#[derive(Default)]
pub(crate) struct EncryptedPage {
    /// The payloads to replace, by position.
    pub(crate) payloads: Vec<(Position, Payload)>,
    /// The number of values whose subject was forgotten after the event.
    pub(crate) forgotten: u64,
}

/// The keys of subjects, and when subjects were last forgotten.
#[derive(Default)]
struct Subjects {
    keys: HashMap<Tag, (Uuid, CipherKey)>,
    forgotten: HashMap<Tag, Timestamp>,
}

impl Subjects {
    /// What replaces a value; `None` if its subject was forgotten after the event.
    fn seal(&self, record: &Record, secret: &PlainSecret) -> Result<Option<String>, Error> {
        let PlainSecret { path, subject, value } = secret;
        if self.forgotten.get(subject).is_some_and(|at| record.recorded_at <= *at) {
            return Ok(None);
        }
        let Some((id, key)) = self.keys.get(subject) else { return Ok(None) };
        let json = secret_json(subject, value);
        let sealed = Sealed::seal(*id, key, record.id.as_bytes(), path, &json);
        Ok(Some(sealed.map_err(|reason| Error::unavailable("encrypt a secret", reason))?.to_json()))
    }
}

impl SealedStore {
    /// Encrypts the plain values of records as they are stored. The values of a subject that was forgotten after the event are replaced by the
    /// form of forgotten secrets.
    ///
    /// # Errors
    /// [`Error`] if an event cannot be read or its secrets cannot be encrypted in place, or the key store does not answer.
    pub(crate) async fn encrypt_page(
        &self,
        records: &[Record],
        find: FindPlain<'_>,
        erasures: &mut KnownErasures,
    ) -> Result<EncryptedPage, Error> {
        let found = self.plain_secrets(records, find).await?;
        let subjects = found.iter().flat_map(|(_, secrets)| secrets.iter().map(|secret| &secret.subject));
        let subjects = self.subjects(subjects.collect(), erasures).await?;
        let mut page = EncryptedPage::default();
        for (index, secrets) in found {
            let Some(record) = records.get(index) else { continue };
            let mut by_path = BTreeMap::new();
            for secret in secrets {
                let sealed = subjects.seal(record, &secret)?;
                page.forgotten += u64::from(sealed.is_none());
                by_path.insert(secret.path, sealed.unwrap_or_else(forgotten_json));
            }
            let payload = Payload::from_stored(replace_nodes(record.data.as_str(), &by_path)?);
            page.payloads.push((record.position, payload));
        }
        Ok(page)
    }

    /// The plain values of records as they are stored, with the index of each record that has some.
    ///
    /// # Errors
    /// [`Error`] if an event cannot be read or its secrets cannot be encrypted in place, or the key store does not answer.
    pub(crate) async fn plain_secrets(
        &self,
        records: &[Record],
        find: FindPlain<'_>,
    ) -> Result<Vec<(usize, Vec<PlainSecret>)>, Error> {
        let mut decrypted = records.to_vec();
        self.unseal_records(&mut decrypted, &SealedTags::default()).await?;
        let mut found = Vec::new();
        for (index, (record, decrypted)) in records.iter().zip(&decrypted).enumerate() {
            let secrets = match find(decrypted)? {
                InPlace::Found(secrets) => secrets,
                InPlace::Impossible(path) => return Err(not_in_place(record, path).into()),
            };
            if let Some(personal) = secrets.iter().find(|secret| secret.subject.is_secret()) {
                let reason = format!(
                    "the event at position {} has the personal id `{}` in plain text, and its tag too: declare a new id and a new event type, \
                     and leave these for the stored events",
                    record.position,
                    personal.subject.kind()
                );
                return Err(Error::unusable(format!("encrypt the secrets of `{}`", record.name), reason));
            }
            if !secrets.is_empty() {
                found.push((index, secrets));
            }
        }
        Ok(found)
    }

    /// The keys of subjects, and when these were forgotten, as of one moment: a subject that is forgotten and readmitted meanwhile has a
    /// new key, which must not encrypt its older values.
    async fn subjects(&self, tags: BTreeSet<&Tag>, erasures: &mut KnownErasures) -> Result<Subjects, Error> {
        if tags.is_empty() {
            return Ok(Subjects::default());
        }
        let mut hashes: Vec<SubjectHash> = Vec::with_capacity(tags.len());
        for tag in &tags {
            hashes.push(self.ring().hash(tag).await?);
        }
        let keys = self.ring().store();
        for _ in 0..MAX_ATTEMPTS {
            let count = erasures.update(&**keys).await?;
            let subjects = self.subjects_as_of(&tags, &hashes, erasures).await;
            if keys.erasure_count().await? == count {
                return subjects;
            }
        }
        let reason = "subjects are being forgotten; repeat the call afterwards";
        Err(Error::unavailable("load the keys of subjects", reason))
    }

    async fn subjects_as_of(
        &self,
        tags: &BTreeSet<&Tag>,
        hashes: &[SubjectHash],
        erasures: &KnownErasures,
    ) -> Result<Subjects, Error> {
        let states = self.ring().store().keys_of(hashes).await?;
        let (mut subjects, mut readable) = (Subjects::default(), Vec::new());
        for ((tag, hash), state) in tags.iter().zip(hashes).zip(states) {
            if let Some(at) = erasures.last.get(hash) {
                subjects.forgotten.insert(Tag::clone(tag), *at);
            }
            if state != KeyState::Erased {
                readable.push(Tag::clone(tag));
            }
        }
        let keys = self.ring().current(&readable).await?;
        subjects.keys = readable.into_iter().zip(keys).collect();
        Ok(subjects)
    }
}

fn not_in_place(record: &Record, path: String) -> Invalid {
    let Record { version, position, .. } = *record;
    Invalid::SecretNotInPlace { name: record.name.to_string(), version, position, path }
}
