//! Unique user names: a name is claimed by one account, and free again three days after the account released it.

use annalist_core::time::Timestamp;

use super::decide::{CommandResult, decide, ensure_accepted, ensure_rejected};
use crate::{
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, handle::Handle, log::Log},
};

cases!("usernames": [
    name_belongs_to_one_account,
    released_name_is_reserved_for_three_days,
    one_of_many_accounts_gets_the_name,
    concurrent_claims_of_different_names_succeed,
]);

const DAY: i64 = 24 * 60 * 60;

/// Whether a name is taken at this time, given the events with its tag.
fn is_taken(records: &[annalist_core::record::Record], now: Timestamp) -> bool {
    records.last().is_some_and(|last| {
        let free_from = last.recorded_at.as_micros() + 3 * DAY * 1_000_000;
        last.name == "name_claimed" || now.as_micros() < free_from
    })
}

async fn claim(handle: &Handle, account: usize, name: &str, second: i64) -> Outcome<CommandResult> {
    let (name, now) = (format!("username:{name}"), seconds_since_1970(second));
    decide(handle, now, criteria_for(&["name_claimed", "name_released"], &[&name]), |records| {
        if is_taken(records, now) {
            return Err("the name is taken");
        }
        Ok(vec![event("name_claimed", &[&name, &format!("account:{account}")])])
    })
    .await
}

async fn release(handle: &Handle, account: usize, name: &str, second: i64) -> Outcome<CommandResult> {
    let (name, account) = (format!("username:{name}"), format!("account:{account}"));
    decide(
        handle,
        seconds_since_1970(second),
        criteria_for(&["name_claimed", "name_released"], &[&name]),
        |records| {
            let owner = records
                .last()
                .filter(|last| last.name == "name_claimed" && last.tags.contains(&tag(&account)));
            owner.ok_or("not this account's name").map(|_| vec![event("name_released", &[&name, &account])])
        },
    )
    .await
}

async fn name_belongs_to_one_account(log: Log) -> Outcome {
    ensure_accepted!(claim(&log, 1, "ann", 0).await?, "the first claim");
    ensure_rejected!(claim(&log, 2, "ann", 1).await?, "the name is taken", "the second claim");
    ensure_accepted!(claim(&log, 2, "Ann", 1).await?, "a claim of another name");
    ensure_rejected!(
        release(&log, 2, "ann", 2).await?,
        "not this account's name",
        "a release by another account"
    );
    ensure_rejected!(
        release(&log, 1, "bob", 2).await?,
        "not this account's name",
        "a release of a free name"
    );
    Ok(())
}

async fn released_name_is_reserved_for_three_days(log: Log) -> Outcome {
    ensure_accepted!(claim(&log, 1, "ann", 0).await?, "the first claim");
    ensure_accepted!(release(&log, 1, "ann", 10).await?, "the release");
    ensure_rejected!(release(&log, 1, "ann", 11).await?, "not this account's name", "the second release");
    for second in [10, DAY, 3 * DAY + 9] {
        ensure_rejected!(
            claim(&log, 2, "ann", second).await?,
            "the name is taken",
            "a claim after {second} s"
        );
    }
    ensure_accepted!(claim(&log, 2, "ann", 3 * DAY + 10).await?, "a claim after three days");
    ensure_rejected!(
        claim(&log, 1, "ann", 9 * DAY).await?,
        "the name is taken",
        "the first account's claim, again"
    );
    Ok(())
}

async fn one_of_many_accounts_gets_the_name(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    // A new name in each round, and one name that is claimed and released in every round.
    for round in 0..log.rounds(5) {
        for name in [format!("name-{round}"), "reused".to_owned()] {
            let second = i64::try_from(round).unwrap_or(0) * 4 * DAY;
            let tasks = (0..20).map(|account| {
                let (handle, name) = (handles[account % 3].clone(), name.clone());
                async move { Ok(claim(&handle, account, &name, second).await?.ok().map(|_| account)) }
            });
            let owners: Vec<usize> = run_concurrently(tasks).await?.into_iter().flatten().collect();
            ensure_eq!(owners.len(), 1, "accounts that got the name {name:?}: {owners:?}");
            ensure_accepted!(release(&log, owners[0], &name, second + 1).await?, "the release by the owner");
        }
    }
    Ok(())
}

async fn concurrent_claims_of_different_names_succeed(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    let tasks = (0..40).map(|account| {
        let handle = handles[account % 3].clone();
        async move {
            ensure_accepted!(
                claim(&handle, account, &format!("name-{account}"), 0).await?,
                "the claim of account {account}"
            );
            Ok(())
        }
    });
    run_concurrently(tasks).await?;
    ensure_eq!(log.read_one(read(&["name_claimed"], &[])).await?.records.len(), 40, "names claimed");
    Ok(())
}
