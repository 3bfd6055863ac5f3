//! Listing all keys, and encrypting them with another master key.

use annalist_core::keys::{KeyState, StoredKey, SubjectHash};
use uuid::Uuid;

use super::support::{Keys, erasure, key_id, key_of, new_key};
use crate::{failure::Outcome, support::log::Log};

cases!("key_lists" needs [Keys]: [
    keys_are_listed_in_pages,
    rewrapped_key_has_other_bytes,
    key_of_the_same_master_key_is_not_rewrapped,
    erased_and_unknown_keys_are_not_rewrapped,
]);

async fn keys_are_listed_in_pages(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let mut expected: Vec<StoredKey> = (0..20).map(|n| new_key(2 * n, n)).collect();
    let mut new = expected.clone();
    log.random("keys in pages").shuffle(&mut new);
    keys.current_keys(new).await?;
    // Between the others.
    let hash_key = keys.hash_key(key_of(7, SubjectHash([0; 32]))).await?;
    expected.insert(4, hash_key);
    keys.erase(erasure(3, 0)).await?;
    expected.remove(3);
    keys.erase(erasure(19, 0)).await?;
    expected.pop();
    for limit in [1, 2, 3, 5, 18, 19, 20, 1_000, usize::MAX] {
        let (mut found, mut after) = (Vec::new(), Uuid::nil());
        loop {
            let page = keys.keys_after(after, limit).await?;
            ensure!(page.len() <= limit, "a page of at most {limit} keys has {}", page.len());
            let Some(last) = page.last() else { break };
            after = last.id;
            found.extend(page);
            ensure!(found.len() <= expected.len(), "too many keys in pages of {limit}: {found:?}");
        }
        ensure_eq!(found, expected, "keys in pages of {limit}");
    }
    ensure_eq!(keys.keys_after(key_id(4), 1).await?, expected[3..4], "the key of the hashes");
    ensure_eq!(keys.keys_after(Uuid::nil(), 0).await?, [], "a page of no keys");
    ensure_eq!(keys.keys_after(Uuid::max(), 10).await?, [], "keys after the last id");
    Ok(())
}

/// As another master key encrypts it.
fn rewrapped(key: &StoredKey, master: &str) -> StoredKey {
    StoredKey { wrapped: format!("other {master}").into_bytes(), master: master.to_owned(), ..key.clone() }
}

async fn rewrapped_key_has_other_bytes(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    let (one, other) = (new_key(1, 1), new_key(2, 2));
    let hash_key = handles[0].hash_key(key_of(3, SubjectHash([0; 32]))).await?;
    for key in [&one, &other] {
        handles[0].expect_added(key).await?;
    }
    for master in ["second", "third", "First", ""] {
        let new = rewrapped(&one, master);
        handles[1].rewrap(&new).await?;
        handles[0].expect_state(one.id, KeyState::Stored(new.clone())).await?;
        handles[0].expect_current(&new_key(10, 1), Some(&new)).await?;
        handles[0].expect_state(other.id, KeyState::Stored(other.clone())).await?;
    }
    // Only the bytes change.
    handles[1].rewrap(&StoredKey { subject: other.subject, ..rewrapped(&one, "fourth") }).await?;
    handles[0].expect_state(one.id, KeyState::Stored(rewrapped(&one, "fourth"))).await?;
    let new = rewrapped(&hash_key, "second");
    handles[1].rewrap(&new).await?;
    ensure_eq!(handles[0].hash_key(key_of(4, hash_key.subject)).await?, new, "key of the hashes");
    let all = [rewrapped(&one, "fourth"), other, new];
    ensure_eq!(handles[0].keys_after(Uuid::nil(), 10).await?, all, "all keys");
    Ok(())
}

async fn key_of_the_same_master_key_is_not_rewrapped(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let one = new_key(1, 1);
    keys.expect_added(&one).await?;
    let hash_key = keys.hash_key(key_of(2, SubjectHash([0; 32]))).await?;
    for key in [&one, &hash_key] {
        keys.rewrap(&StoredKey { wrapped: b"other".to_vec(), ..key.clone() }).await?;
    }
    ensure_eq!(keys.keys_after(Uuid::nil(), 10).await?, [one, hash_key], "keys of the same master key");
    Ok(())
}

async fn erased_and_unknown_keys_are_not_rewrapped(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let erased = new_key(1, 1);
    keys.expect_added(&erased).await?;
    keys.erase(erasure(1, 0)).await?;
    for (key, state) in [(&erased, KeyState::Erased), (&new_key(2, 2), KeyState::Unknown)] {
        keys.rewrap(&rewrapped(key, "second")).await?;
        keys.expect_state(key.id, state).await?;
    }
    ensure_eq!(keys.keys_after(Uuid::nil(), 10).await?, [], "keys after all were erased");
    keys.expect_current(&new_key(3, 1), None).await
}
