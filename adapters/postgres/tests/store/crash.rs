//! A server that crashes under load and restarts.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use annalist_cluster::{Cluster, Stop};
use annalist_core::{
    BoxError, Error,
    store::{Append, AppendOutcome, EventStore, Receipt},
};
use annalist_postgres::Postgres;
use sqlx::{Connection, PgConnection};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::sleep,
};

use crate::{
    events::{command, event, fed, log, tag},
    support::until,
};

const WRITERS: u64 = 6;
const BEFORE: u64 = 200;
const AFTER: u64 = 200;

/// Repeats an append with one command id until its outcome is known.
async fn append_until_answered(store: &Postgres, name: &str) -> Receipt {
    let events = vec![event("noted", [tag(name)]), event("checked", [tag(name)])];
    let append = Append { events, key: Some(command(name)), ..Append::default() };
    loop {
        match store.append_one(append.clone()).await {
            Ok(AppendOutcome::Appended(receipt) | AppendOutcome::Duplicate { receipt, .. }) => {
                return receipt;
            }
            Err(Error::Unavailable { .. } | Error::OutcomeUnknown { .. }) => {
                sleep(Duration::from_millis(5)).await;
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn write(store: Postgres, writer: u64, accepted: Arc<AtomicU64>) -> HashMap<String, Receipt> {
    let mut receipts = HashMap::new();
    for nth in 0.. {
        if accepted.load(Ordering::SeqCst) >= BEFORE + AFTER {
            break;
        }
        let name = format!("{writer}-{nth}");
        receipts.insert(name.clone(), append_until_answered(&store, &name).await);
        accepted.fetch_add(1, Ordering::SeqCst);
    }
    receipts
}

#[tokio::main]
pub(crate) async fn server_crash_loses_no_event() -> Result<(), BoxError> {
    let mut cluster = spawn_blocking(Cluster::start).await??;
    let url = cluster.url();
    let store = Postgres::connect(&url).await?;
    let accepted = Arc::new(AtomicU64::new(0));
    let writers: JoinSet<_> =
        (0..WRITERS).map(|writer| write(store.clone(), writer, Arc::clone(&accepted))).collect();

    until("there is load", || async { accepted.load(Ordering::SeqCst) >= BEFORE }).await;
    let cluster = spawn_blocking(move || {
        cluster.stop(Stop::Immediate)?;
        cluster.start_again()?;
        Ok::<_, annalist_cluster::Error>(cluster)
    })
    .await??;
    until("the server is back", || async { PgConnection::connect(&url).await.is_ok() }).await;
    let receipts: HashMap<_, _> = writers.join_all().await.into_iter().flatten().collect();

    let records = log(&store).await;
    assert_eq!(records.len(), receipts.len() * 2, "each command happened once");
    let ids: HashMap<_, _> = records.iter().map(|record| (record.position, record.id)).collect();
    for (name, receipt) in &receipts {
        for event in &receipt.events {
            assert_eq!(ids.get(&event.position), Some(&event.id), "{name}");
        }
    }
    // The crash leaves unused positions; a feed passes them, also in a new process.
    let head = records.last().map(|record| record.position);
    for store in [store, Postgres::connect(&url).await?] {
        until("all is settled", || async {
            store.settled().await.ok().map(|settled| settled.position) == head
        })
        .await;
        assert_eq!(fed(&store).await, records);
    }
    drop(cluster);
    Ok(())
}
