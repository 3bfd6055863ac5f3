//! Events with one secret, against the same events with the same text in a plain field, both on a SQLite file.

use std::{sync::Arc, time::Instant};

use annalist::{App, Id, Secret, Sqlite, keys::LocalMasterKey, prelude::*};

use crate::{
    Result,
    environment::directory,
    harness::{Pair, Size, side},
    task_pool::rate,
};

/// The number of customers, whose keys are made before.
const CUSTOMERS: usize = 200;
/// The number of tasks that execute commands.
const TASKS: usize = 32;
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct CustomerId(uuid::Uuid);

/// With the address as a secret.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "customer.sealed")]
struct Sealed {
    #[id]
    customer: CustomerId,
    #[secret(subject = customer)]
    email: Secret<String>,
    plan: String,
}

/// With the address as a text.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "customer.plain")]
struct Plain {
    #[id]
    customer: CustomerId,
    email: String,
    plan: String,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = write_sealed)]
struct WriteSealed {
    customer: CustomerId,
    #[secret(subject = customer)]
    email: Secret<String>,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = write_plain)]
struct WritePlain {
    customer: CustomerId,
    email: String,
}

fn write_sealed(command: &WriteSealed) -> Sealed {
    Sealed { customer: command.customer, email: command.email.clone(), plan: "free".to_owned() }
}

fn write_plain(command: &WritePlain) -> Plain {
    Plain { customer: command.customer, email: command.email.clone(), plan: "free".to_owned() }
}

/// Commands that append one event each.
pub(super) async fn commands(size: Size) -> Result<Pair> {
    let (sealed, plain) = logs().await?;
    let commands = size.of(200, 4_000, 20_000);
    Ok(Pair {
        ours: side(sealed, move |log| async move {
            rate(TASKS, commands, move |job| write(Arc::clone(&log), job, true)).await
        }),
        baseline: side(plain, move |log| async move {
            rate(TASKS, commands, move |job| write(Arc::clone(&log), job, false)).await
        }),
    })
}

/// Histories: events are read, decrypted and decoded.
pub(super) async fn histories(size: Size) -> Result<Pair> {
    let (sealed, plain) = logs().await?;
    let events = size.of(500, 20_000, 100_000);
    for (log, is_sealed) in [(&sealed, true), (&plain, false)] {
        let log = Arc::clone(log);
        rate(TASKS, events, move |job| write(Arc::clone(&log), job, is_sealed)).await?;
    }
    Ok(Pair {
        ours: side(sealed, move |log| async move {
            read::<Sealed>(&log, events, |event| event.email.known().map_or(0, String::len)).await
        }),
        baseline: side(plain, move |log| async move {
            read::<Plain>(&log, events, |event| event.email.len()).await
        }),
    })
}

/// An app on a log of its own.
struct Log {
    app: App,
    customers: Vec<CustomerId>,
    /// The folder of the file, which is removed with the log.
    _folder: tempfile::TempDir,
}

/// A log for the events with secrets, and one for the others.
async fn logs() -> Result<(Arc<Log>, Arc<Log>)> {
    let (sealed, plain) = (log(true).await?, log(false).await?);
    for job in 0..CUSTOMERS {
        write(Arc::clone(&sealed), job, true).await?;
    }
    Ok((sealed, plain))
}

/// A new log, whose app has keys if it is for secrets.
async fn log(has_secrets: bool) -> Result<Arc<Log>> {
    let folder = directory()?;
    let store = Sqlite::open(folder.path().join("log.db")).await?;
    let builder = App::builder(store);
    let builder = if has_secrets { builder.keys(LocalMasterKey::new([7; 32])) } else { builder };
    let app = builder.start().await?;
    let customers = (0..CUSTOMERS).map(|_| CustomerId::new()).collect();
    Ok(Arc::new(Log { app, customers, _folder: folder }))
}

async fn write(log: Arc<Log>, job: usize, is_sealed: bool) -> Result<()> {
    let customer = log.customers[job % CUSTOMERS];
    let email = format!("customer-{job}@example.org");
    match is_sealed {
        true => log.app.execute(WriteSealed { customer, email: Secret::new(email) }).await?,
        false => log.app.execute(WritePlain { customer, email }).await?,
    };
    Ok(())
}

/// Reads, decrypts and decodes the history of each customer. Returns the events of a second.
async fn read<E: Event>(log: &Log, events: usize, length: impl Fn(&E) -> usize) -> Result<f64> {
    let (start, mut count) = (Instant::now(), 0);
    for customer in &log.customers {
        let history = log.app.history::<E>(customer).await?;
        count += history.iter().filter(|recorded| length(&recorded.event) > 0).count();
    }
    let time = start.elapsed();
    // The events that made the keys come on top.
    match count >= events {
        true => Ok(count as f64 / time.as_secs_f64()),
        false => Err(format!("{count} events instead of {events}").into()),
    }
}
