//! Erasing subjects: their keys are gone for ever, for every process.

use annalist_core::{
    Error,
    keys::{Erasure, KeyState, StoredKey, SubjectHash},
};
use uuid::Uuid;

use super::support::{Keys, at, erasure, key_id, key_of, new_key, subject};
use crate::{
    Failure,
    failure::Outcome,
    support::{
        concurrency::{run_concurrently, yield_now},
        log::Log,
    },
};

cases!("erasures" needs [Keys]: [
    erased_subject_has_no_key,
    subject_without_a_key_can_be_erased,
    no_key_is_handed_out_after_an_erasure,
    readmitted_subject_gets_a_new_key,
    erased_key_is_never_accepted_again,
    repeated_erasure_keeps_the_first_time_and_actor,
    count_grows_with_each_erasure,
    erasures_are_listed_newest_first,
    completion_concerns_one_subject,
]);

async fn erased_subject_has_no_key(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    for n in 0..3 {
        handles[0].expect_added(&new_key(n, n)).await?;
    }
    handles[1].erase(erasure(1, 0)).await?;
    for (n, keys) in (10..).zip(&handles) {
        keys.expect_state(key_id(1), KeyState::Erased).await?;
        keys.expect_current(&new_key(n, 1), None).await?;
        keys.expect_state(key_id(n), KeyState::Unknown).await?;
        for other in [0, 2] {
            keys.expect_current(&new_key(20 + other, other), Some(&new_key(other, other))).await?;
            keys.expect_state(key_id(other), KeyState::Stored(new_key(other, other))).await?;
        }
    }
    Ok(())
}

async fn subject_without_a_key_can_be_erased(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    keys.erase(erasure(1, 0)).await?;
    keys.expect_current(&new_key(1, 1), None).await?;
    keys.expect_state(key_id(1), KeyState::Unknown).await?;
    ensure_eq!(keys.erasures(false).await?, [erasure(1, 0)], "erasures");
    keys.expect_added(&new_key(2, 2)).await
}

/// One task erases each subject while others ask for its key.
async fn no_key_is_handed_out_after_an_erasure(log: Log) -> Outcome {
    const ASKS: u64 = 8;
    let handles = Keys::of_handles(&log, 4).await?;
    for round in 0..log.rounds(60) as u64 {
        let tasks = (0..4).map(|task| {
            let keys = handles[task as usize].clone();
            let pause = log.random(("erasures", round, task)).u8(0..6);
            async move {
                if task == 0 {
                    for _ in 0..pause {
                        yield_now().await;
                    }
                    keys.erase(erasure(round, 0)).await?;
                    return Ok(vec![keys.current(&new_key((round + 1) * 1_000, round)).await?]);
                }
                let mut found: Vec<Option<StoredKey>> = Vec::new();
                for ask in 0..ASKS {
                    let id = round * 1_000 + task * ASKS + ask;
                    found.push(keys.current(&new_key(id, round)).await?);
                }
                Ok(found)
            }
        });
        let found = run_concurrently(tasks).await?;
        ensure_eq!(found[0], [None], "current key after the erasure in round {round}");
        for found in &found {
            let keys = found.iter().take_while(|key| key.is_some()).count();
            ensure!(
                found[keys..].iter().all(Option::is_none),
                "a caller got a key after it saw that the subject is erased, in round {round}: {found:?}"
            );
        }
        let mut ids: Vec<Uuid> = found.iter().flatten().flatten().map(|key| key.id).collect();
        ids.dedup();
        for state in handles[0].keys(&ids).await? {
            ensure_eq!(state, KeyState::Erased, "state of a key from before the erasure in round {round}");
        }
    }
    ensure_eq!(handles[0].keys_after(Uuid::nil(), 10).await?, [], "keys after all subjects were erased");
    Ok(())
}

async fn readmitted_subject_gets_a_new_key(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    keys.expect_added(&new_key(1, 1)).await?;
    keys.erase(erasure(1, 0)).await?;
    ensure!(!keys.readmit(subject(2)).await?, "a subject that is not erased was readmitted");
    ensure!(keys.readmit(subject(1)).await?, "an erased subject was not readmitted");
    ensure!(!keys.readmit(subject(1)).await?, "a subject was readmitted twice");
    keys.expect_added(&new_key(2, 1)).await?;
    keys.expect_state(key_id(1), KeyState::Erased).await?;
    // It can be erased again.
    keys.erase(erasure(1, 5)).await?;
    keys.expect_current(&new_key(3, 1), None).await?;
    keys.expect_state(key_id(2), KeyState::Erased).await?;
    ensure_eq!(keys.erasures(false).await?, [erasure(1, 5), erasure(1, 0)], "erasures of one subject");
    Ok(())
}

/// As if its row was restored from a backup.
async fn erased_key_is_never_accepted_again(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let erased = new_key(1, 1);
    keys.expect_added(&erased).await?;
    keys.erase(erasure(1, 0)).await?;
    keys.readmit(subject(1)).await?;
    for of in [subject(1), subject(2)] {
        match keys.current_keys(vec![new_key(5, 5), StoredKey { subject: of, ..erased.clone() }]).await {
            Err(Error::Unavailable { .. }) => {}
            other => return Err(Failure::new(format!("an erased key was accepted again: {other:?}"))),
        }
    }
    keys.rewrap(&StoredKey { master: "second".to_owned(), ..erased.clone() }).await?;
    keys.expect_state(erased.id, KeyState::Erased).await?;
    keys.expect_added(&new_key(2, 1)).await?;
    keys.expect_added(&new_key(5, 5)).await?;
    // A subject with a key gets that one, whatever is passed.
    keys.expect_current(&erased, Some(&new_key(2, 1))).await
}

async fn repeated_erasure_keeps_the_first_time_and_actor(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    let first = Erasure { actor: Some("ann \"é\" 'x'".to_owned()), ..erasure(1, 0) };
    keys.erase(first.clone()).await?;
    keys.erase(Erasure { actor: Some("bob".to_owned()), ..erasure(1, 9) }).await?;
    keys.erase(Erasure { completed_at: Some(at(10)), ..erasure(1, 10) }).await?;
    ensure_eq!(keys.erasures(false).await?, [first], "erasures");
    keys.expect_current(&new_key(1, 1), None).await
}

async fn count_grows_with_each_erasure(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    let mut before = handles[1].erasure_count().await?;
    for n in [1, 2, 2, 1, 1] {
        handles[0].expect_current(&new_key(n, 100 + n), Some(&new_key(n, 100 + n))).await?;
        ensure_eq!(handles[1].erasure_count().await?, before, "number of erasures after a key was added");
        handles[0].erase(erasure(n, 0)).await?;
        let count = handles[1].erasure_count().await?;
        ensure!(count > before, "the number of erasures did not grow: {count} after {before}");
        before = count;
        handles[0].readmit(subject(n)).await?;
        ensure!(handles[1].erasure_count().await? >= before, "the number of erasures became smaller");
    }
    let tasks = (0..8).map(|task: u64| {
        let keys = handles[task as usize % 2].clone();
        async move { Ok(keys.erase(erasure(task % 3, 0)).await?) }
    });
    let wanted = before + run_concurrently(tasks).await?.len() as u64;
    ensure_eq!(handles[0].erasure_count().await?, wanted, "number of erasures after concurrent ones");
    Ok(())
}

async fn erasures_are_listed_newest_first(log: Log) -> Outcome {
    let keys = Keys::of(&log)?;
    // Whatever their times are.
    for (of, second) in [(3, 5), (1, 9), (2, 1)] {
        keys.erase(erasure(of, second)).await?;
    }
    let complete = Erasure { completed_at: Some(at(4)), ..erasure(4, 3) };
    keys.erase(complete.clone()).await?;
    let listed = [complete, erasure(2, 1), erasure(1, 9), erasure(3, 5)];
    ensure_eq!(keys.erasures(false).await?, listed, "all erasures");
    ensure_eq!(keys.erasures(true).await?, listed[1..], "incomplete erasures");
    Ok(())
}

async fn completion_concerns_one_subject(log: Log) -> Outcome {
    let handles = Keys::of_handles(&log, 2).await?;
    for n in 1..=3 {
        handles[0].erase(erasure(n, 0)).await?;
    }
    handles[1].complete_erasure(subject(2), at(7)).await?;
    handles[0].complete_erasure(subject(2), at(8)).await?; // the first time stays
    handles[0].complete_erasure(SubjectHash([0; 32]), at(9)).await?; // a subject that is not erased
    let complete = Erasure { completed_at: Some(at(7)), ..erasure(2, 0) };
    ensure_eq!(handles[0].erasures(true).await?, [erasure(3, 0), erasure(1, 0)], "incomplete erasures");
    ensure_eq!(handles[0].erasures(false).await?, [erasure(3, 0), complete, erasure(1, 0)], "all erasures");
    handles[0].expect_current(&key_of(1, subject(2)), None).await
}
