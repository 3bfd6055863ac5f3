//! Looking for the keys of subjects, and erasing subjects that may have new keys at once.

use annalist_core::{
    error::Error,
    keys::{Erasure, KeyState},
};
use uuid::Uuid;

use super::support::{Keys, at, erasure, key_id, new_key, subject};
use crate::{
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        log::Log,
    },
};

cases!("lookups" needs [Keys]: [
    looking_for_a_key_makes_none,
    keys_of_subjects_are_the_current_ones,
    keys_of_subjects_are_in_the_order_of_the_arguments,
    subject_is_erased_and_readmitted_at_once,
    readmitted_subject_is_never_seen_erased,
]);

async fn looking_for_a_key_makes_none(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    ensure_eq!(keys.keys_of(&[]).await?, [], "keys of no subjects");
    for _ in 0..2 {
        let found = keys.keys_of(&[subject(1), subject(2), subject(1)]).await?;
        ensure_eq!(found, [KeyState::Unknown, KeyState::Unknown, KeyState::Unknown], "keys of new subjects");
    }
    ensure_eq!(keys.keys_after(Uuid::nil(), 10).await?, [], "keys of subjects that were looked for");
    keys.expect_added(&new_key(1, 1)).await
}

async fn keys_of_subjects_are_the_current_ones(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    let expect = async |expected: KeyState| {
        for keys in &handles {
            let found = keys.keys_of(&[subject(1)]).await?;
            ensure_eq!(found, std::slice::from_ref(&expected), "key of a subject");
        }
        Ok(())
    };
    expect(KeyState::Unknown).await?;
    handles[0].expect_added(&new_key(1, 1)).await?;
    expect(KeyState::Stored(new_key(1, 1))).await?;
    handles[1].erase(erasure(1, 0)).await?;
    expect(KeyState::Erased).await?;
    handles[0].readmit(subject(1)).await?;
    expect(KeyState::Unknown).await?;
    handles[1].expect_added(&new_key(2, 1)).await?;
    expect(KeyState::Stored(new_key(2, 1))).await
}

async fn keys_of_subjects_are_in_the_order_of_the_arguments(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    for n in 0..30 {
        keys.expect_added(&new_key(n, n)).await?;
    }
    for n in (0..30).step_by(5) {
        keys.erase(erasure(n, 0)).await?;
    }
    let mut numbers: Vec<u64> = (0..40).chain(0..40).collect();
    log.random("order of subjects").shuffle(&mut numbers);
    let expected = numbers.iter().map(|n| match n {
        30.. => KeyState::Unknown,
        n if n % 5 == 0 => KeyState::Erased,
        n => KeyState::Stored(new_key(*n, *n)),
    });
    let subjects: Vec<_> = numbers.iter().map(|n| subject(*n)).collect();
    ensure_eq!(keys.keys_of(&subjects).await?, expected.collect::<Vec<_>>(), "keys of subjects");
    Ok(())
}

async fn subject_is_erased_and_readmitted_at_once(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    keys.expect_added(&new_key(1, 1)).await?;
    keys.expect_added(&new_key(2, 2)).await?;
    let mut count = keys.erasure_count().await?;
    for second in 0..3 {
        keys.erase_and_readmit(erasure(1, second)).await?;
        ensure!(keys.erasure_count().await? > count, "the number of erasures did not grow");
        count = keys.erasure_count().await?;
        ensure_eq!(keys.keys_of(&[subject(1)]).await?, [KeyState::Unknown], "key of a readmitted subject");
    }
    keys.expect_state(key_id(1), KeyState::Erased).await?;
    ensure!(!keys.readmit(subject(1)).await?, "the subject was not readmitted");
    ensure_eq!(keys.erasures(true).await?, [erasure(1, 2), erasure(1, 1), erasure(1, 0)], "erasures");
    keys.expect_added(&new_key(3, 1)).await?;
    keys.expect_current(&new_key(4, 2), Some(&new_key(2, 2))).await?;
    keys.complete_erasure(subject(1), at(9)).await?;
    ensure_eq!(keys.erasures(true).await?, [], "incomplete erasures");
    // An erasure from before is the one that counts.
    keys.erase(erasure(2, 4)).await?;
    keys.erase_and_readmit(Erasure { actor: Some("ann".to_owned()), ..erasure(2, 5) }).await?;
    ensure_eq!(keys.erasures(true).await?, [erasure(2, 4)], "erasure of a subject that was erased before");
    keys.expect_added(&new_key(5, 2)).await
}

/// One task erases and readmits a subject while others ask for its key.
async fn readmitted_subject_is_never_seen_erased(log: Log) -> Outcome {
    const ASKS: u64 = 8;
    let handles = Keys::of_handles(&log, 4).await?;
    for round in 0..log.rounds(40) as u64 {
        let tasks = (0..4).map(|task| {
            let keys = handles[task as usize].clone();
            async move {
                for ask in 0..ASKS {
                    if task == 0 {
                        keys.erase_and_readmit(erasure(round, ask as i64)).await?;
                        yield_now().await;
                        continue;
                    }
                    let id = 1_000 * round + 100 * task + ask;
                    match keys.current_keys(vec![new_key(id, round)]).await {
                        Ok(current) => {
                            ensure!(current != [None], "a subject was seen erased, in round {round}");
                        }
                        // It was erased while its key was read.
                        Err(Error::Unavailable { .. }) => {}
                        Err(error) => return Err(error.into()),
                    }
                    let found = keys.keys_of(&[subject(round)]).await?;
                    ensure!(found != [KeyState::Erased], "a subject was seen erased, in round {round}");
                }
                Ok(())
            }
        });
        run_concurrently(tasks).await?;
    }
    Ok(())
}
