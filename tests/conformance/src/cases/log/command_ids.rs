//! Command ids: a command is accepted once, and its receipt can be found again.

use annalist_core::{
    Error, Invalid,
    record::Name,
    store::{Append, AppendOutcome, CommandKey, Marker, PageLimit, Receipt},
    time::Timestamp,
};

use crate::{
    Failure,
    failure::Outcome,
    support::{concurrency::run_concurrently, fixtures::*, handle::Handle, log::Log},
};

cases!("command_ids": [
    repeated_command_returns_the_first_receipt,
    accepted_id_is_checked_before_conditions,
    receipt_is_found_by_command_id,
    id_is_bound_to_one_command_and_its_tags,
    id_of_a_refused_append_can_be_reused,
    id_of_an_accepted_empty_append_is_stored,
    ids_are_compared_byte_by_byte,
    receipt_of_a_thousand_events_keeps_their_order,
    concurrent_appends_with_one_id_are_accepted_once,
    different_commands_racing_for_one_id,
    purged_ids_can_be_used_again,
    only_ids_in_the_range_are_purged,
] durable [command_ids_survive_reopen]);

fn deposit() -> CommandKey {
    command_key("c-1", "deposit", &["account:1"])
}

fn deposited() -> Append {
    append([event("deposited", &["account:1"]), event("balanced", &["account:1", "book:1"])])
}

/// Appends and expects an error because the command id belongs to another command.
async fn expect_id_reused(log: &Handle, append: Append) -> Outcome {
    let text = format!("{:?}", append.key);
    match log.append_one(append).await {
        Err(error) => check_id_reused(&error, &text),
        Ok(result) => Err(Failure::new(format!(
            "{text} belongs to another command: `append` must fail, but returned {result:?}"
        ))),
    }
}

fn check_id_reused(error: &Error, text: &str) -> Outcome {
    let reused = matches!(error, Error::Invalid(Invalid::CommandIdReused { .. }));
    ensure!(
        reused,
        "{text} belongs to another command: the error must be `CommandIdReused`, but is {error:?}"
    );
    Ok(())
}

async fn repeated_command_returns_the_first_receipt(log: Log) -> Outcome {
    let request = deposited().with_key(deposit());
    let first = log.expect_accepted(request.clone()).await?;
    let handles = log.handles(3).await?;
    for handle in &handles {
        // With the same events, with new ones and without events: only the id is compared.
        for again in [request.clone(), deposited().with_key(deposit()), empty_append().with_key(deposit())] {
            ensure_eq!(handle.expect_duplicate(again).await?, first, "receipt of a repeated command");
        }
        log.expect_accepted(append([event("deposited", &["account:2"])])).await?;
    }
    ensure_eq!(log.read_all().await?.len(), 2 + handles.len(), "number of events");
    Ok(())
}

async fn accepted_id_is_checked_before_conditions(log: Log) -> Outcome {
    let account = criteria_for(&[], &["account:1"]);
    let request = deposited().with_key(deposit()).if_unchanged(account.clone(), Marker::START);
    let first = log.expect_accepted(request.clone()).await?;
    ensure_eq!(
        log.expect_duplicate(request).await?,
        first,
        "receipt of a repeated command whose condition fails by now"
    );
    // Without the id the condition fails.
    log.expect_conflict(deposited().if_unchanged(account.clone(), Marker::START)).await?;
    expect_id_reused(
        &log,
        deposited()
            .with_key(command_key("c-1", "withdraw", &["account:1"]))
            .if_unchanged(account, Marker::START),
    )
    .await
}

async fn receipt_is_found_by_command_id(log: Log) -> Outcome {
    ensure_eq!(log.receipt(&deposit()).await?, None, "receipt before the command");
    let receipt = log.expect_accepted(deposited().with_key(deposit())).await?;
    for handle in log.handles(2).await? {
        ensure_eq!(handle.receipt(&deposit()).await?, Some(receipt.clone()), "receipt after the command");
        ensure_eq!(
            handle.receipt(&command_key("c-2", "deposit", &["account:1"])).await?,
            None,
            "receipt of an unknown id"
        );
    }
    for other in
        [command_key("c-1", "withdraw", &["account:1"]), command_key("c-1", "deposit", &["account:2"])]
    {
        match log.receipt(&other).await {
            Err(error) => check_id_reused(&error, &format!("{other:?}"))?,
            Ok(result) => {
                return Err(Failure::new(format!(
                    "{other:?} belongs to another command: `receipt` must fail, but returned {result:?}"
                )));
            }
        }
    }
    Ok(())
}

async fn id_is_bound_to_one_command_and_its_tags(log: Log) -> Outcome {
    let first = log
        .expect_accepted(
            deposited().with_key(command_key("c-1", "deposit", &["account:1", "book:1"])).with_journal("1"),
        )
        .await?;
    let others = [
        command_key("c-1", "Deposit", &["account:1", "book:1"]),
        command_key("c-1", "withdraw", &["account:1", "book:1"]),
        command_key("c-1", "deposit", &["account:1"]),
        command_key("c-1", "deposit", &["account:1", "book:2"]),
        command_key("c-1", "deposit", &["account:1", "book:1", "book:2"]),
        command_key("c-1", "deposit", &[]),
    ];
    for other in others {
        expect_id_reused(&log, deposited().with_key(other.clone()).with_journal("2")).await?;
        expect_id_reused(&log, empty_append().with_key(other)).await?;
    }
    ensure_eq!(log.read_all().await?.len(), 2, "number of events after appends with a reused id");
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?.len(),
        1,
        "number of journal entries after appends with a reused id"
    );
    // The order of the tags does not matter, and neither do duplicates.
    for same in [&["book:1", "account:1"][..], &["account:1", "book:1", "account:1"]] {
        ensure_eq!(
            log.expect_duplicate(deposited().with_key(command_key("c-1", "deposit", same))).await?,
            first,
            "receipt of a repeated command with the tags {same:?}"
        );
    }
    let next = log.expect_accepted(append([event("a", &[])])).await?.position();
    log.wait_until_settled(next).await
}

async fn id_of_a_refused_append_can_be_reused(log: Log) -> Outcome {
    let account = criteria_for(&[], &["account:1"]);
    log.expect_accepted(append([event("opened", &["account:1"])])).await?;
    let request = || deposited().with_key(deposit());
    log.expect_conflict(request().if_unchanged(account.clone(), Marker::START)).await?;
    // The id is not bound to the refused command.
    let other = command_key("c-1", "withdraw", &["account:1"]);
    ensure_eq!(log.receipt(&other).await?, None, "receipt of an id whose command was refused");
    let seen = log.read_one(read(&[], &["account:1"])).await?.marker;
    let receipt = log.expect_accepted(request().if_unchanged(account, seen)).await?;
    ensure_eq!(log.expect_duplicate(request()).await?, receipt, "receipt of the second attempt");
    Ok(())
}

async fn id_of_an_accepted_empty_append_is_stored(log: Log) -> Outcome {
    let account = criteria_for(&[], &["account:1"]);
    let request = || empty_append().with_key(deposit()).if_unchanged(account.clone(), Marker::START);
    ensure_eq!(
        log.expect_accepted(request()).await?,
        Receipt::default(),
        "receipt of an accepted command without events"
    );
    log.expect_accepted(append([event("opened", &["account:1"])])).await?;
    ensure_eq!(
        log.expect_duplicate(request()).await?,
        Receipt::default(),
        "receipt of a repeated command whose condition fails by now"
    );
    ensure_eq!(
        log.expect_duplicate(deposited().with_key(deposit())).await?,
        Receipt::default(),
        "receipt of a repeated command that was accepted without events"
    );
    ensure_eq!(log.receipt(&deposit()).await?, Some(Receipt::default()), "receipt found by the command id");
    expect_id_reused(&log, empty_append().with_key(command_key("c-1", "withdraw", &["account:1"]))).await?;
    ensure_eq!(log.read_all().await?.len(), 1, "number of events");
    Ok(())
}

async fn ids_are_compared_byte_by_byte(log: Log) -> Outcome {
    let long = "x".repeat(200);
    let ids = [
        "c",
        "C",
        "c ",
        " c",
        "c\t",
        "c\n",
        "é",
        "e\u{301}",
        "'",
        "''",
        "\"",
        "\\",
        "\\\\",
        "%",
        "_",
        "?",
        "$1",
        "\u{1f}",
        "\u{1}",
        "😀",
        "null",
        "ß",
        "ss",
        "{}",
        "a,b",
        &long[..199],
        &long,
    ];
    let named = |id: &str| CommandKey::new(Name::new("id", id.to_owned()).unwrap(), name("deposit"), []);
    let mut receipts = vec![];
    for id in ids {
        receipts.push(log.expect_accepted(append([event("a", &[])]).with_key(named(id))).await?);
    }
    for (id, receipt) in ids.iter().zip(receipts) {
        ensure_eq!(
            log.expect_duplicate(empty_append().with_key(named(id))).await?,
            receipt,
            "receipt of a repeated command with the id {id:?}"
        );
        ensure_eq!(log.receipt(&named(id)).await?, Some(receipt), "receipt found by the id {id:?}");
    }
    // Special characters in the command name and in the tags are compared, too.
    let scopes = [
        command_key("s", "a'b\"c\\", &["k:'\"\\,[]\n", "k:é%_"]),
        command_key("s", "a'b\"c\\", &["k:'\"\\,[]\n"]),
    ];
    log.expect_accepted(empty_append().with_key(scopes[0].clone())).await?;
    log.expect_duplicate(empty_append().with_key(scopes[0].clone())).await?;
    expect_id_reused(&log, empty_append().with_key(scopes[1].clone())).await
}

async fn receipt_of_a_thousand_events_keeps_their_order(log: Log) -> Outcome {
    let request = append((0..1_000).map(|n| event("a", &[&format!("n:{}", n % 7)]))).with_key(deposit());
    let first = log.expect_accepted(request.clone()).await?;
    let found: Vec<_> = log.read_all().await?.iter().map(|record| (record.position, record.id)).collect();
    let known = log.expect_duplicate(request).await?;
    let in_receipt: Vec<_> = known.events.iter().map(|event| (event.position, event.id)).collect();
    ensure!(in_receipt == found, "the receipt of a thousand events has other positions or ids than the log");
    ensure!(known == first, "the receipt of the repeated command differs from the first one");
    Ok(())
}

async fn concurrent_appends_with_one_id_are_accepted_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(20) {
        let id = command_key(format!("c-{round}"), "deposit", &["account:1"]);
        // Half of the tasks send the same events, half send new ones; every fourth round has no events.
        let same = deposited();
        let tasks = (0..20).map(|n| {
            let handle = handles[n % 3].clone();
            let request = match (round % 4, n % 2) {
                (3, _) => empty_append(),
                (_, 0) => same.clone(),
                _ => deposited(),
            };
            let request = request.with_key(id.clone());
            async move { Ok(handle.append_one(request).await?) }
        });
        let results: Vec<AppendOutcome<Receipt>> = run_concurrently(tasks).await?;
        let done: Vec<&Receipt> = results
            .iter()
            .filter_map(|one| if let AppendOutcome::Appended(r) = one { Some(r) } else { None })
            .collect();
        ensure_eq!(done.len(), 1, "number of accepted appends among twenty with one id: {results:?}");
        let all_known = results
            .iter()
            .all(|one| matches!(one, AppendOutcome::Appended(r) | AppendOutcome::Duplicate { receipt: r, .. } if r == done[0]));
        ensure!(all_known, "the other nineteen must return the receipt of the accepted one: {results:?}");
    }
    let expected = (0..log.rounds(20)).filter(|round| round % 4 != 3).count() * 2;
    ensure_eq!(log.read_all().await?.len(), expected, "number of events after all rounds");
    Ok(())
}

async fn different_commands_racing_for_one_id(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(10) {
        let tasks = (0..10).map(|n| {
            let handle = handles[n % 2].clone();
            let account = format!("account:{n}");
            let id = command_key(format!("c-{round}"), "deposit", &[&account]);
            let request = append([event("deposited", &[&account, &format!("round:{round}")])]).with_key(id);
            async move {
                match handle.append_one(request).await {
                    Ok(AppendOutcome::Appended(_)) => Ok(1),
                    Err(error) => check_id_reused(&error, "the id").map(|()| 0),
                    Ok(other) => Err(Failure::new(format!(
                        "of ten commands with one id, each must be accepted or fail, but one returned {other:?}"
                    ))),
                }
            }
        });
        ensure_eq!(
            run_concurrently(tasks).await?.iter().sum::<usize>(),
            1,
            "number of accepted commands among ten with one id"
        );
        let events = log.read_one(read(&[], &[&format!("round:{round}")])).await?.records;
        ensure_eq!(events.len(), 1, "number of events of ten commands with one id");
    }
    Ok(())
}

async fn purged_ids_can_be_used_again(log: Log) -> Outcome {
    let key_at = |n: i64| command_key(format!("c-{n}"), "deposit", &[]);
    // The recorded time counts, not the order in the log.
    for seconds in [30, 10, 20, 40, -5] {
        log.expect_accepted(
            append([event("a", &[])]).with_key(key_at(seconds)).with_journal("{}").recorded_at(seconds),
        )
        .await?;
    }
    let before = log.read_all().await?;
    ensure_eq!(
        log.purge_command_ids(seconds_since_1970(-5), CommandKey::ALL_IDS).await?,
        0,
        "number of ids purged before the oldest"
    );
    ensure_eq!(
        log.purge_command_ids(seconds_since_1970(20), CommandKey::ALL_IDS).await?,
        2,
        "number of ids purged before 20 s"
    );
    ensure_eq!(
        log.purge_command_ids(seconds_since_1970(20), CommandKey::ALL_IDS).await?,
        0,
        "number of ids purged the second time"
    );
    for left in [20, 30, 40] {
        log.expect_duplicate(empty_append().with_key(key_at(left))).await?;
    }
    ensure_eq!(log.read_all().await?, before, "events after the purge");
    ensure_eq!(
        log.journal(0, PageLimit::records(10)).await?.len(),
        5,
        "number of journal entries after the purge"
    );
    for purged in [10, -5] {
        ensure_eq!(log.receipt(&key_at(purged)).await?, None, "receipt of a purged id");
        log.expect_accepted(append([event("a", &[])]).with_key(key_at(purged)).recorded_at(50)).await?;
        log.expect_duplicate(empty_append().with_key(key_at(purged))).await?;
    }
    ensure_eq!(
        log.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await?,
        5,
        "number of ids purged at the end"
    );
    Ok(())
}

/// The range is that of the bytes, whatever the language of the database: `Z` is before `a`, and `_` between them.
async fn only_ids_in_the_range_are_purged(log: Log) -> Outcome {
    let key_of = |id: &'static str| command_key(id, "deposit", &[]);
    let ids = ["a/1", "a/2", "a/10", "A/2", "a", "a0", "b", "Z", "_"];
    for id in ids {
        log.expect_accepted(append([event("a", &[])]).with_key(key_of(id)).recorded_at(10)).await?;
    }
    ensure_eq!(log.purge_command_ids(seconds_since_1970(10), "a/".."a0").await?, 0, "ids purged before 10 s");
    ensure_eq!(log.purge_command_ids(Timestamp::MAX, "b".."b").await?, 0, "ids purged of an empty range");
    ensure_eq!(log.purge_command_ids(Timestamp::MAX, "a/1".."a/2").await?, 2, "ids purged from a/1 to a/2");
    for id in ids {
        let is_left = log.receipt(&key_of(id)).await?.is_some();
        ensure_eq!(is_left, !["a/1", "a/10"].contains(&id), "whether {id} is left");
    }
    ensure_eq!(log.purge_command_ids(Timestamp::MAX, "".."a").await?, 3, "ids purged up to a");
    ensure_eq!(log.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await?, 4, "ids purged at the end");
    Ok(())
}

async fn command_ids_survive_reopen(log: Log) -> Outcome {
    let account = criteria_for(&[], &["account:1"]);
    let request = deposited().with_key(deposit()).if_unchanged(account.clone(), Marker::START);
    let first = log.expect_accepted(request.clone()).await?;
    let empty = command_key("c-2", "touch", &[]);
    log.expect_accepted(empty_append().with_key(empty.clone())).await?;
    let log = log.reopened().await?;
    ensure_eq!(
        log.expect_duplicate(request).await?,
        first,
        "receipt of a repeated command after the log was reopened"
    );
    ensure_eq!(
        log.expect_duplicate(empty_append().with_key(empty)).await?,
        Receipt::default(),
        "receipt of a repeated command without events after the log was reopened"
    );
    expect_id_reused(&log, deposited().with_key(command_key("c-1", "deposit", &["account:2"]))).await?;
    ensure_eq!(log.read_all().await?.len(), 2, "number of events after the log was reopened");
    Ok(())
}
