//! Snapshots: the store holds the latest snapshot for each aggregate and tag, found only with the same fingerprint.

use std::panic::Location;

use annalist_core::{
    criteria::Criteria,
    record::Position,
    store::{PageLimit, Read, Snapshot, SnapshotKey},
};

use super::limits::UNUSUAL_JSON;
use crate::{
    failure::{Outcome, located},
    support::{concurrency::run_concurrently, fixtures::*, handle::Handle, log::Log},
};

cases!("snapshots" needs [Snapshots]: [
    new_log_has_no_snapshots,
    snapshot_is_loaded_as_saved,
    state_of_many_megabytes,
    snapshot_with_another_fingerprint_is_not_found_and_is_replaced,
    later_position_replaces_earlier_one,
    snapshots_of_aggregates_and_tags_are_separate,
    concurrent_writes_keep_the_highest_position,
    snapshots_do_not_change_the_log,
] durable [snapshots_survive_reopen]);

fn snapshot_key(aggregate: &'static str, text: &str) -> SnapshotKey {
    SnapshotKey { aggregate, tag: (!text.is_empty()).then(|| tag(text)), fingerprint: 1 }
}

fn account(id: usize) -> SnapshotKey {
    snapshot_key("Account", &format!("account:{id}"))
}

/// A snapshot at a position.
fn at(position: u64, state: &str) -> Snapshot {
    Snapshot { position: Position::new(position), state: payload(state) }
}

impl Handle {
    /// Saves a snapshot and expects to load it.
    #[track_caller]
    fn save_and_load(&self, key: &SnapshotKey, snapshot: &Snapshot) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            self.save_snapshot(key, snapshot).await?;
            self.expect_snapshot(key, Some(snapshot)).await
        })
    }

    #[track_caller]
    fn expect_snapshot(
        &self,
        key: &SnapshotKey,
        expected: Option<&Snapshot>,
    ) -> impl Future<Output = Outcome> {
        located(Location::caller(), async move {
            ensure_eq!(self.snapshot(key).await?.as_ref(), expected, "snapshot of {key:?}");
            Ok(())
        })
    }
}

async fn new_log_has_no_snapshots(log: Log) -> Outcome {
    log.expect_accepted(append([event("opened", &["account:1"])])).await?;
    for key in [account(1), snapshot_key("Account", ""), snapshot_key("", "")] {
        log.expect_snapshot(&key, None).await?;
    }
    Ok(())
}

async fn snapshot_is_loaded_as_saved(log: Log) -> Outcome {
    let handles = log.handles(2).await?;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    for (n, state) in UNUSUAL_JSON.into_iter().chain([deep.as_str()]).enumerate() {
        log.save_and_load(&account(n), &at(1, state)).await?;
        handles[1].expect_snapshot(&account(n), Some(&at(1, state))).await?;
    }
    for fingerprint in [0, 1, i64::MAX as u64, i64::MAX as u64 + 1, u64::MAX] {
        for position in [Position::new(1), Position::new(1 << 40), Position::END] {
            let key = SnapshotKey { fingerprint, ..snapshot_key("LastInvoice", &format!("at:{position}")) };
            log.save_and_load(&key, &at(position.get(), "{}")).await?;
        }
    }
    Ok(())
}

async fn state_of_many_megabytes(log: Log) -> Outcome {
    for size in [1, 10, 2] {
        let key = SnapshotKey { fingerprint: size, ..account(1) };
        let expected =
            at(100 - size, &format!("{{\"é\":\"{}\"}}", "aé\\n".repeat((size << 20) as usize / 5)));
        log.save_snapshot(&key, &expected).await?;
        let found = log.snapshot(&key).await?;
        ensure!(found == Some(expected), "a state of {size} megabytes was not loaded as it was saved");
    }
    Ok(())
}

async fn snapshot_with_another_fingerprint_is_not_found_and_is_replaced(log: Log) -> Outcome {
    let by = |fingerprint| SnapshotKey { fingerprint, ..account(1) };
    log.save_and_load(&by(1), &at(7, "7")).await?;
    for other in [0, 2, 1 << 32 | 1, u64::MAX, 1 << 63 | 1] {
        log.expect_snapshot(&by(other), None).await?;
    }
    // A snapshot with another fingerprint is replaced at any position.
    for (saved, before, position) in [(2, 1, 8), (1 << 63 | 2, 2, 8), (3, 1 << 63 | 2, 3), (1, 3, 5)] {
        log.save_and_load(&by(saved), &at(position, "\"new\"")).await?;
        log.expect_snapshot(&by(before), None).await?;
    }
    Ok(())
}

async fn later_position_replaces_earlier_one(log: Log) -> Outcome {
    let mut latest = at(50, "50");
    log.save_and_load(&account(1), &latest).await?;
    for position in [1, 49, 51, 9, 100, 99, 1 << 33, 101] {
        let next = at(position, &position.to_string());
        log.save_snapshot(&account(1), &next).await?;
        if next.position > latest.position {
            latest = next;
        }
        log.expect_snapshot(&account(1), Some(&latest)).await?;
    }
    Ok(())
}

async fn snapshots_of_aggregates_and_tags_are_separate(log: Log) -> Outcome {
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
    let keys: Vec<SnapshotKey> = aggregates
        .iter()
        .flat_map(|aggregate| tags.iter().map(|text| snapshot_key(aggregate, text)))
        .collect();
    for (n, key) in keys.iter().enumerate() {
        log.save_and_load(key, &at(1 + n as u64, &n.to_string())).await?;
    }
    for (n, key) in keys.iter().enumerate() {
        log.expect_snapshot(key, Some(&at(1 + n as u64, &n.to_string()))).await?;
    }
    Ok(())
}

async fn concurrent_writes_keep_the_highest_position(log: Log) -> Outcome {
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
        run_concurrently(tasks).await?;
        log.expect_snapshot(&account(round), Some(&at(8, "8"))).await?;
    }
    Ok(())
}

async fn snapshots_do_not_change_the_log(log: Log) -> Outcome {
    let first = log.expect_accepted(append([event("opened", &["account:1"])])).await?.position();
    let (everything, marker) =
        (log.read_all().await?, log.read_one(Read::all(Criteria::all())).await?.marker);
    for id in 0..20 {
        log.save_and_load(&account(id), &at(1, "{}")).await?;
    }
    ensure_eq!(log.read_all().await?, everything, "events after snapshots were saved");
    ensure_eq!(log.journal(0, PageLimit::records(10)).await?, [], "journal after snapshots were saved");
    let conditional = append([event("opened", &["account:2"])]).if_unchanged(Criteria::all(), marker);
    let next = log.expect_accepted(conditional).await?.position();
    let fed = log.feed_until(&Criteria::all(), Position::START, 10, next).await?;
    ensure_eq!(positions_of(&fed), [first, next], "positions of the events in the feed");
    Ok(())
}

async fn snapshots_survive_reopen(log: Log) -> Outcome {
    log.save_and_load(&account(1), &at(7, "7")).await?;
    let log = log.reopened().await?;
    log.expect_snapshot(&account(1), Some(&at(7, "7"))).await?;
    log.save_snapshot(&account(1), &at(6, "6")).await?;
    log.expect_snapshot(&account(1), Some(&at(7, "7"))).await
}
