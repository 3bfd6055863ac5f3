//! The statements of a command and a look-up of its row, as the server receives them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use annalist::{App, Postgres};
use annalist_flow_tests::{
    domain::{account, deposit},
    read_model::Balance,
};
use libtest_mimic::Failed;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use uuid::Uuid;

use crate::debug;

/// How often a statement was prepared and executed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Uses {
    prepared: usize,
    executed: usize,
}

/// The statements that pass a proxy in front of the server.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<HashMap<String, Uses>>>);

impl Statements {
    /// Starts a proxy, and returns the address of the server behind it.
    async fn of(&self, url: &str) -> Result<String, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (user, rest) = url.rsplit_once('@').ok_or("the address has no user")?;
        let (server, database) = rest.split_once('/').ok_or("the address has no database")?;
        let (statements, server) = (self.clone(), server.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(client, server.clone(), statements.clone()));
            }
        });
        Ok(format!("{user}@127.0.0.1:{port}/{database}?sslmode=disable"))
    }

    fn add(&self, sql: &str, prepared: usize, executed: usize) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = all.entry(sql.to_owned()).or_default();
        (uses.prepared, uses.executed) = (uses.prepared + prepared, uses.executed + executed);
    }

    /// The uses of all statements that contain a text.
    fn with(&self, text: &str) -> Uses {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = all.iter().filter(|(sql, _)| sql.contains(text)).map(|(_, uses)| *uses);
        uses.fold(Uses::default(), |sum, one| Uses {
            prepared: sum.prepared + one.prepared,
            executed: sum.executed + one.executed,
        })
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

async fn forward(client: TcpStream, server: String, statements: Statements) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    // As the driver and the server do: a small message does not wait for the acknowledgement of the one before it.
    if client.set_nodelay(true).and(server.set_nodelay(true)).is_err() {
        return;
    }
    let ((from_client, mut to_client), (mut from_server, to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        _ = requests(from_client, to_server, &statements) => {}
        _ = copy(&mut from_server, &mut to_client) => {}
    }
}

/// Forwards messages to the server, and counts the statements. The first message has no type.
async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    statements: &Statements,
) -> std::io::Result<()> {
    let mut names: HashMap<String, String> = HashMap::new();
    let mut is_first = true;
    loop {
        let kind = if is_first { 0 } else { client.read_u8().await? };
        let length = client.read_u32().await?;
        let mut body = vec![0; (length as usize).saturating_sub(4)];
        client.read_exact(&mut body).await?;
        let texts: Vec<String> =
            body.split(|byte| *byte == 0).take(2).map(|text| String::from_utf8_lossy(text).into()).collect();
        match (kind, texts.as_slice()) {
            (b'P', [name, sql]) => {
                statements.add(sql, 1, 0);
                names.insert(name.clone(), sql.clone());
            }
            (b'B', [_, name]) => statements.add(names.get(name).map_or("", String::as_str), 0, 1),
            _ => {}
        }
        if !is_first {
            server.write_u8(kind).await?;
        }
        server.write_u32(length).await?;
        server.write_all(&body).await?;
        is_first = false;
    }
}

/// The projection finds the events of its own process in memory, and commits rows and checkpoint in one statement. The look-up is
/// prepared once a connection, so it is one round trip.
pub(crate) async fn check_statements(url: &str) -> Result<(), Failed> {
    const COMMANDS: usize = 60;
    let statements = Statements::default();
    let schema = format!("flow_{}", Uuid::now_v7().simple());
    let options = Postgres::options().schema(&schema).max_connections(4);
    let store = options.connect(&statements.of(url).await?).await?;
    let app = App::builder(store).projection::<Balance>().start().await?;
    app.execute(deposit("a", 1)).await.map_err(debug)?;
    app.wait_until_caught_up().await?;
    statements.clear();
    for cents in 2..=COMMANDS as i64 + 1 {
        let receipt = app.execute(deposit("a", 1)).await.map_err(debug)?;
        let row = app.find::<Balance>(&account("a")).after(&receipt).await?;
        assert_eq!(row.map(|row| row.cents), Some(cents));
    }
    app.shut_down().await;
    let [appends, commits, look_ups] =
        [".append(", "WITH\n  moved AS", "given.\"#\""].map(|text| statements.with(text));
    assert_eq!((appends.executed, commits.executed), (COMMANDS, COMMANDS));
    // The runner looks up the rows that it has not cached.
    assert!((COMMANDS..COMMANDS + 2).contains(&look_ups.executed), "{look_ups:?}");
    assert!(look_ups.prepared <= 4, "{look_ups:?}");
    // A poll may find an event before its append is acknowledged: then the projection reads a page.
    let pages = statements.with("matching_positions(").executed + statements.with("feed_page(").executed;
    assert!(pages <= COMMANDS / 2, "{pages} pages");
    Ok(())
}
