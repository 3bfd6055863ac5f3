//! Command ids: the same command is accepted once, and its receipt can be asked for again.

use annalist_core::{
    Error, Invalid,
    record::Name,
    store::{Append, AppendOutcome, CommandKey, Marker, Receipt},
};

use crate::{
    Failure,
    failure::Outcome,
    given::*,
    log::{Handle, Log, together},
};

cases!("command_id": [
    the_same_command_again_gives_the_first_receipt,
    an_accepted_id_comes_before_conditions,
    receipts_can_be_asked_for,
    an_id_belongs_to_one_command_and_its_ids,
    a_refused_append_is_not_remembered,
    an_accepted_append_of_nothing_is_remembered,
    ids_are_compared_byte_by_byte,
    a_receipt_of_a_thousand_events_keeps_their_order,
    twenty_at_once_are_accepted_once,
    different_commands_with_one_id_at_once,
    forgotten_ids_are_new_again,
] durable [command_ids_outlive_the_handle]);

fn deposit() -> CommandKey {
    key("c-1", "deposit", &["account:1"])
}

fn deposited() -> Append {
    append([event("deposited", &["account:1"]), event("balanced", &["account:1", "book:1"])])
}

/// Sends what must be refused because its command id belongs to another command.
async fn reused(log: &Handle, append: Append) -> Outcome {
    let text = format!("{:?}", append.key);
    match log.append_one(append).await {
        Err(error) => is_reused(&error, &text),
        Ok(answer) => {
            Err(Failure::new(format!("{text} belongs to another command, but the answer is {answer:?}")))
        }
    }
}

fn is_reused(error: &Error, text: &str) -> Outcome {
    let reused = matches!(error, Error::Invalid(Invalid::CommandIdReused { .. }));
    ensure!(reused, "{text} belongs to another command, but the error is {error:?}");
    Ok(())
}

async fn the_same_command_again_gives_the_first_receipt(log: Log) -> Outcome {
    let sent = deposited().keyed(deposit());
    let first = log.accepted(sent.clone()).await?;
    let handles = log.handles(3).await?;
    for handle in &handles {
        // With the same events, with fresh ones, with none: the id alone decides.
        for again in [sent.clone(), deposited().keyed(deposit()), nothing().keyed(deposit())] {
            ensure_eq!(handle.known(again).await?, first, "the receipt of the same command");
        }
        log.accepted(append([event("deposited", &["account:2"])])).await?;
    }
    ensure_eq!(log.everything().await?.len(), 2 + handles.len(), "events, each once");
    Ok(())
}

async fn an_accepted_id_comes_before_conditions(log: Log) -> Outcome {
    let account = of(&[], &["account:1"]);
    let sent = deposited().keyed(deposit()).under(account.clone(), Marker::START);
    let first = log.accepted(sent.clone()).await?;
    ensure_eq!(log.known(sent).await?, first, "the receipt, although the condition fails by now");
    // The same condition without the id does fail.
    log.conflict(deposited().under(account.clone(), Marker::START)).await?;
    reused(&log, deposited().keyed(key("c-1", "withdraw", &["account:1"])).under(account, Marker::START))
        .await
}

async fn receipts_can_be_asked_for(log: Log) -> Outcome {
    ensure_eq!(log.receipt(&deposit()).await?, None, "the receipt before the command");
    let receipt = log.accepted(deposited().keyed(deposit())).await?;
    for handle in log.handles(2).await? {
        ensure_eq!(handle.receipt(&deposit()).await?, Some(receipt.clone()), "the receipt after the command");
        ensure_eq!(
            handle.receipt(&key("c-2", "deposit", &["account:1"])).await?,
            None,
            "the receipt of another id"
        );
    }
    for other in [key("c-1", "withdraw", &["account:1"]), key("c-1", "deposit", &["account:2"])] {
        match log.receipt(&other).await {
            Err(error) => is_reused(&error, &format!("{other:?}"))?,
            Ok(answer) => {
                return Err(Failure::new(format!(
                    "{other:?} belongs to another command, but has {answer:?}"
                )));
            }
        }
    }
    Ok(())
}

async fn an_id_belongs_to_one_command_and_its_ids(log: Log) -> Outcome {
    let first = log
        .accepted(deposited().keyed(key("c-1", "deposit", &["account:1", "book:1"])).journaled("1"))
        .await?;
    let others = [
        key("c-1", "Deposit", &["account:1", "book:1"]),
        key("c-1", "withdraw", &["account:1", "book:1"]),
        key("c-1", "deposit", &["account:1"]),
        key("c-1", "deposit", &["account:1", "book:2"]),
        key("c-1", "deposit", &["account:1", "book:1", "book:2"]),
        key("c-1", "deposit", &[]),
    ];
    for other in others {
        reused(&log, deposited().keyed(other.clone()).journaled("2")).await?;
        reused(&log, nothing().keyed(other)).await?;
    }
    ensure_eq!(log.everything().await?.len(), 2, "events after refused ids");
    ensure_eq!(log.journal(0, 10).await?.len(), 1, "journal entries after refused ids");
    // The order in which a command names its ids does not matter, nor does naming one twice.
    for same in [&["book:1", "account:1"][..], &["account:1", "book:1", "account:1"]] {
        ensure_eq!(
            log.known(deposited().keyed(key("c-1", "deposit", same))).await?,
            first,
            "the receipt of {same:?}"
        );
    }
    let next = log.accepted(append([event("a", &[])])).await?.position();
    log.settle(next).await
}

async fn a_refused_append_is_not_remembered(log: Log) -> Outcome {
    let account = of(&[], &["account:1"]);
    log.accepted(append([event("opened", &["account:1"])])).await?;
    let sent = || deposited().keyed(deposit());
    log.conflict(sent().under(account.clone(), Marker::START)).await?;
    // Free for another command too, as nothing came of the first.
    let other = key("c-1", "withdraw", &["account:1"]);
    ensure_eq!(log.receipt(&other).await?, None, "the receipt of an id whose command was refused");
    let seen = log.look(read(&[], &["account:1"])).await?.marker;
    let receipt = log.accepted(sent().under(account, seen)).await?;
    ensure_eq!(log.known(sent()).await?, receipt, "the receipt of the second try");
    Ok(())
}

async fn an_accepted_append_of_nothing_is_remembered(log: Log) -> Outcome {
    let account = of(&[], &["account:1"]);
    let sent = || nothing().keyed(deposit()).under(account.clone(), Marker::START);
    ensure_eq!(
        log.accepted(sent()).await?,
        Receipt::default(),
        "the receipt of an accepted command without events"
    );
    log.accepted(append([event("opened", &["account:1"])])).await?;
    ensure_eq!(
        log.known(sent()).await?,
        Receipt::default(),
        "the receipt, although the condition fails by now"
    );
    ensure_eq!(
        log.known(deposited().keyed(deposit())).await?,
        Receipt::default(),
        "the receipt, not new events"
    );
    ensure_eq!(log.receipt(&deposit()).await?, Some(Receipt::default()), "the receipt asked for");
    reused(&log, nothing().keyed(key("c-1", "withdraw", &["account:1"]))).await?;
    ensure_eq!(log.everything().await?.len(), 1, "events");
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
        receipts.push(log.accepted(append([event("a", &[])]).keyed(named(id))).await?);
    }
    for (id, receipt) in ids.iter().zip(receipts) {
        ensure_eq!(log.known(nothing().keyed(named(id))).await?, receipt, "the receipt of {id:?}");
        ensure_eq!(log.receipt(&named(id)).await?, Some(receipt), "the receipt asked for with {id:?}");
    }
    // Nor do odd texts in the name of a command and in its ids meet.
    let scopes = [key("s", "a'b\"c\\", &["k:'\"\\,[]\n", "k:é%_"]), key("s", "a'b\"c\\", &["k:'\"\\,[]\n"])];
    log.accepted(nothing().keyed(scopes[0].clone())).await?;
    log.known(nothing().keyed(scopes[0].clone())).await?;
    reused(&log, nothing().keyed(scopes[1].clone())).await
}

async fn a_receipt_of_a_thousand_events_keeps_their_order(log: Log) -> Outcome {
    let sent = append((0..1_000).map(|n| event("a", &[&format!("n:{}", n % 7)]))).keyed(deposit());
    let first = log.accepted(sent.clone()).await?;
    let found: Vec<_> = log.everything().await?.iter().map(|record| (record.position, record.id)).collect();
    let known = log.known(sent).await?;
    let told: Vec<_> = known.events.iter().map(|event| (event.position, event.id)).collect();
    ensure!(told == found, "the receipt of a thousand events tells other positions or ids than the log has");
    ensure!(known == first, "the second receipt of a thousand events differs from the first");
    Ok(())
}

async fn twenty_at_once_are_accepted_once(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(20) {
        let id = key(format!("c-{round}"), "deposit", &["account:1"]);
        // Half of them bring the same events again, half bring fresh ones; every other round is empty.
        let same = deposited();
        let tasks = (0..20).map(|n| {
            let handle = handles[n % 3].clone();
            let sent = match (round % 4, n % 2) {
                (3, _) => nothing(),
                (_, 0) => same.clone(),
                _ => deposited(),
            };
            let sent = sent.keyed(id.clone());
            async move { Ok(handle.append_one(sent).await?) }
        });
        let answers: Vec<AppendOutcome<Receipt>> = together(tasks).await?;
        let done: Vec<&Receipt> = answers
            .iter()
            .filter_map(|one| if let AppendOutcome::Appended(r) = one { Some(r) } else { None })
            .collect();
        ensure_eq!(done.len(), 1, "appends accepted of twenty with one id: {answers:?}");
        let all_known = answers.iter().all(
            |one| matches!(one, AppendOutcome::Appended(r) | AppendOutcome::Duplicate { receipt: r, .. } if r == done[0]),
        );
        ensure!(all_known, "the other nineteen must get the receipt of the first: {answers:?}");
    }
    let expected = (0..log.rounds(20)).filter(|round| round % 4 != 3).count() * 2;
    ensure_eq!(log.everything().await?.len(), expected, "events after all rounds");
    Ok(())
}

async fn different_commands_with_one_id_at_once(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    for round in 0..log.rounds(10) {
        let tasks = (0..10).map(|n| {
            let handle = handles[n % 2].clone();
            let account = format!("account:{n}");
            let id = key(format!("c-{round}"), "deposit", &[&account]);
            let sent = append([event("deposited", &[&account, &format!("round:{round}")])]).keyed(id);
            async move {
                match handle.append_one(sent).await {
                    Ok(AppendOutcome::Appended(_)) => Ok(1),
                    Err(error) => is_reused(&error, "the id").map(|()| 0),
                    Ok(other) => Err(Failure::new(format!(
                        "the id belongs to one of ten commands, but one got {other:?}"
                    ))),
                }
            }
        });
        ensure_eq!(together(tasks).await?.iter().sum::<usize>(), 1, "commands accepted of ten with one id");
        let events = log.look(read(&[], &[&format!("round:{round}")])).await?.records;
        ensure_eq!(events.len(), 1, "events of ten commands with one id");
    }
    Ok(())
}

async fn forgotten_ids_are_new_again(log: Log) -> Outcome {
    let at = |n: i64| key(format!("c-{n}"), "deposit", &[]);
    // The clock jumps: what counts is the time that was recorded, not the order.
    for seconds in [30, 10, 20, 40, -5] {
        log.accepted(append([event("a", &[])]).keyed(at(seconds)).journaled("{}").at(seconds)).await?;
    }
    let before = log.everything().await?;
    ensure_eq!(
        log.purge_command_ids(seconds_since_1970(-5)).await?,
        0,
        "ids forgotten that are older than the oldest"
    );
    ensure_eq!(
        log.purge_command_ids(seconds_since_1970(20)).await?,
        2,
        "ids forgotten that are older than 20 s"
    );
    ensure_eq!(log.purge_command_ids(seconds_since_1970(20)).await?, 0, "ids forgotten the second time");
    for kept in [20, 30, 40] {
        log.known(nothing().keyed(at(kept))).await?;
    }
    ensure_eq!(log.everything().await?, before, "events after ids were forgotten");
    ensure_eq!(log.journal(0, 10).await?.len(), 5, "journal entries after ids were forgotten");
    for gone in [10, -5] {
        ensure_eq!(log.receipt(&at(gone)).await?, None, "the receipt of a forgotten id");
        log.accepted(append([event("a", &[])]).keyed(at(gone)).at(50)).await?;
        log.known(nothing().keyed(at(gone))).await?;
    }
    ensure_eq!(log.purge_command_ids(annalist_core::time::Timestamp::MAX).await?, 5, "ids forgotten at last");
    Ok(())
}

async fn command_ids_outlive_the_handle(log: Log) -> Outcome {
    let account = of(&[], &["account:1"]);
    let sent = deposited().keyed(deposit()).under(account.clone(), Marker::START);
    let first = log.accepted(sent.clone()).await?;
    let empty = key("c-2", "touch", &[]);
    log.accepted(nothing().keyed(empty.clone())).await?;
    let log = log.restarted().await?;
    ensure_eq!(log.known(sent).await?, first, "the receipt of the same command after a restart");
    ensure_eq!(
        log.known(nothing().keyed(empty)).await?,
        Receipt::default(),
        "the receipt of an empty command after a restart"
    );
    reused(&log, deposited().keyed(key("c-1", "deposit", &["account:2"]))).await?;
    ensure_eq!(log.everything().await?.len(), 2, "events after a restart");
    Ok(())
}
