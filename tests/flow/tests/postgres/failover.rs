//! A failover under running apps: the primary is lost, and a standby that had not received its last writes is promoted.

use std::sync::Arc;

use annalist::{
    App, Error, ExecuteError, Memory, Postgres, Sqlite,
    projection::{ProjectionOptions, State},
};
use annalist_cluster::{Cluster, Stop};
use annalist_flow_tests::{
    domain::{Account, Refused, account, deposit, transfer_of},
    read_model::{Balance, EventCount},
    versions::Tally,
};
use libtest_mimic::Failed;
use sqlx::{Connection, PgConnection, raw_sql};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinSet, spawn_blocking},
    time::timeout,
};

use crate::{DEFAULT_TIMEOUT, debug};

/// An address that leads to the current primary, as that of a load balancer does.
struct Proxy {
    port: u16,
    /// The port of the server. A change cuts all connections.
    server: watch::Sender<u16>,
}

impl Proxy {
    async fn start(server: u16) -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (server, current) = watch::channel(server);
        tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                connections.spawn(forward(client, current.clone()));
            }
        });
        Ok(Self { port, server })
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

async fn forward(mut client: TcpStream, mut server: watch::Receiver<u16>) {
    let port = *server.borrow_and_update();
    let Ok(mut upstream) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut upstream) => {}
        _ = server.changed() => {}
    }
}

async fn execute_sql(url: &str, statement: &'static str) -> Result<(), Failed> {
    raw_sql(statement).execute(&mut PgConnection::connect(url).await?).await?;
    Ok(())
}

/// Waits until a query of one boolean returns `true`.
async fn until_true(url: &str, query: &'static str) -> Result<(), Failed> {
    let mut connection = PgConnection::connect(url).await?;
    while !sqlx::query_scalar::<_, bool>(query).fetch_one(&mut connection).await? {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Balances beside the log, counts of events in a file, tallies with the appends.
async fn start(store: Arc<Postgres>, file: &Sqlite) -> Result<App, Failed> {
    let app = App::builder(store)
        .projection::<Balance>()
        .projection_with::<EventCount>(ProjectionOptions::new().rows(file.clone()))
        .projection_with::<Tally>(ProjectionOptions::new().inline());
    let app = app.start().await?;
    app.wait_until("tallies", |status| status.state == State::Inline).await?;
    Ok(app)
}

pub(crate) async fn to_a_lagging_standby() -> Result<(), Failed> {
    let (mut primary, standby) = spawn_blocking(|| {
        let primary = Cluster::start()?;
        let standby = primary.standby()?;
        Ok::<_, annalist_cluster::Error>((primary, standby))
    })
    .await??;
    let proxy = Proxy::start(primary.port()).await?;
    let folder = tempfile::tempdir()?;
    let file = Sqlite::open(folder.path().join("rows.db")).await?;
    // Two processes: one has written, the other only follows.
    let store = || async { Ok::<_, Failed>(Arc::new(Postgres::connect(&proxy.url()).await?)) };
    let writer = start(store().await?, &file).await?;
    let reader = App::builder(store().await?).rows(Memory::new()).projection::<Balance>().start().await?;
    let earlier = writer.execute(deposit("a", 10)).await.map_err(debug)?;
    writer.wait_until_caught_up().await?;
    until_true(&standby.url(), "SELECT EXISTS (SELECT FROM annalist.events)").await?;

    // The standby receives nothing any more.
    execute_sql(&standby.url(), "ALTER SYSTEM SET primary_conninfo TO ''").await?;
    execute_sql(&standby.url(), "SELECT pg_reload_conf()").await?;
    until_true(&standby.url(), "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)").await?;
    let mut lost = Vec::new();
    for _ in 0..30 {
        lost.push(writer.execute(deposit("a", 1)).await.map_err(debug)?);
    }
    let last = &lost[29];
    for app in [&writer, &reader] {
        let row = app.find::<Balance>(&account("a")).after(last).await?;
        assert_eq!(row.map(|row| row.cents), Some(40));
    }
    // The counts are not queried above, and have to include lost events too.
    writer.wait_for_position("event_counts", last, DEFAULT_TIMEOUT).await?;

    let port = standby.port();
    let standby = spawn_blocking(move || {
        primary.stop(Stop::Immediate)?;
        standby.promote()?;
        Ok::<_, annalist_cluster::Error>(standby)
    })
    .await??;
    proxy.server.send_replace(port);

    // The first query on the new server: what is lost is not shown as a row that is missing or old.
    let refused = writer.find::<Balance>(&account("a")).after(last).await;
    let Err(refused) = refused else { return Err(format!("the receipt is lost: {refused:?}").into()) };
    let refused = refused.to_string();
    assert!(refused.contains("is not in") || refused.contains("has gone back"), "{refused}");

    // The cached state has 40.
    let rejected = writer.execute(transfer_of("a", "b", 11)).await;
    let insufficient = Refused::Insufficient { balance: 10 };
    assert!(
        matches!(&rejected, Err(ExecuteError::Rejected(refused)) if *refused == insufficient),
        "{rejected:?}"
    );
    let receipt = writer.execute(transfer_of("a", "b", 4)).await.map_err(debug)?;
    assert_eq!(writer.load::<Account>(&account("a")).await?.balance, 6);

    // Rows beside the log went back with it; inline rows too.
    let row = writer.find::<Balance>(&account("a")).after(&receipt).await?;
    assert_eq!(row.map(|row| (row.cents, row.events)), Some((6, 2)));
    let row = writer.find::<Tally>(&account("a")).after(&receipt).await?;
    assert_eq!(row.map(|row| row.sum), Some(6));
    let refused = writer.find::<Balance>(&account("a")).after(last).await;
    assert!(matches!(&refused, Err(Error::Unusable { .. })), "{refused:?}");
    let row = writer.find::<Balance>(&account("a")).after(&earlier).await?;
    assert_eq!(row.map(|row| row.cents), Some(6));

    // Rows in other stores include lost events: they stop, with the event.
    for (app, name) in [(&writer, "event_counts"), (&reader, "balances")] {
        let stopped = app.wait_until(name, |status| matches!(status.state, State::Stopped(_)));
        let status =
            timeout(DEFAULT_TIMEOUT, stopped).await.map_err(|_| format!("`{name}` is not stopped"))??;
        let State::Stopped(stopped) = status.state else { return Err("it is stopped".into()) };
        assert_eq!(stopped.event, last.events.first().map(|event| event.id), "{stopped}");
        app.rebuild(name).await?;
        let rebuilt = app.wait_until(name, |status| status.reads.is_some_and(|table| table.build == 1));
        timeout(DEFAULT_TIMEOUT, rebuilt).await.map_err(|_| format!("`{name}` is not rebuilt"))??;
    }
    let row = reader.find::<Balance>(&account("a")).after(&receipt).await?;
    assert_eq!(row.map(|row| row.cents), Some(6));
    drop(standby);
    Ok(())
}
