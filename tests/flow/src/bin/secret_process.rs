//! A process with secrets: `secret_process LOCATION [CALL]`. It prints `ready`, and executes the lines that it reads, such as
//! `register ann` and `forget ann`, each with one line as its answer. Before the call of a store with this name it prints `reached`, and
//! waits until it is killed.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // it reports to the test that kills it

#[path = "../../tests/secrets/domain.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod domain;
#[path = "../../tests/secrets/faulty_keys.rs"]
#[allow(dead_code, reason = "the tests use all of it")]
mod faulty_keys;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist::{
    App, Error, EventStore, Postgres, Sqlite,
    app::Journal,
    keys::{LocalMasterKey, SharedKeys},
    raw::rows::SharedRows,
};
use annalist_flow_tests::faulty_rows::{FaultPoint, FaultyRows, RowFault};
use tokio::task::JoinHandle;

use self::{
    domain::{Address, Customer, CustomerEvent, customer, register},
    faulty_keys::FaultyKeys,
};

/// Far longer than needed, for busy machines.
const TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (location, held) = (arguments.next().unwrap(), arguments.next());
    let app = start(&location, held).await;
    println!("ready");
    let mut asking = None;
    // This thread is none of the runtime's workers.
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let (command, name) = line.split_once(' ').unwrap_or((&line, ""));
        println!("{}", answer(&app, command, name, &mut asking).await);
    }
}

/// Starts the app. It waits for ever before the held call.
async fn start(location: &str, held: Option<String>) -> App {
    let store: Arc<dyn EventStore> = match location.split_once('@') {
        Some((schema, url)) => Arc::new(Postgres::options().schema(schema).connect(url).await.unwrap()),
        None => Arc::new(Sqlite::open(location).await.unwrap()),
    };
    let rows: SharedRows = store.row_store().unwrap();
    let (rows, keys) =
        (Arc::new(FaultyRows::new(rows)), Arc::new(FaultyKeys::new(store.key_store().unwrap())));
    let shared: SharedKeys = keys.clone();
    let builder = App::builder(store).journal(Journal::All).rows(Arc::clone(&rows));
    let builder = builder.projection::<Address>().keys_in(shared, LocalMasterKey::new([7; 32]));
    let app = builder.start().await.unwrap();
    if let Some(held) = held {
        app.wait_until_caught_up().await.unwrap();
        keys.hold(&held);
        rows.plan(FaultPoint::Named(held.leak()), RowFault::Held);
        tokio::spawn(async move {
            tokio::select! {
                () = keys.until_reached() => {}
                () = rows.until_injected() => {}
            }
            println!("reached");
        });
    }
    app
}

/// Queries in a loop, until it is stopped.
struct Asking {
    is_over: Arc<AtomicBool>,
    asked: JoinHandle<(usize, Option<Error>)>,
}

impl Asking {
    fn start(app: App, name: String) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let asked = tokio::spawn(async move {
            for count in 0.. {
                if over.load(Ordering::SeqCst) {
                    return (count, None);
                }
                if let Err(error) = everything(&app, &name).await {
                    return (count, Some(error));
                }
            }
            unreachable!("it counts further")
        });
        Self { is_over, asked }
    }

    /// The number of answers, and the first error.
    async fn stop(self) -> String {
        self.is_over.store(true, Ordering::SeqCst);
        let (count, error) = self.asked.await.unwrap();
        assert!(count > 0 || error.is_some());
        error.map_or("no errors".to_owned(), |error| format!("after {count} answers: {error}"))
    }
}

async fn answer(app: &App, command: &str, name: &str, asking: &mut Option<Asking>) -> String {
    match command {
        "register" => {
            let receipt = app.execute(register(name)).await.unwrap();
            let row = app.find::<Address>(&customer(name)).after(&receipt).timeout(TIMEOUT);
            row.await.unwrap().unwrap().email
        }
        "forget" => format!("{:?}", app.forget(&customer(name)).await.map(|erasure| erasure.actor)),
        "ask" => {
            *asking = Some(Asking::start(app.clone(), name.to_owned()));
            "asking".to_owned()
        }
        "answers" => asking.take().unwrap().stop().await,
        "everything" => everything(app, name).await.unwrap(),
        "completed" => {
            let is_incomplete =
                async || app.erasures().await.unwrap().iter().any(|erasure| erasure.completed_at.is_none());
            while is_incomplete().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            "completed".to_owned()
        }
        other => unreachable!("unknown command `{other}`"),
    }
}

/// Everything that the process answers about a customer, in one line.
async fn everything(app: &App, name: &str) -> Result<String, Error> {
    let id = customer(name);
    let row = app.find::<Address>(&id).await?;
    let rows = app.list::<Address>().equal("customer", &id).await?.rows;
    let state = app.load::<Customer>(&id).await?;
    let live = app.live::<Address>(&id).await?;
    let mut texts = vec![format!("{row:?} {rows:?} {live:?} {:?}", state.copied)];
    texts.extend(state.email.and_then(annalist::Secret::into_known));
    for recorded in app.history::<CustomerEvent>(&id).await? {
        if let CustomerEvent::Registered { email, .. } = recorded.event {
            texts.push(email.known().cloned().unwrap_or_else(|| "forgotten".to_owned()));
        }
    }
    let journal = app.journal(0, 100).await?;
    let of_customer = journal.iter().filter(|entry| entry.body.as_str().contains(&format!("\"{name}\"")));
    texts.extend(of_customer.map(|entry| entry.body.as_str().to_owned()));
    texts.push(serde_json::to_string(&app.personal_data(&id).await?).unwrap());
    Ok(texts.join(" "))
}
