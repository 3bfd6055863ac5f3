//! Verification of builds and parked events: they refer to positions and events of their log.

use annalist_core::{
    finding::FindingKind,
    record::{Position, Record},
    rows::{Anchor, Parked, SharedRows, Table},
    verify::{VerifyReport, verify},
};

use crate::{
    failure::Outcome,
    support::{
        fixtures::*,
        handle::Handle,
        log::Log,
        rows::*,
        workers::{Round, Workers},
    },
};

cases!("verify_rows" needs [Rows]: [
    correct_builds_are_no_findings,
    running_followers_are_no_findings,
    thousands_of_parked_events_are_checked,
    checkpoint_after_the_end_of_the_log_is_found,
    anchor_that_is_not_in_the_log_is_found,
    parked_event_that_is_not_in_the_log_is_found,
    builds_in_another_row_store_are_compared_with_their_log,
]);

/// A follower without rows of its own.
const MAILER: Table = Table { projection: "mailer", version: 1, build: 0, columns: &[] };

/// Verifies a log and the rows in one store.
async fn report(log: &Handle, rows: SharedRows) -> Outcome<VerifyReport> {
    Ok(verify(&*log.store(), &[rows]).await?)
}

/// Verifies a log and its own rows, and expects no findings.
async fn expect_sound(log: &Handle) -> Outcome {
    let report = report(log, log.rows().store()).await?;
    ensure!(report.is_sound(), "a correct store must have no findings: {report}");
    Ok(())
}

/// Verifies a log and rows, and expects one finding of this kind, at a place that contains the text.
async fn expect_finding(log: &Handle, rows: SharedRows, kind: FindingKind, place: &str) -> Outcome {
    let report = report(log, rows).await?;
    let [finding] = report.findings.as_slice() else {
        return Err(crate::Failure::new(format!("there must be one finding: {report}")));
    };
    ensure_eq!(finding.kind, kind, "kind of the finding {finding}");
    ensure!(finding.place.contains(place), "the place of the finding must contain {place:?}: {finding}");
    ensure_eq!(report.total, 1, "number of findings");
    Ok(())
}

/// Appends this many events, and returns all of the log once they are settled.
async fn appended(log: &Handle, count: usize) -> Outcome<Vec<Record>> {
    let last =
        log.expect_accepted(append((0..count).map(|_| event("added", &["thing:1"])))).await?.position();
    log.wait_until_settled(last).await?;
    log.read_all().await
}

fn parked_event(record: &Record) -> Parked {
    Parked { position: record.position, event: record.id, ..parked(1, &["things:1"], "no", 1) }
}

async fn correct_builds_are_no_findings(log: Log) -> Outcome {
    expect_sound(&log).await?;
    let records = appended(&log, 3).await?;
    let rows = log.rows();
    for table in [THINGS, THINGS.built(1), Table { version: 2, ..THINGS }, MAILER] {
        rows.define_table(&table).await?;
    }
    expect_sound(&log).await?;
    let last = &records[2];
    let park = vec![parked_event(&records[0]), parked_event(&records[2])];
    let moved = change(&THINGS, 0, last.position.get()).upserting(vec![thing(1, "a", 1)]);
    rows.expect_committed(moved.with_anchor(Anchor::of(last)).parking(park)).await?;
    rows.expect_committed(change(&MAILER, 0, last.position.get()).with_anchor(Anchor::of(&records[1])))
        .await?;
    rows.promote(&THINGS, false).await?;
    expect_sound(&log).await?;
    rows.promote(&THINGS.built(1), false).await?;
    rows.report(&THINGS, Some("a reason")).await?;
    for handle in log.handles(2).await? {
        expect_sound(&handle).await?;
    }
    Ok(())
}

async fn running_followers_are_no_findings(log: Log) -> Outcome {
    appended(&log, 1).await?;
    log.rows().define_table(&THINGS).await?;
    let handles = log.handles(3).await?;
    let appender = handles[1].clone();
    let append = move |_| -> Round {
        let handle = appender.clone();
        Box::pin(
            async move { handle.expect_accepted(append([event("added", &["thing:1"])])).await.map(drop) },
        )
    };
    let runner = handles[2].clone();
    let run = move |_| -> Round {
        let handle = runner.clone();
        Box::pin(async move {
            let (rows, checkpoint) = (handle.rows(), handle.rows().checkpoint_of(&THINGS).await?);
            let page =
                handle.feed_page(&annalist_core::criteria::Criteria::all(), checkpoint.position, 5).await?;
            let Some(last) = page.records.last() else { return Ok(()) };
            let parked: Vec<u64> = rows.parked(&THINGS).await?.iter().map(|one| one.position.get()).collect();
            let moved =
                change(&THINGS, checkpoint.position.get(), last.position.get()).with_anchor(Anchor::of(last));
            let moved =
                moved.if_parked(checkpoint.parked).unparking(parked).parking(vec![parked_event(last)]);
            rows.expect_committed(moved).await
        })
    };
    let workers: Vec<Box<dyn FnMut(usize) -> Round + Send>> = vec![Box::new(append), Box::new(run)];
    let mut workers = Workers::start(workers, log.rounds(20));
    for _ in 0..log.rounds(20) {
        workers.wait_for_progress().await;
        expect_sound(&log).await?;
    }
    workers.finish().await
}

async fn thousands_of_parked_events_are_checked(log: Log) -> Outcome {
    let records = appended(&log, 2300).await?;
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let end = records[2299].position.get();
    let mut park: Vec<Parked> = records.iter().map(parked_event).collect();
    rows.expect_committed(change(&THINGS, 0, end).parking(park.clone())).await?;
    expect_sound(&log).await?;
    park[2298].event = uuid::Uuid::from_u128(1);
    let again = change(&THINGS, end, end).if_parked(2300).parking(vec![park.swap_remove(2298)]);
    rows.expect_committed(again).await?;
    expect_finding(&log, rows.store(), FindingKind::Parked, "things_v1").await
}

async fn checkpoint_after_the_end_of_the_log_is_found(log: Log) -> Outcome {
    let end = appended(&log, 3).await?[2].position.get();
    let rows = log.rows();
    rows.define_table(&THINGS.built(1)).await?;
    rows.expect_committed(change(&THINGS.built(1), 0, end)).await?;
    expect_sound(&log).await?;
    rows.expect_committed(change(&THINGS.built(1), end, end + 1)).await?;
    expect_finding(&log, rows.store(), FindingKind::Checkpoint, "things_v1_1").await
}

async fn anchor_that_is_not_in_the_log_is_found(log: Log) -> Outcome {
    let last = appended(&log, 3).await?.swap_remove(2);
    let rows = log.rows();
    rows.define_table(&MAILER).await?;
    let at = last.position.get();
    rows.expect_committed(change(&MAILER, 0, at).with_anchor(Anchor::of(&last))).await?;
    expect_sound(&log).await?;
    rows.expect_committed(change(&MAILER, at, at).with_anchor(anchor(at))).await?;
    expect_finding(&log, rows.store(), FindingKind::Checkpoint, "mailer_v1").await
}

async fn parked_event_that_is_not_in_the_log_is_found(log: Log) -> Outcome {
    let last = appended(&log, 3).await?.swap_remove(2);
    let rows = log.rows();
    rows.define_table(&THINGS).await?;
    let at = last.position.get();
    rows.expect_committed(change(&THINGS, 0, at).parking(vec![parked_event(&last)])).await?;
    expect_sound(&log).await?;
    let wrong = Parked { event: uuid::Uuid::from_u128(1), ..parked_event(&last) };
    rows.expect_committed(change(&THINGS, at, at).if_parked(1).parking(vec![wrong])).await?;
    expect_finding(&log, rows.store(), FindingKind::Parked, "things_v1").await
}

async fn builds_in_another_row_store_are_compared_with_their_log(log: Log) -> Outcome {
    let other = log.another_log().await?;
    let records = appended(&log, 3).await?;
    let rows = TestRows::new(other.rows().store(), log.log_id());
    rows.define_table(&THINGS).await?;
    let last = &records[2];
    let at = last.position.get();
    let first = change(&THINGS, 0, at).with_anchor(Anchor::of(last)).parking(vec![parked_event(&records[0])]);
    rows.expect_committed(first).await?;
    for verified in [&log, &other] {
        let report = report(verified, rows.store()).await?;
        ensure!(report.is_sound(), "rows of another log that are correct must have no findings: {report}");
    }
    let wrong = Parked { event: uuid::Uuid::from_u128(1), ..parked_event(&records[1]) };
    rows.expect_committed(change(&THINGS, at, at).if_parked(1).parking(vec![wrong])).await?;
    expect_finding(&log, rows.store(), FindingKind::Parked, "things_v1").await?;
    rows.expect_committed(change(&THINGS, at, at).if_parked(2).unparking([records[1].position.get()]))
        .await?;
    rows.expect_committed(change(&THINGS, at, at).if_parked(1).with_anchor(anchor(at))).await?;
    expect_finding(&log, rows.store(), FindingKind::Checkpoint, "things_v1").await?;
    rows.expect_committed(change(&THINGS, at, at).if_parked(1).with_anchor(Anchor::of(last))).await?;
    rows.expect_committed(change(&THINGS, at, Position::END.get()).if_parked(1)).await?;
    expect_finding(&log, rows.store(), FindingKind::Checkpoint, "things_v1").await?;
    // For the log in whose store the rows are, they are those of another log.
    ensure!(
        report(&other, rows.store()).await?.is_sound(),
        "rows of another log must not be compared with this one"
    );
    Ok(())
}
