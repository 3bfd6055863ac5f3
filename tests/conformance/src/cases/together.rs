//! Appends that stand or fall together: all of them in their order, or nothing.

use std::collections::HashMap;

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    record::{Position, Record},
    store::{Append, AppendOutcome, Marker, Outcome as Fate, Read, Receipt},
};

use super::drops::dropped_after;
use crate::{
    Failure,
    failure::{Outcome, panicked},
    given::*,
    log::{Handle, Log, together},
    rows::unusable,
};

cases!("together" needs [AppendBatch]: [
    all_are_there_in_their_order,
    nothing_and_one,
    one_that_is_refused_is_refused_for_all,
    a_known_id_is_refused_for_all,
    an_id_of_another_command_is_an_error_for_all,
    own_events_are_no_conflict,
    the_marker_after_them_guards,
    ids_and_journal_are_kept_for_each,
    an_id_twice_is_an_error,
    as_many_as_the_store_takes,
    every_answer_is_right_on_random_logs,
    one_winner_under_a_shared_tag,
    readers_see_all_or_nothing,
    dropped_ones_are_all_there_or_none,
] durable [what_is_acknowledged_outlives_the_handle]);

/// An event of this type about `x:1`.
fn about_x(name: &'static str) -> Append {
    append([event(name, &["x:1"])])
}

fn x() -> Criteria {
    of(&[], &["x:1"])
}

/// What is in the log: its events, and where its feed and its journal end.
#[derive(Debug, PartialEq)]
struct Kept {
    records: Vec<Record>,
    journal: usize,
}

async fn kept(log: &Handle) -> Outcome<Kept> {
    Ok(Kept { records: log.everything().await?, journal: log.journal(0, usize::MAX).await?.len() })
}

/// Nothing was written, and nothing keeps what comes next from being fed.
async fn unchanged(log: &Handle, before: &Kept, what: &str) -> Outcome {
    ensure_eq!(kept(log).await?, *before, "what is kept after {what}");
    let next = log.accepted(append([event("next", &[])])).await?.position();
    let fed = log.drain(&Criteria::all(), Position::START, 10, next).await?;
    let mut wanted = places(&before.records);
    wanted.push(next);
    ensure_eq!(places(&fed), wanted, "the feed past {what}");
    Ok(())
}

async fn all_are_there_in_their_order(log: Log) -> Outcome {
    log.accepted(about_x("before")).await?;
    let drafts: Vec<Vec<_>> = vec![
        vec![event("a", &["x:1"]), event("b", &["y:1"])],
        vec![],
        vec![event_with("a", &["x:1", "y:2"], "[1]")],
        vec![event("c", &[]), event("a", &["x:2"]), event("b", &["x:1"])],
    ];
    let all = drafts.iter().zip(1..).map(|(drafts, second)| append(drafts.clone()).at(second));
    let receipts = log.all_accepted(all.collect()).await?;
    let mut wanted = vec![];
    for ((drafts, receipt), second) in drafts.iter().zip(&receipts).zip(1..) {
        for (draft, event) in drafts.iter().zip(&receipt.events) {
            let record = draft.clone().record(
                event.position,
                seconds_since_1970(second),
                annalist_core::record::Metadata::default(),
            );
            wanted.push(record);
        }
    }
    for handle in log.handles(2).await? {
        ensure_eq!(handle.everything().await?[1..], wanted, "the events of four appends");
        let of_x: Vec<Position> =
            wanted.iter().filter(|one| x().matches(&one.name, &one.tags)).map(|one| one.position).collect();
        ensure_eq!(
            places(&handle.look(Read::all(x())).await?.records)[1..],
            of_x,
            "those of them about one thing"
        );
        let end = receipts[3].position();
        let fed = handle.drain(&Criteria::all(), Position::START, 2, end).await?;
        ensure_eq!(fed[1..], wanted, "their feed");
    }
    Ok(())
}

async fn nothing_and_one(log: Log) -> Outcome {
    ensure_eq!(log.append(vec![]).await?, AppendOutcome::Appended(vec![]), "the answer to no appends");
    let receipt = log.all_accepted(vec![about_x("a").keyed(key("c-1", "write", &[]))]).await?.remove(0);
    ensure_eq!(places(&log.everything().await?), positions(&receipt), "the event of a single append");
    let conflict =
        AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position: receipt.position() };
    let refused = about_x("a").under(x(), Marker::START);
    ensure_eq!(log.none_accepted(vec![refused]).await?, conflict, "why a single append is refused");
    let known = about_x("a").keyed(key("c-1", "write", &[]));
    let already = AppendOutcome::Duplicate { index: 0, receipt };
    ensure_eq!(log.none_accepted(vec![known]).await?, already, "why a single command is refused");
    let receipts = log.all_accepted(vec![nothing(), nothing()]).await?;
    ensure_eq!(receipts, [Receipt::default(), Receipt::default()], "the receipts of appends of nothing");
    ensure_eq!(log.everything().await?.len(), 1, "events");
    Ok(())
}

async fn one_that_is_refused_is_refused_for_all(log: Log) -> Outcome {
    let conflicting_position = log.accepted(about_x("a")).await?.position();
    let before = kept(&log).await?;
    let id = |nth: usize| key(format!("c-{nth}"), "write", &["y:1"]);
    for refused in 0..3 {
        let all = (0..3).map(|nth| {
            let sent = append([event("b", &["y:1"]), event("a", &["y:1", "x:1"])]).keyed(id(nth));
            let sent = sent.journaled("{}").under(of(&["b"], &["y:1"]), Marker::START);
            if nth == refused { sent.under(x(), Marker::START) } else { sent }
        });
        let answer = log.none_accepted(all.collect()).await?;
        let conflict = AppendOutcome::Conflict { index: refused, condition: 1, conflicting_position };
        ensure_eq!(answer, conflict, "which of three appends is refused and why");
        ensure_eq!(kept(&log).await?, before, "what is kept after append {refused} of three was refused");
        for nth in 0..3 {
            ensure_eq!(
                log.receipt(&id(nth)).await?,
                None,
                "the receipt of command {nth}, which is not there"
            );
        }
    }
    unchanged(&log, &before, "appends that were refused together").await?;
    // An append of nothing is refused for all, too.
    let all = vec![append([event("b", &["y:1"])]), nothing().under(x(), Marker::START)];
    ensure_eq!(
        log.none_accepted(all).await?,
        AppendOutcome::Conflict { index: 1, condition: 0, conflicting_position },
        "why nothing is refused"
    );
    let all = vec![
        append([event("b", &["y:1"])]).under(x(), Marker::START),
        append([event("b", &["y:1"])]).under(of(&["a"], &[]), Marker::START),
    ];
    let refused = log.none_accepted(all).await?;
    ensure!(
        matches!(refused, AppendOutcome::Conflict { condition: 0, conflicting_position: at, .. } if at == conflicting_position),
        "of two appends that conflict with position {conflicting_position} one is refused, not {refused:?}"
    );
    ensure_eq!(log.look(read(&[], &["y:1"])).await?.records, [], "events of appends that were refused");
    Ok(())
}

async fn a_known_id_is_refused_for_all(log: Log) -> Outcome {
    let id = key("c-1", "write", &["x:1"]);
    let first = log.accepted(about_x("a").keyed(id.clone())).await?;
    let before = kept(&log).await?;
    for known in 0..3 {
        let all = (0..3).map(|nth| match nth == known {
            // The id comes before the condition, which fails.
            true => about_x("b").keyed(id.clone()).under(x(), Marker::START).journaled("1"),
            false => about_x("b").keyed(key(format!("other-{nth}"), "write", &[])).journaled("2"),
        });
        let answer = log.none_accepted(all.collect()).await?;
        ensure_eq!(
            answer,
            AppendOutcome::Duplicate { index: known, receipt: first.clone() },
            "which of three commands is known"
        );
        for nth in 0..3 {
            let other = key(format!("other-{nth}"), "write", &[]);
            ensure_eq!(log.receipt(&other).await?, None, "the receipt of a command beside a known one");
        }
    }
    unchanged(&log, &before, "appends beside a known command").await
}

async fn an_id_of_another_command_is_an_error_for_all(log: Log) -> Outcome {
    log.accepted(about_x("a").keyed(key("c-1", "write", &["x:1"]))).await?;
    let before = kept(&log).await?;
    for reused in 0..3 {
        let all = (0..3).map(|nth| match nth == reused {
            true => about_x("b").keyed(key("c-1", "erase", &["x:1"])),
            false => about_x("b").journaled("{}"),
        });
        let answer = log.append(all.collect()).await;
        let is_reused = matches!(answer, Err(Error::Invalid(Invalid::CommandIdReused { .. })));
        ensure!(is_reused, "an id of another command gives {answer:?}");
    }
    unchanged(&log, &before, "appends beside a command with the id of another").await
}

async fn own_events_are_no_conflict(log: Log) -> Outcome {
    for round in 0..3 {
        let watched = [x(), of(&["a"], &["x:1"]), of(&["a"], &[]), Criteria::all()];
        let reads: Vec<Read> = watched.iter().cloned().map(Read::all).collect();
        let seen = log.read(&reads).await?;
        // Each was decided on top of those before it, and all of them on what was read.
        let sent = |nth: usize| {
            let batches = watched.iter().zip(&seen).skip(nth % 2);
            batches.fold(append([event("a", &["x:1"]), event("b", &[])]), |sent, (criteria, batch)| {
                sent.under(criteria.clone(), batch.marker)
            })
        };
        log.all_accepted((0..4).map(sent).collect()).await?;
        ensure_eq!(log.everything().await?.len(), 8 * (round + 1), "events that match what the next watch");
    }
    Ok(())
}

async fn the_marker_after_them_guards(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let (watched, other) = (of(&["a"], &["x:1"]), of(&["c"], &[]));
    let mut marker = log.look(Read::all(watched.clone())).await?.marker;
    for _ in 0..5 {
        let all = (0..3).map(|nth| {
            let sent = append([event("a", &["x:1"]), event("b", &["x:1"])]).under(watched.clone(), marker);
            if nth == 1 { sent.under(other.clone(), Marker::START) } else { sent }
        });
        let receipts = log.all_accepted(all.collect()).await?;
        marker = Marker::after(&receipts[2]);
        // It stands for whatever one of them guarded, also after events that do not match.
        handles[1].accepted(append([event("b", &["x:1"]), event("a", &["x:2"])])).await?;
        log.accepted(nothing().under(watched.clone(), marker).under(other.clone(), marker)).await?;
        let too_early = nothing().under(watched.clone(), Marker::after(&receipts[1]));
        let conflicting_position = receipts[2].events[0].position;
        ensure_eq!(
            log.conflict(too_early).await?,
            (0, conflicting_position),
            "what the marker after the second of three met"
        );
    }
    let conflicting_position = handles[1].accepted(about_x("a")).await?.position();
    let conflict = AppendOutcome::Conflict { index: 1, condition: 0, conflicting_position };
    let all = vec![append([event("b", &[])]), about_x("a").under(watched, marker)];
    ensure_eq!(log.none_accepted(all).await?, conflict, "what the marker met after somebody's event");
    Ok(())
}

async fn ids_and_journal_are_kept_for_each(log: Log) -> Outcome {
    let id = |nth: usize| key(format!("c-{nth}"), "write", &[&format!("n:{nth}")]);
    let sent = |nth: usize| match nth {
        1 => nothing().keyed(id(nth)).journaled("1"),
        2 => append([event("a", &[])]).journaled("2"),
        3 => append([event("a", &[])]).keyed(id(nth)),
        _ => append([event("a", &[]), event("b", &[])]).keyed(id(nth)).journaled(&nth.to_string()),
    };
    let receipts = log.all_accepted((0..5).map(sent).collect()).await?;
    for (nth, receipt) in receipts.iter().enumerate().filter(|(nth, _)| *nth != 2) {
        ensure_eq!(log.receipt(&id(nth)).await?.as_ref(), Some(receipt), "the receipt of command {nth}");
        ensure_eq!(log.known(sent(nth)).await?, *receipt, "the receipt of command {nth}, sent again");
    }
    let mut entries: Vec<_> = log.journal(0, 10).await?;
    // Their numbers are drawn for all of them at once; whether in their order is nobody's business.
    entries.sort_by_key(|entry| entry.body.as_str().to_owned());
    let told: Vec<_> = entries.into_iter().map(|entry| (entry.body.to_string(), entry.outcome)).collect();
    let wanted = [0, 1, 2, 4].map(|nth| (nth.to_string(), Fate::Accepted(positions(&receipts[nth]))));
    ensure_eq!(told, wanted, "the journal of five appends");
    Ok(())
}

async fn an_id_twice_is_an_error(log: Log) -> Outcome {
    let before = kept(&log).await?;
    let id = || key("c-1", "write", &["x:1"]);
    for other in [id(), key("c-1", "erase", &["x:1"])] {
        let all = vec![about_x("a").keyed(id()), about_x("a"), about_x("a").keyed(other).journaled("{}")];
        unusable(log.append(all).await)?;
        ensure_eq!(log.receipt(&id()).await?, None, "the receipt of an id that came twice");
    }
    unchanged(&log, &before, "appends with one id").await
}

async fn as_many_as_the_store_takes(log: Log) -> Outcome {
    let most = log.max_batch();
    let before = kept(&log).await?;
    let own = |nth: usize| of(&["a"], &[&format!("n:{nth}")]);
    let sent = |nth: usize| {
        let sent = append([event("a", &[&format!("n:{nth}"), "x:1"]), event("b", &[])]);
        sent.under(own(nth), Marker::START).keyed(key(format!("c-{nth}"), "write", &[])).journaled("{}")
    };
    unusable(log.append((0..=most).map(sent).collect()).await)?;
    unchanged(&log, &before, "more appends than the store takes").await?;
    let receipts = log.all_accepted((0..most).map(sent).collect()).await?;
    let read = log.look(Read::all(x())).await?.records;
    let firsts: Vec<Position> = receipts.iter().map(|receipt| receipt.events[0].position).collect();
    ensure_eq!(places(&read), firsts, "the events of {most} appends");
    let last = sent(most).under(own(most - 1), Marker::after(&receipts[most - 2]));
    let conflict =
        AppendOutcome::Conflict { index: most - 1, condition: 1, conflicting_position: firsts[most - 1] };
    let all = (most + 1..2 * most).map(sent).chain([last]).collect();
    ensure_eq!(log.none_accepted(all).await?, conflict, "why the last of {most} is refused");
    Ok(())
}

async fn every_answer_is_right_on_random_logs(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let mut random = log.random("together");
    let (mut receipts, mut done, mut refused) = (HashMap::new(), 0, 0);
    for round in 0..log.rounds(60) {
        let handle = random.choice(&handles).unwrap_or(&handles[0]);
        let mut all = vec![];
        for nth in 0..random.usize(1..=6.min(log.max_batch())) {
            let mut sent = append((0..random.usize(0..3)).map(|_| random_event(&mut random)));
            for _ in 0..random.usize(0..3) {
                let criteria = random_criteria(&mut random);
                // Seldom an old one, so that many rounds go through.
                let up_to = if random.u8(0..12) == 0 { random.u64(0..20) } else { u64::MAX };
                let read = Read::all(criteria.clone()).up_to(Position::new(up_to));
                sent = sent.under(criteria, handle.look(read).await?.marker);
            }
            let again = !receipts.is_empty() && random.u8(0..20) == 0;
            let id = if again { random.usize(0..=round) } else { round };
            sent.key = random.bool().then(|| key(format!("c-{id}-{nth}"), "write", &[]));
            all.push(sent);
        }
        let wanted = refusals(handle, &all, &receipts).await?;
        match handle.append(all.clone()).await? {
            AppendOutcome::Appended(given) => {
                ensure!(wanted.is_empty(), "all were accepted, although {wanted:?} are refused");
                done += 1;
                for (sent, receipt) in all.into_iter().zip(given) {
                    receipts.extend(sent.key.map(|key| (key.id().to_owned(), receipt)));
                }
            }
            other => {
                let other = other.map(|_| Receipt::default());
                ensure!(wanted.contains(&other), "the answer is {other:?}, not one of {wanted:?}");
                refused += 1;
            }
        }
    }
    ensure!(done > 0 && refused > 0, "{done} were accepted, {refused} refused");
    Ok(())
}

/// Every refusal that is right: by a known id, or by a condition that meets an event which nobody read.
async fn refusals(
    log: &Handle,
    all: &[Append],
    receipts: &HashMap<String, Receipt>,
) -> Outcome<Vec<AppendOutcome<Receipt>>> {
    let mut refusals = vec![];
    for (index, sent) in all.iter().enumerate() {
        if let Some(receipt) = sent.key.as_ref().and_then(|key| receipts.get(key.id())) {
            refusals.push(AppendOutcome::Duplicate { index, receipt: receipt.clone() });
            continue;
        }
        // Alone and without events, each would be told the same of its conditions.
        for (condition, one) in sent.conditions.iter().enumerate() {
            let alone = nothing().under(one.criteria.clone(), one.marker);
            if let AppendOutcome::Conflict { conflicting_position, .. } = log.append_one(alone).await? {
                refusals.push(AppendOutcome::Conflict { index, condition, conflicting_position });
            }
        }
    }
    Ok(refusals)
}

async fn one_winner_under_a_shared_tag(log: Log) -> Outcome {
    const RACERS: usize = 8;
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(15) {
        let watched = of(&["claimed"], &[&format!("name:{round}")]);
        let seen = log.look(Read::all(watched.clone())).await?.marker;
        let tasks = (0..RACERS).map(|racer| {
            let (handle, watched) = (handles[racer % 3].clone(), watched.clone());
            async move {
                let (name, own) = (format!("name:{round}"), format!("racer:{racer}"));
                let claim = || append([event("claimed", &[&name, &own])]).under(watched.clone(), seen);
                // Some claim alone, the others in the middle of something else.
                let all = match racer % 3 {
                    0 => vec![claim()],
                    1 => vec![append([event("moved", &[&own])]), claim()],
                    _ => vec![claim(), claim(), append([event("moved", &[&own])])],
                };
                let events = all.len();
                match handle.append(all).await? {
                    AppendOutcome::Appended(_) => Ok(Some(events)),
                    AppendOutcome::Conflict { .. } => Ok(None),
                    other => Err(Failure::new(format!("appends without ids: {other:?}"))),
                }
            }
        });
        let before = log.everything().await?.len();
        let won: Vec<usize> = together(tasks).await?.into_iter().flatten().collect();
        ensure_eq!(won.len(), 1, "winners of {RACERS} in round {round}");
        ensure_eq!(log.everything().await?.len(), before + won[0], "events after round {round}");
    }
    Ok(())
}

async fn readers_see_all_or_nothing(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(20);
    let writers = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                handle.all_accepted((0..4).map(|_| append([event("part", &[&whole])])).collect()).await?;
            }
            Ok(())
        }
    });
    let readers = (0..2).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for _ in 0..rounds {
                all_whole(&handle.look(read(&["part"], &[])).await?.records)?;
            }
            Ok(())
        }
    });
    let writers = tokio::spawn(together(writers.collect::<Vec<_>>()));
    together(readers).await?;
    writers.await.map_err(panicked)??;
    all_whole(&log.look(read(&["part"], &[])).await?.records)
}

/// Four events have the same tag.
fn all_whole(records: &[Record]) -> Outcome {
    let mut parts = HashMap::new();
    for record in records {
        *parts.entry(&record.tags[0]).or_insert(0) += 1;
    }
    let halves: Vec<_> = parts.iter().filter(|(_, count)| **count != 4).collect();
    ensure!(halves.is_empty(), "of four appends that stand together these are there: {halves:?}");
    Ok(())
}

async fn dropped_ones_are_all_there_or_none(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let rounds = log.rounds(25);
    let tasks = (0..4).map(|task| {
        let handle = handles[task % 2].clone();
        async move {
            for round in 0..rounds {
                let whole = format!("whole:{task}-{round}");
                let id = |nth| key(format!("c-{task}-{round}-{nth}"), "write", &[]);
                let all = (0..4).map(|nth| append([event("part", &[&whole])]).keyed(id(nth))).collect();
                let answer = dropped_after(round % 5, handle.append(all)).await.transpose()?;
                // Nobody drops this one: it must go through behind the others.
                let last = handle.append_one(nothing().keyed(id(3))).await?;
                let there = handle.look(read(&["part"], &[&whole])).await?.records.len();
                let known = matches!(last, AppendOutcome::Duplicate { .. });
                ensure!(there == if known { 4 } else { 0 }, "{there} events, and the last id {last:?}");
                ensure!(known || answer.is_none(), "{answer:?} was acknowledged, but is not there");
            }
            Ok(())
        }
    });
    together(tasks).await.map(drop)
}

async fn what_is_acknowledged_outlives_the_handle(log: Log) -> Outcome {
    let id = |nth: usize| key(format!("c-{nth}"), "write", &[]);
    let all = (0..4).map(|nth| about_x("a").keyed(id(nth)).journaled("{}"));
    let receipts = log.all_accepted(all.collect()).await?;
    let before = kept(&log).await?;
    let log = log.restarted().await?;
    ensure_eq!(kept(&log).await?, before, "what is kept after a restart");
    for (nth, receipt) in receipts.into_iter().enumerate() {
        ensure_eq!(log.receipt(&id(nth)).await?, Some(receipt), "the receipt of command {nth}");
    }
    Ok(())
}
