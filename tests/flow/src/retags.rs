//! An older program whose payments have no id of the order, and a newer one in which the order is an `#[id]`, on one log. A retag adds
//! the tags of orders to the payments while both are running.
//!
//! Every payment of the newer program records how many payments of the order its decision saw, and the log is checked in the end: none
//! was made on a part of the payments after the retag had begun.

pub mod newer;
pub mod older;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use annalist::{
    App, Criteria, Error, EventStore, ExecuteError, Id, Invalid, Position,
    app::Builder,
    operate::retag,
    raw::store::{RewriteState, RewriteStep, RewriteTarget},
    store::Read,
};
use fastrand::Rng;
use serde::Deserialize;
use tokio::task::JoinSet;

const TASKS: usize = 3;
const ORDERS: u32 = 5;
/// The number of payments of the newer program after the retag.
const PAYMENTS: usize = 60;

/// A payment.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentId(pub String);

/// An order.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct OrderId(pub u32);

/// Starts the older program.
///
/// # Errors
/// The error of the start.
pub async fn start_older(builder: Builder) -> Result<App, Error> {
    builder.commands::<older::Pay>().start().await
}

/// Starts the newer program, before the tags are added: its check at start would refuse the payments.
///
/// # Errors
/// The error of the start.
pub async fn start_newer(builder: Builder) -> Result<App, Error> {
    builder.commands::<newer::Pay>().unchecked_events(["payment.made"]).start().await
}

/// Pays an order with the older program.
///
/// # Errors
/// The error of the command.
pub async fn pay_older(app: &App, order: u32) -> Result<Position, ExecuteError<std::convert::Infallible>> {
    let receipt = app.execute(older::Pay { payment: new_payment(), order: OrderId(order) }).await?;
    Ok(receipt.position())
}

/// Pays an order with the newer program.
///
/// # Errors
/// The error of the command.
pub async fn pay_newer(app: &App, order: u32) -> Result<Position, ExecuteError<std::convert::Infallible>> {
    let receipt = app.execute(newer::Pay { order: OrderId(order), payment: new_payment() }).await?;
    Ok(receipt.position())
}

fn new_payment() -> PaymentId {
    PaymentId(format!("{:016x}", fastrand::u64(..)))
}

/// Adds the tags of the orders, in steps that are small and still faster than the programs append.
///
/// # Errors
/// The error of the pass.
pub async fn add_tags(store: Arc<dyn EventStore>) -> Result<(), Error> {
    retag::<newer::Made, OrderId>(store).actor("ann").events_per_step(40).await.map(drop)
}

/// Begins the retag. Returns the end of the log: no payment of the newer program comes after it until the retag is complete.
///
/// # Errors
/// The error of the store.
pub async fn begin(store: &dyn EventStore) -> Result<Position, Error> {
    let step = RewriteStep {
        name: "payment.made".to_owned(),
        target: RewriteTarget::Tags { kind: "order".to_owned() },
        found: None,
        state: RewriteState::Running,
        up_to: Position::START,
        events: 0,
        tags: Vec::new(),
        payloads: Vec::new(),
        actor: Some("bob".to_owned()),
        at: annalist::Timestamp::now(),
    };
    store.rewrite(step).await?;
    Ok(store.settled().await?.position)
}

/// Both programs pay random orders at once, while the tags are added. The older one ends when it is refused.
///
/// # Errors
/// What is wrong with an outcome, or with the log.
pub async fn race(older: &App, newer: &App) -> Result<(), String> {
    for number in 0..40 {
        pay_older(older, number % ORDERS).await.map_err(|error| format!("the older program: {error:?}"))?;
        // These decisions, and the states and snapshots that they leave, are on a part of the payments.
        pay_newer(newer, number % ORDERS).await.map_err(|error| format!("the newer program: {error:?}"))?;
    }
    let (refused, paid) = (Arc::new(AtomicBool::default()), Arc::new(AtomicUsize::default()));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        tasks.spawn(pay_with_older(older.clone(), Arc::clone(&refused)));
        tasks.spawn(pay_with_newer(newer.clone(), Arc::clone(&refused), Arc::clone(&paid)));
    }
    let store = Arc::clone(newer.store());
    let begun = begin(&*store).await.map_err(|error| error.to_string())?;
    add_tags(Arc::clone(&store)).await.map_err(|error| error.to_string())?;
    while let Some(result) = tasks.join_next().await {
        result.map_err(|error| error.to_string())??;
    }
    check_log(&*store, begun).await
}

/// Pays until the program is refused.
async fn pay_with_older(app: App, refused: Arc<AtomicBool>) -> Result<(), String> {
    let mut random = Rng::new();
    // Long enough for every pass; a store that does not refuse ends the race here.
    for _ in 0..5_000 {
        match pay_older(&app, random.u32(0..ORDERS)).await {
            Ok(_) => {}
            Err(ExecuteError::Invalid(Invalid::IdsUnknown { name, kind })) => {
                refused.store(true, Ordering::SeqCst);
                let is_expected = (&*name, &*kind) == ("payment.made", "order");
                return if is_expected { Ok(()) } else { Err(format!("the older program: {name} {kind}")) };
            }
            Err(error) => return Err(format!("the older program: {error:?}")),
        }
        tokio::task::yield_now().await;
    }
    Err("the older program is not refused".to_owned())
}

/// Pays until it has paid some orders after the older program was refused.
async fn pay_with_newer(app: App, refused: Arc<AtomicBool>, paid: Arc<AtomicUsize>) -> Result<(), String> {
    let mut random = Rng::new();
    while paid.load(Ordering::SeqCst) < PAYMENTS {
        match pay_newer(&app, random.u32(0..ORDERS)).await {
            Ok(_) => {
                if refused.load(Ordering::SeqCst) {
                    paid.fetch_add(1, Ordering::SeqCst);
                }
            }
            Err(ExecuteError::Unavailable(error)) if is_incomplete(&error) => {}
            Err(error) => return Err(format!("the newer program: {error:?}")),
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// Whether a command or a load was refused because the tags are being added.
pub fn is_incomplete(error: &Error) -> bool {
    let source = std::error::Error::source(error);
    let invalid = source.and_then(|source| source.downcast_ref::<Invalid>());
    matches!(invalid, Some(Invalid::IdsIncomplete { .. }))
}

/// What a payment records.
#[derive(Deserialize)]
struct Stored {
    order: u32,
    seen: Option<usize>,
}

/// Checks that each payment has the tag of its order, and that each one of the newer program after `begun` was decided on all payments
/// of the order.
///
/// # Errors
/// The first payment that was not, or a defect of the log.
pub async fn check_log(store: &dyn EventStore, begun: Position) -> Result<(), String> {
    let batches = store.read(&[Read::all(Criteria::all())]).await.map_err(|error| error.to_string())?;
    let mut payments: HashMap<u32, usize> = HashMap::new();
    let mut decided = 0;
    for record in batches.iter().flat_map(|batch| &batch.records) {
        let Stored { order, seen } =
            serde_json::from_str(record.data.as_str()).map_err(|error| error.to_string())?;
        let at = format!("the payment at position {}", record.position);
        if !record.tags.iter().any(|tag| tag.as_str() == format!("order:{order}")) {
            return Err(format!("{at} has no tag of order {order}: {:?}", record.tags));
        }
        let payments = payments.entry(order).or_default();
        if let Some(seen) = seen.filter(|_| record.position > begun) {
            decided += 1;
            if seen != *payments {
                return Err(format!("{at} was decided on {seen} payments of order {order}, not {payments}"));
            }
        }
        *payments += 1;
    }
    if decided == 0 {
        return Err("the newer program has not paid after the retag".to_owned());
    }
    Ok(())
}
