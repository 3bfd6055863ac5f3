//! Storing keys: the first one of a subject is that of all processes.

use annalist_core::{
    keys::{KeyState, SubjectHash},
    record::Position,
    store::PageLimit,
};
use uuid::Uuid;

use super::support::{Keys, erasure, key_id, key_of, new_key, subject};
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, log::Log},
};

cases!("keys" needs [Keys]: [
    new_store_has_no_keys,
    first_key_of_a_subject_stays,
    results_are_in_the_order_of_the_arguments,
    subjects_may_repeat_in_a_call,
    concurrent_callers_get_the_key_of_the_first,
    first_hash_key_stays,
    concurrent_callers_get_one_hash_key,
    unusual_subjects_and_bytes,
    ten_thousand_subjects,
    keys_do_not_change_the_log,
] durable [keys_survive_reopen]);

async fn new_store_has_no_keys(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    ensure!(!keys.describe_keys().is_empty(), "`describe_keys()` is empty");
    ensure_eq!(keys.keys(&[]).await?, [], "states of no keys");
    ensure_eq!(keys.current_keys(vec![]).await?, [], "current keys of no subjects");
    keys.expect_state(key_id(1), KeyState::Unknown).await?;
    ensure_eq!(keys.keys_after(Uuid::nil(), 10).await?, [], "keys of a new store");
    ensure_eq!(keys.erasures(false).await?, [], "erasures of a new store");
    ensure!(!keys.readmit(subject(1)).await?, "a subject that is not erased was readmitted");
    Ok(())
}

async fn first_key_of_a_subject_stays(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    for n in 0..10 {
        let first = new_key(100 + n, n);
        handles[0].expect_added(&first).await?;
        for (other, keys) in (0..).zip(&handles) {
            keys.expect_current(&new_key(1_000 + 10 * n + other, n), Some(&first)).await?;
            keys.expect_state(first.id, KeyState::Stored(first.clone())).await?;
            keys.expect_state(key_id(1_000 + 10 * n + other), KeyState::Unknown).await?;
        }
    }
    Ok(())
}

async fn results_are_in_the_order_of_the_arguments(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let mut random = log.random("order of keys");
    for n in 0..50 {
        keys.expect_added(&new_key(n, n)).await?;
    }
    for n in (0..50).step_by(5) {
        keys.erase(erasure(n, 0)).await?;
    }
    let mut numbers: Vec<u64> = (0..60).chain(0..60).collect();
    random.shuffle(&mut numbers);
    let states = numbers.iter().map(|n| match n {
        50.. => KeyState::Unknown,
        n if n % 5 == 0 => KeyState::Erased,
        n => KeyState::Stored(new_key(*n, *n)),
    });
    let ids: Vec<Uuid> = numbers.iter().map(|n| key_id(*n)).collect();
    ensure_eq!(keys.keys(&ids).await?, states.collect::<Vec<_>>(), "states of keys");
    let current = numbers.iter().map(|n| match n {
        50.. => Some(new_key(1_000 + n, *n)),
        n if n % 5 == 0 => None,
        n => Some(new_key(*n, *n)),
    });
    let new = numbers.iter().map(|n| new_key(1_000 + n, *n)).collect();
    ensure_eq!(keys.current_keys(new).await?, current.collect::<Vec<_>>(), "current keys");
    Ok(())
}

async fn subjects_may_repeat_in_a_call(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let new = vec![new_key(3, 1), new_key(2, 1), new_key(1, 2), new_key(4, 1)];
    let expected = [new_key(3, 1), new_key(3, 1), new_key(1, 2), new_key(3, 1)].map(Some);
    ensure_eq!(keys.current_keys(new).await?, expected, "current keys of subjects that repeat");
    keys.expect_state(key_id(2), KeyState::Unknown).await
}

async fn concurrent_callers_get_the_key_of_the_first(log: Log) -> Outcome {
    const CALLERS: u64 = 6;
    let handles = Keys::of_handles(&log, 3).await?;
    for round in 0..log.rounds(30) as u64 {
        let calls = (0..CALLERS).map(|caller| {
            let keys = handles[caller as usize % 3].clone();
            let mut random = log.random(("concurrent keys", round, caller));
            async move {
                let mut subjects: Vec<u64> = (0..5).map(|n| round * 5 + n).collect();
                random.shuffle(&mut subjects);
                let new =
                    subjects.iter().map(|subject| new_key(subject * CALLERS + caller, *subject)).collect();
                let mut found = keys.current_keys(new).await?;
                found.sort_by_key(|key| key.as_ref().map(|key| key.subject));
                Ok(found)
            }
        });
        let found = run_concurrently(calls).await?;
        for other in &found {
            ensure_eq!(other, &found[0], "keys of the same subjects, of two callers in round {round}");
        }
        let ids: Vec<Uuid> = found[0].iter().flatten().map(|key| key.id).collect();
        let stored: Vec<KeyState> = found[0].iter().flatten().cloned().map(KeyState::Stored).collect();
        ensure_eq!(handles[0].keys(&ids).await?, stored, "stored keys in round {round}");
    }
    let all = handles[0].keys_after(Uuid::nil(), usize::MAX).await?;
    ensure_eq!(all.len(), log.rounds(30) * 5, "number of keys");
    Ok(())
}

async fn first_hash_key_stays(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    let first = key_of(5, SubjectHash([0; 32]));
    for (n, keys) in (5..).zip([&handles[0], &handles[1], &handles[0]]) {
        ensure_eq!(keys.hash_key(key_of(n, SubjectHash([0; 32]))).await?, first, "key of the hashes");
    }
    // It is not the key of a subject, whatever its subject is.
    let keys = &handles[0];
    let same_subject = key_of(20, first.subject);
    keys.expect_added(&same_subject).await?;
    for of in [first.subject, subject(1)] {
        keys.erase(annalist_core::keys::Erasure { subject: of, ..erasure(1, 0) }).await?;
    }
    ensure_eq!(keys.hash_key(key_of(30, first.subject)).await?, first, "key of the hashes after erasures");
    ensure_eq!(keys.keys_after(Uuid::nil(), 10).await?, [first], "keys after erasures");
    keys.expect_state(same_subject.id, KeyState::Erased).await
}

async fn concurrent_callers_get_one_hash_key(log: Log) -> Outcome {
    for round in 0..log.rounds(10) {
        let log = log.another_log().await?;
        let handles = Keys::of_handles(&log, 3).await?;
        let calls = (0..6).map(|caller| {
            let keys = handles[caller % 3].clone();
            async move { Ok(keys.hash_key(key_of(caller as u64, SubjectHash([0; 32]))).await?) }
        });
        let found = run_concurrently(calls).await?;
        for other in &found {
            ensure_eq!(other, &found[0], "keys of the hashes of two callers in round {round}");
        }
    }
    Ok(())
}

async fn unusual_subjects_and_bytes(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let mut subjects = vec![[0; 32], [0xff; 32], [b'\''; 32], [b'%'; 32], [b'\\'; 32], [0x80; 32]];
    for bit in (0..256).step_by(7) {
        let mut one_bit = [0; 32];
        one_bit[bit / 8] = 1 << (bit % 8);
        subjects.push(one_bit);
    }
    let bytes = [vec![], vec![0], vec![0, 0], b"\\x00'\"".to_vec(), (0..=255).collect(), vec![0xff; 100_000]];
    let masters = [
        "",
        " ",
        "é",
        "e\u{301}",
        "NULL",
        "'; --",
        "{\"a\":1}",
        "\u{10ffff}",
        "arn:aws:kms:eu-west-1:1:key/2",
    ];
    let all: Vec<_> = (0..)
        .zip(&subjects)
        .map(|(n, subject)| {
            let mut key = key_of(n as u64, SubjectHash(*subject));
            key.wrapped.clone_from(&bytes[n % bytes.len()]);
            masters[n % masters.len()].clone_into(&mut key.master);
            key
        })
        .collect();
    for key in &all {
        keys.expect_added(key).await?;
    }
    for key in &all {
        keys.expect_current(&key_of(1_000, key.subject), Some(key)).await?;
        keys.expect_state(key.id, KeyState::Stored(key.clone())).await?;
    }
    // An erasure concerns one of them only.
    keys.erase(annalist_core::keys::Erasure { subject: all[0].subject, ..erasure(1, 0) }).await?;
    let mut states: Vec<KeyState> = all.iter().cloned().map(KeyState::Stored).collect();
    states[0] = KeyState::Erased;
    let ids: Vec<Uuid> = all.iter().map(|key| key.id).collect();
    ensure_eq!(keys.keys(&ids).await?, states, "states of keys after one erasure");
    for unusual in [Uuid::nil(), Uuid::max()] {
        keys.expect_state(unusual, KeyState::Unknown).await?;
    }
    Ok(())
}

async fn ten_thousand_subjects(log: Log) -> Outcome {
    const COUNT: u64 = 10_000;
    let keys = Keys::of(&log)?;
    let all: Vec<_> = (0..COUNT).map(|n| new_key(n, n)).collect();
    let expected: Vec<_> = all.iter().cloned().map(Some).collect();
    ensure!(keys.current_keys(all.clone()).await? == expected, "current keys of many new subjects");
    let again = (0..COUNT).map(|n| new_key(COUNT + n, n)).collect();
    ensure!(keys.current_keys(again).await? == expected, "current keys of many subjects");
    let ids: Vec<Uuid> = all.iter().map(|key| key.id).collect();
    let states: Vec<_> = all.iter().cloned().map(KeyState::Stored).collect();
    ensure!(keys.keys(&ids).await? == states, "states of many keys");
    let page = keys.keys_after(key_id(COUNT / 2), 100).await?;
    let start = COUNT as usize / 2 + 1;
    ensure_eq!(page, all[start..start + 100], "a page of many keys");
    Ok(())
}

async fn keys_do_not_change_the_log(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    keys.hash_key(key_of(1, SubjectHash([0; 32]))).await?;
    keys.expect_added(&new_key(2, 1)).await?;
    keys.erase(erasure(1, 0)).await?;
    ensure_eq!(log.settled().await?.position, Position::START, "settled position");
    ensure_eq!(log.read_all().await?, [], "events");
    ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal");
    Ok(())
}

async fn keys_survive_reopen(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let (hash_key, intact, erased) = (key_of(1, SubjectHash([0; 32])), new_key(2, 1), new_key(3, 2));
    keys.hash_key(hash_key.clone()).await?;
    keys.expect_added(&intact).await?;
    keys.expect_added(&erased).await?;
    keys.erase(erasure(2, 7)).await?;
    let count = keys.erasure_count().await?;
    drop(keys);
    let log = log.reopened().await?;
    let keys = Keys::of(&log)?;
    keys.expect_current(&new_key(10, 1), Some(&intact)).await?;
    keys.expect_current(&new_key(11, 2), None).await?;
    keys.expect_state(erased.id, KeyState::Erased).await?;
    ensure_eq!(keys.hash_key(key_of(12, hash_key.subject)).await?, hash_key, "key of the hashes");
    ensure_eq!(keys.erasures(true).await?, [erasure(2, 7)], "incomplete erasures");
    ensure_eq!(keys.erasure_count().await?, count, "number of erasures");
    Ok(())
}
