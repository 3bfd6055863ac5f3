//! Encrypts the texts of rejected commands in the journal, which may have values of secrets.

use std::collections::HashMap;

use uuid::Uuid;

use super::KeyRing;
use crate::{
    error::Error,
    record::Metadata,
    secret::{CipherKey, REJECTION, SEALED_REJECTION, Sealed},
    store::{Append, Entry, Outcome},
    tag::Tag,
};

/// What a rejection is read as after a subject was forgotten.
const REMOVED: &str = "(removed when a subject was forgotten)";
/// The place of the text, to which it is bound.
const PLACE: &str = "rejection";

/// Encrypts the rejections that may have values of secrets. Their key is that of a subject which is forgotten with every other one, because a
/// rejection may have a value of any.
pub(super) async fn seal_rejections(
    ring: &KeyRing,
    subject: &Tag,
    appends: &mut [Append],
) -> Result<(), Error> {
    for Append { journal, metadata, .. } in appends {
        let Some(rejection) = journal.as_mut().and_then(|journal| journal.rejection.as_mut()) else {
            continue;
        };
        let Some(text) = rejection.strip_prefix(REJECTION) else { continue };
        let keys = ring.current(std::slice::from_ref(subject)).await?;
        let (id, key) = keys
            .first()
            .ok_or_else(|| Error::unavailable("encrypt a rejection", "there is no key for it"))?;
        let sealed = Sealed::seal(*id, key, &owner_of_command(metadata), PLACE, text);
        let sealed = sealed.map_err(|reason| Error::unavailable("encrypt a rejection", reason))?;
        *rejection = format!("{SEALED_REJECTION}{}", sealed.0);
    }
    Ok(())
}

/// Decrypts the rejections of journal entries. A text that only looks encrypted, from before there were keys, stays.
pub(super) async fn unseal_rejections(ring: &KeyRing, entries: &mut [Entry]) -> Result<(), Error> {
    let ids = entries.iter_mut().filter_map(|entry| sealed_in(entry)?.0.key());
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(());
    }
    let keys = match ring.by_id(&ids).await {
        Err(error) if !error.is_unavailable() => HashMap::new(),
        keys => keys?,
    };
    for entry in entries {
        let owner = owner_of_command(&entry.metadata);
        if let Some((sealed, rejection)) = sealed_in(entry)
            && let Some(text) = unsealed(&sealed, &keys, &owner)
        {
            *rejection = text;
        }
    }
    Ok(())
}

/// The encrypted rejection of an entry, and its text.
fn sealed_in(entry: &mut Entry) -> Option<(Sealed, &mut String)> {
    let Outcome::Rejected(text) = &mut entry.outcome else { return None };
    Some((Sealed(text.strip_prefix(SEALED_REJECTION)?.to_owned()), text))
}

fn unsealed(sealed: &Sealed, keys: &HashMap<Uuid, Option<CipherKey>>, owner: &[u8]) -> Option<String> {
    match keys.get(&sealed.key()?)? {
        Some(key) => sealed.unseal(key, owner, PLACE).map(|text| text.to_string()),
        None => Some(REMOVED.to_owned()),
    }
}

/// The bytes to which the secrets of a journaled command are bound.
pub(super) fn owner_of_command(metadata: &Metadata) -> Vec<u8> {
    let id = metadata.command_id.as_ref().map_or("", |id| id.as_str());
    format!("command {id}").into_bytes()
}
