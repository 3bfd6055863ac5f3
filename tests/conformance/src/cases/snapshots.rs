//! Snapshots: of each aggregate and tag the latest that one code has kept, found by that code alone.

use std::panic::Location;

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{Read, Snapshot, SnapshotKey},
};

use super::limits::ODD_JSON;
use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log, asked, together},
};

cases!("snapshot" needs [Snapshots]: [
    there_are_none_at_first,
    what_is_kept_comes_back,
    a_state_of_many_megabytes,
    other_code_finds_none_and_replaces,
    a_later_position_replaces_and_an_earlier_does_not,
    aggregates_and_tags_stand_apart,
    of_many_at_once_the_latest_stays,
    the_log_knows_nothing_of_them,
] durable [they_outlive_the_handle]);

fn whose(aggregate: &'static str, text: &str) -> SnapshotKey {
    SnapshotKey { aggregate, tag: (!text.is_empty()).then(|| tag(text)), fingerprint: 1 }
}

fn account(id: usize) -> SnapshotKey {
    whose("Account", &format!("account:{id}"))
}

/// The state at a position, in this JSON.
fn at(position: u64, state: &str) -> Snapshot {
    Snapshot { position: Position::new(position), state: payload(state) }
}

impl Handle {
    /// Keeps a snapshot that must be found afterwards.
    #[track_caller]
    fn kept(&self, key: &SnapshotKey, snapshot: &Snapshot) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            self.save_snapshot(key, snapshot).await?;
            self.finds(key, Some(snapshot)).await
        })
    }

    #[track_caller]
    fn finds(&self, key: &SnapshotKey, wanted: Option<&Snapshot>) -> impl Future<Output = Outcome> {
        asked(Location::caller(), async move {
            ensure_eq!(self.snapshot(key).await?.as_ref(), wanted, "the snapshot of {key:?}");
            Ok(())
        })
    }
}

async fn there_are_none_at_first(log: Log) -> Outcome {
    log.accepted(append([event("opened", &["account:1"])])).await?;
    for key in [account(1), whose("Account", ""), whose("", "")] {
        log.finds(&key, None).await?;
    }
    Ok(())
}

async fn what_is_kept_comes_back(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (n, state) in ODD_JSON.into_iter().chain([deep.as_str()]).enumerate() {
        log.kept(&account(n), &at(1, state)).await?;
        handles[1].finds(&account(n), Some(&at(1, state))).await?;
    }
    for fingerprint in [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        for position in [Position::new(1), Position::new(1 << 40), Position::END] {
            let key = SnapshotKey { fingerprint, ..whose("LastInvoice", &format!("at:{position}")) };
            log.kept(&key, &at(position.get(), "{}")).await?;
        }
    }
    Ok(())
}

async fn a_state_of_many_megabytes(log: Log) -> Outcome {
    for size in [1, 10, 2] {
        let key = SnapshotKey { fingerprint: size, ..account(1) };
        let wanted = at(100 - size, &format!("{{\"é\":\"{}\"}}", "aé\\n".repeat((size << 20) as usize / 5)));
        log.save_snapshot(&key, &wanted).await?;
        let found = log.snapshot(&key).await?;
        ensure!(found == Some(wanted), "a state of {size} megabytes is found as it was kept");
    }
    Ok(())
}

async fn other_code_finds_none_and_replaces(log: Log) -> Outcome {
    let by = |fingerprint| SnapshotKey { fingerprint, ..account(1) };
    log.kept(&by(1), &at(7, "7")).await?;
    for other in [0, 2, 1 << 32 | 1, u64::MAX, 1 << 63 | 1] {
        log.finds(&by(other), None).await?;
    }
    // Whoever keeps, at whatever position, has the place.
    for (kept, before, position) in [(2, 1, 8), (1 << 63 | 2, 2, 8), (3, 1 << 63 | 2, 3), (1, 3, 5)] {
        log.kept(&by(kept), &at(position, "\"new\"")).await?;
        log.finds(&by(before), None).await?;
    }
    Ok(())
}

async fn a_later_position_replaces_and_an_earlier_does_not(log: Log) -> Outcome {
    let mut latest = at(50, "50");
    log.kept(&account(1), &latest).await?;
    for position in [1, 49, 51, 9, 100, 99, 1 << 33, 101] {
        let next = at(position, &position.to_string());
        log.save_snapshot(&account(1), &next).await?;
        if next.position > latest.position {
            latest = next;
        }
        log.finds(&account(1), Some(&latest)).await?;
    }
    Ok(())
}

async fn aggregates_and_tags_stand_apart(log: Log) -> Outcome {
    let long = format!("a:{}", "x".repeat(500));
    let longer = format!("{long}x");
    let tags = [
        "",
        "a:",
        "a:1",
        "a:10",
        "a:b",
        "a:B",
        "a: b",
        "a:b ",
        "a:é",
        "a:e\u{301}",
        "a:%",
        "a:_",
        "a:'",
        "a:\"",
        "a:\\",
        "a:\n",
        "a:\u{1}",
        "a:null",
        "b:1",
        &long,
        &longer,
    ];
    let aggregates = ["Account", "account", "Accoun", "Account2", "Konto\u{e4}", "a"];
    let keys: Vec<SnapshotKey> =
        aggregates.iter().flat_map(|aggregate| tags.iter().map(|text| whose(aggregate, text))).collect();
    for (n, key) in keys.iter().enumerate() {
        log.kept(key, &at(1 + n as u64, &n.to_string())).await?;
    }
    for (n, key) in keys.iter().enumerate() {
        log.finds(key, Some(&at(1 + n as u64, &n.to_string()))).await?;
    }
    Ok(())
}

async fn of_many_at_once_the_latest_stays(log: Log) -> Outcome {
    let handles = log.handles(3).await?;
    for round in 0..log.rounds(80) {
        let mut positions: Vec<u64> = (1..=8).collect();
        log.random(("snapshots", round)).shuffle(&mut positions);
        let tasks = positions.into_iter().enumerate().map(|(task, position)| {
            let handle = handles[task % 3].clone();
            async move {
                handle.save_snapshot(&account(round), &at(position, &position.to_string())).await?;
                Ok(())
            }
        });
        together(tasks).await?;
        log.finds(&account(round), Some(&at(8, "8"))).await?;
    }
    Ok(())
}

async fn the_log_knows_nothing_of_them(log: Log) -> Outcome {
    let first = log.accepted(append([event("opened", &["account:1"])])).await?.position();
    let (everything, marker) = (log.everything().await?, log.look(Read::all(Criteria::all())).await?.marker);
    for id in 0..20 {
        log.kept(&account(id), &at(1, "{}")).await?;
    }
    ensure_eq!(log.everything().await?, everything, "the log after snapshots were kept");
    ensure_eq!(log.journal(0, 10).await?, [], "the journal after snapshots were kept");
    let guarded = append([event("opened", &["account:2"])]).under(Criteria::all(), marker);
    let next = log.accepted(guarded).await?.position();
    let fed = log.drain(&Criteria::all(), Position::START, 10, next).await?;
    ensure_eq!(places(&fed), [first, next], "what the feed gives");
    Ok(())
}

async fn they_outlive_the_handle(log: Log) -> Outcome {
    log.kept(&account(1), &at(7, "7")).await?;
    let log = log.restarted().await?;
    log.finds(&account(1), Some(&at(7, "7"))).await?;
    log.save_snapshot(&account(1), &at(6, "6")).await?;
    log.finds(&account(1), Some(&at(7, "7"))).await
}
