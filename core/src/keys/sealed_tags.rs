//! The tags of ids that are personal, as a log has them.

use std::collections::BTreeMap;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

use crate::{
    criteria::{Criteria, Item},
    error::Error,
    secret::CipherKey,
    store::SnapshotKey,
    tag::Tag,
};

/// The first character of the text that a log has in place of an id.
const MARK: char = '~';
/// How many bytes of the keyed hash the text has: enough that two ids never have the same one.
const HASH_BYTES: usize = 16;
/// The number of characters of these bytes.
const HASH_CHARACTERS: usize = 22;

/// Ids that are personal, with the tags that a log has in their place.
#[derive(Default, PartialEq)]
pub(super) struct SealedTags {
    /// By the id. `None` for an id that has never been used: no event of the log has it.
    sealed: BTreeMap<Tag, Option<Tag>>,
}

impl SealedTags {
    /// Ids with their keys.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn of<'a>(
        keys: impl Iterator<Item = (&'a Tag, Option<&'a CipherKey>)>,
    ) -> Result<Self, Error> {
        let mut tags = Self::default();
        for (tag, key) in keys {
            tags.add(tag, key)?;
        }
        Ok(tags)
    }

    /// Adds an id with its key.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the key cannot be used.
    pub(super) fn add(&mut self, tag: &Tag, key: Option<&CipherKey>) -> Result<(), Error> {
        let sealed = key.map(|key| sealed_tag(key, tag)).transpose()?;
        self.sealed.insert(tag.clone(), sealed);
        Ok(())
    }

    /// All ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &Tag> {
        self.sealed.keys()
    }

    /// Whether one of the ids has never been used.
    pub(super) fn has_unused(&self) -> bool {
        self.sealed.values().any(Option::is_none)
    }

    /// The criteria of the same events in the log. No event matches an item with an id that has never been used.
    pub(super) fn seal(&self, criteria: &Criteria) -> Criteria {
        if secret_tags(criteria).next().is_none() {
            return criteria.clone();
        }
        let items = criteria.items().iter().filter_map(|item| {
            let of_types = Item::any().types(item.type_names().iter().cloned());
            item.tags().iter().try_fold(of_types, |item, tag| Some(item.tag(self.seal_tag(tag)?)))
        });
        items.collect()
    }

    /// The tags of an event in the log.
    pub(super) fn seal_all(&self, tags: &[Tag]) -> Vec<Tag> {
        tags.iter().filter_map(|tag| self.seal_tag(tag)).collect()
    }

    /// The key of a snapshot in the log.
    pub(super) fn seal_key(&self, key: &SnapshotKey) -> SnapshotKey {
        SnapshotKey { tag: key.tag.as_ref().and_then(|tag| self.seal_tag(tag)), ..*key }
    }

    /// The tags of an event of the log become those of the ids.
    pub(super) fn unseal_all(&self, tags: &mut [Tag]) {
        let mut has_changed = false;
        for tag in tags.iter_mut().filter(|tag| is_sealed(tag)) {
            let mut known = self.sealed.iter();
            if let Some((id, _)) = known.find(|(_, sealed)| sealed.as_ref() == Some(tag)) {
                *tag = id.stored_as(tag);
                has_changed = true;
            }
        }
        if has_changed {
            tags.sort_unstable();
        }
    }

    fn seal_tag(&self, tag: &Tag) -> Option<Tag> {
        match tag.is_secret() {
            true => self.sealed.get(tag)?.clone(),
            false => Some(tag.clone()),
        }
    }
}

/// The tags of personal ids in criteria.
pub(super) fn secret_tags(criteria: &Criteria) -> impl Iterator<Item = &Tag> {
    criteria.items().iter().flat_map(Item::tags).filter(|tag| tag.is_secret())
}

/// Whether a tag of the log may be in place of a personal id.
pub(super) fn is_sealed(tag: &Tag) -> bool {
    !tag.is_secret() && tag.value().starts_with(MARK) && tag.value().len() == 1 + HASH_CHARACTERS
}

/// The tag that a log has in place of that of a personal id: a hash, keyed with the key of the id. It cannot be computed without the key.
///
/// # Errors
/// [`Error::Unusable`] if the key cannot be used.
pub(super) fn sealed_tag(key: &CipherKey, tag: &Tag) -> Result<Tag, Error> {
    let hash = text_hash(key, "annalist tag", tag.as_str())?;
    Ok(Tag::new(tag.kind(), format_args!("{MARK}{hash}"))?)
}

/// A keyed hash of a text for a purpose, as text.
///
/// # Errors
/// [`Error::Unusable`] if the key cannot be used.
pub(super) fn text_hash(key: &CipherKey, purpose: &str, text: &str) -> Result<String, Error> {
    let unusable = |reason: String| Error::unusable("hash a personal value", reason);
    let hash = key.keyed_hash(purpose, &[text.as_bytes()]).map_err(unusable)?;
    let (hash, _) = hash.split_at(HASH_BYTES);
    Ok(BASE64_URL_SAFE_NO_PAD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> CipherKey {
        CipherKey::new([byte; 32])
    }

    #[test]
    fn tag_of_the_log_depends_on_the_key_and_on_every_byte_of_the_id() {
        let tags = ["email:ann", "email:Ann", "email:ann ", "email:ann\u{301}", "email:", "name:ann"];
        let tags = tags.map(|tag| Tag::parse(tag).unwrap());
        let mut sealed = Vec::new();
        for key in [key(1), key(2)] {
            for tag in &tags {
                let one = sealed_tag(&key, tag).unwrap();
                assert_eq!(one, sealed_tag(&key, tag).unwrap());
                assert!(is_sealed(&one) && one.kind() == tag.kind() && !one.as_str().contains("ann"));
                sealed.push(one);
            }
        }
        sealed.sort();
        sealed.dedup();
        assert_eq!(sealed.len(), 12);
    }
}
