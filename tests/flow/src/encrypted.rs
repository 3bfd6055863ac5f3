//! An older program that has the e-mail addresses of customers in plain text, and a newer one in which they are secrets, on one log.
//! The stored addresses are encrypted while both are running.
#![allow(clippy::unwrap_used)] // a test fails

pub mod newer;
pub mod older;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annalist::{
    App, Criteria, Error, EventStore, ExecuteError, Id, Invalid, Position, Record, Secret, Timestamp,
    app::Builder,
    keys::LocalMasterKey,
    manual::Payload,
    projection::{State, Status},
    raw::{
        finding::FindingKind,
        store::{Rewrite, RewriteState, RewriteStep, RewriteTarget},
    },
    store::Read,
};
use tokio::task::JoinSet;

/// A customer.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerId(pub String);

/// The id of a customer.
pub fn customer(name: &str) -> CustomerId {
    CustomerId(name.to_owned())
}

/// The address of a customer: a text that is nowhere else.
pub fn email_of(name: &str) -> String {
    format!("{name}@plain-text.example.org")
}

/// Starts the older program.
///
/// # Errors
/// The error of the start.
pub async fn start_older(builder: Builder) -> Result<App, Error> {
    builder.keys(LocalMasterKey::new([7; 32])).commands::<older::Register>().start().await
}

/// Starts the newer program, with its projection.
///
/// # Errors
/// The error of the start.
pub async fn start_newer(builder: Builder) -> Result<App, Error> {
    let builder = builder.keys(LocalMasterKey::new([7; 32])).commands::<newer::Register>();
    builder.projection::<newer::Address>().start().await
}

/// Registers the address of a customer with the older program.
///
/// # Errors
/// The error of the command.
pub async fn register_older(app: &App, name: &str) -> Result<(), ExecuteError<std::convert::Infallible>> {
    app.execute(older::Register { customer: customer(name), email: email_of(name) }).await.map(drop)
}

/// Registers the address of a customer with the newer program.
///
/// # Errors
/// The error of the command.
pub async fn register_newer(app: &App, name: &str) -> Result<(), ExecuteError<std::convert::Infallible>> {
    let email = Secret::new(email_of(name));
    app.execute(newer::Register { customer: customer(name), email }).await.map(drop)
}

/// All events as the store has them.
pub async fn stored(store: &dyn EventStore) -> Vec<Record> {
    let store = store.as_stored().unwrap_or(store);
    let mut batches = store.read(&[Read::all(Criteria::all())]).await.unwrap();
    batches.remove(0).records
}

/// Whether the error of a command is that the program has encrypted secrets as plain fields.
pub fn is_unknown<E>(error: &ExecuteError<E>) -> bool {
    matches!(error, ExecuteError::Invalid(invalid) if names_the_version(invalid))
}

fn names_the_version(invalid: &Invalid) -> bool {
    match invalid {
        Invalid::SecretsUnknown { name, fields, version } => {
            (name.as_str(), fields.as_str(), *version) == ("customer.registered", "`email`", 2)
        }
        _ => false,
    }
}

/// The pass of a user: what changes, what stays, and what each program can do then.
pub async fn check_pass(builder: impl AsyncFn() -> Builder) {
    let older = start_older(builder().await).await.unwrap();
    for name in ["ann", "bob", "ann", "cay"] {
        register_older(&older, name).await.unwrap();
    }
    let newer = start_newer(builder().await).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    newer.forget(&customer("bob")).await.unwrap();
    register_newer(&newer, "dan").await.unwrap();
    let store = Arc::clone(newer.store());
    let before = stored(&*store).await;
    assert!(before[1].data.as_str().contains(&email_of("bob")), "it was stored in plain text");
    // A forgotten subject whose values are in plain text is not forgotten.
    assert_eq!(address(&newer, "bob").await, email_of("bob"));

    let done = newer.encrypt_stored::<newer::Registered>().actor("ann").events_per_step(2).await.unwrap();
    let [done] = done.as_slice() else { unreachable!() };
    let target = RewriteTarget::Secrets { fields: vec!["email".to_owned()], version: 2 };
    assert_eq!((done.name.as_str(), &done.target), ("customer.registered", &target));
    assert_eq!((done.state, done.events, done.changed), (RewriteState::Complete, 5, 4));
    assert_eq!(done.actor.as_deref(), Some("ann"));
    assert_eq!(newer.encryptions().await.unwrap().as_slice(), std::slice::from_ref(done));

    let after = stored(&*store).await;
    for (before, after) in before.iter().zip(&after) {
        let payload = |record: &Record| {
            let mut all: BTreeMap<String, serde_json::Value> =
                serde_json::from_str(record.data.as_str()).unwrap();
            let email = all.remove("email").unwrap();
            (all, email.to_string())
        };
        let ((rest, _), (rest_after, email)) = (payload(before), payload(after));
        assert!(email.contains("$sealed") || email.contains("$forgotten"), "{email}");
        assert_eq!(rest, rest_after);
        assert_eq!(Record { data: before.data.clone(), ..after.clone() }, *before);
    }
    assert!(after[1].data.as_str().contains("$forgotten"));
    assert_eq!(after[4], before[4], "an event that was encrypted already");

    check_values(&newer).await;
    assert!(newer.verify().await.unwrap().is_sound());
    // Also without what is in memory.
    newer.shut_down().await;
    let newer = start_newer(builder().await).await.unwrap();
    check_values(&newer).await;

    // The second time nothing is to do.
    let again = newer.encrypt_stored::<newer::Registered>().actor("bob").await.unwrap();
    assert_eq!(again.as_slice(), std::slice::from_ref(done));
    assert_eq!(stored(&*store).await, after);

    // Other programs are refused, and the error says which version is needed.
    let refused = register_older(&older, "ann").await.unwrap_err();
    assert!(is_unknown(&refused) && refused.to_string().contains("version 2"), "{refused}");
    let refused = older.load::<older::Customer>(&customer("ann")).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(invalid) if names_the_version(invalid)), "{refused}");
    let unchecked = builder().await.unchecked_events(["customer.registered"]);
    let refused = start_older(unchecked).await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(invalid) if names_the_version(invalid)), "{refused}");
    let without_keys = builder().await.commands::<older::Register>().start().await.unwrap_err();
    assert!(matches!(without_keys, Error::Invalid(Invalid::SealedWithoutKeys { .. })), "{without_keys}");
    newer.shut_down().await;
    older.shut_down().await;
}

async fn check_values(newer: &App) {
    let email =
        async |name: &str| newer.load::<newer::Customer>(&customer(name)).await.unwrap().emails.clone();
    assert_eq!(email("ann").await, [Some(email_of("ann")), Some(email_of("ann"))]);
    assert_eq!((email("bob").await, email("cay").await), (vec![None], vec![Some(email_of("cay"))]));
    newer.wait_until_caught_up().await.unwrap();
    assert_eq!(address(newer, "ann").await, email_of("ann"));
    assert_eq!(address(newer, "bob").await, "forgotten");
}

async fn address(app: &App, name: &str) -> String {
    app.find::<newer::Address>(&customer(name)).await.unwrap().unwrap().email
}

/// The pass waits for followers that have not handled the events, and does not begin without them.
pub async fn check_followers(builder: impl AsyncFn() -> Builder) {
    let keys = || LocalMasterKey::new([7; 32]);
    let older = builder().await.keys(keys()).commands::<older::Register>().projection::<older::Address>();
    let older = older.start().await.unwrap();
    register_older(&older, "ann").await.unwrap();
    older.wait_until_caught_up().await.unwrap();
    older.shut_down().await;
    let other = start_older(builder().await).await.unwrap();
    register_older(&other, "bob").await.unwrap();

    let newer = start_newer(builder().await).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    let pass = || newer.encrypt_stored::<newer::Registered>().timeout(Duration::ZERO);
    let refused = pass().await.unwrap_err();
    assert!(refused.is_unavailable(), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("build 1.0 of `addresses`") && text.contains("position 2"), "{text}");
    // Nothing has begun.
    assert!(newer.encryptions().await.unwrap().is_empty());
    register_older(&other, "bob").await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    newer.discard_old_builds("addresses").await.unwrap();
    assert_eq!(pass().await.unwrap()[0].changed, 3);
}

/// A follower of a program that has the address as a plain value stops when the pass begins, before the next event, and its rows have
/// nothing of that event.
pub async fn check_older_follower(builder: impl AsyncFn() -> Builder) {
    let older = start_older(builder().await).await.unwrap();
    register_older(&older, "ann").await.unwrap();
    let start = async || {
        let builder = builder().await.unchecked_events(["customer.registered"]);
        builder.keys(LocalMasterKey::new([7; 32])).projection::<older::Report>().start().await
    };
    let report = start().await.unwrap();
    let newer = start_newer(builder().await).await.unwrap();
    report.wait_until_caught_up().await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    begin(&**newer.store()).await;
    register_newer(&newer, "bob").await.unwrap();

    let bob = Position::new(2);
    let is_over = |status: &Status| status.position >= bob || matches!(status.state, State::Stopped(_));
    let status = report.wait_until("reports", is_over).await.unwrap();
    assert_eq!(report.find::<older::Report>(&customer("bob")).await.unwrap(), None);
    let State::Stopped(reason) = status.state else {
        unreachable!("it is at the event of bob without a row")
    };
    let reason = reason.to_string();
    assert!(reason.contains("customer.registered") && reason.contains("version 2"), "{reason}");
    let row = report.find::<older::Report>(&customer("ann")).await.unwrap().unwrap();
    assert_eq!(row.email, format!("\"{}\"", email_of("ann")));
    // It is refused from then on, and the pass is completed without it.
    report.shut_down().await;
    let refused = start().await.unwrap_err();
    assert!(matches!(&refused, Error::Invalid(invalid) if names_the_version(invalid)), "{refused}");
    newer.wait_until_caught_up().await.unwrap();
    assert!(newer.encrypt_stored::<newer::Registered>().await.unwrap()[0].is_complete());
}

/// A pass has encrypted the events of a forgotten subject and was interrupted before the copies in rows were erased: the next call erases them.
pub async fn check_interrupted_erasure(builder: impl AsyncFn() -> Builder) {
    let older = start_older(builder().await).await.unwrap();
    register_older(&older, "bob").await.unwrap();
    let newer = start_newer(builder().await).await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    newer.forget(&customer("bob")).await.unwrap();
    let store = Arc::clone(newer.store());
    let begun = begin(&*store).await;
    let forgotten = r#"{"customer":"bob","email":{"$forgotten":true},"plan":"free"}"#;
    let at = Position::new(1);
    let step = RewriteStep {
        found: Some((begun.state, begun.up_to)),
        up_to: at,
        events: 1,
        payloads: vec![(at, Payload::parse(forgotten).unwrap())],
        ..RewriteStep::begin(begun.name.clone(), begun.target.clone(), None, Timestamp::now())
    };
    store.rewrite(step).await.unwrap();
    // The row was folded before.
    assert_eq!(address(&newer, "bob").await, email_of("bob"));
    newer.encrypt_stored::<newer::Registered>().await.unwrap();
    newer.wait_until_caught_up().await.unwrap();
    assert_eq!(address(&newer, "bob").await, "forgotten");
}

/// A pass that is interrupted is found by a verification, and goes on where it was.
pub async fn check_half_done(builder: impl AsyncFn() -> Builder) {
    let older = start_older(builder().await).await.unwrap();
    for name in ["ann", "bob"] {
        register_older(&older, name).await.unwrap();
    }
    let newer = start_newer(builder().await).await.unwrap();
    let begun = begin(&**newer.store()).await;
    // From its beginning on, not only from its end.
    assert!(is_unknown(&register_older(&older, "ann").await.unwrap_err()));
    register_newer(&newer, "cay").await.unwrap();
    let report = newer.verify().await.unwrap();
    assert_eq!((report.total, report.findings[0].kind), (1, FindingKind::Secrets), "{report}");
    assert!(report.to_string().contains("App::encrypt_stored"), "{report}");

    newer.wait_until_caught_up().await.unwrap();
    let done = newer.encrypt_stored::<newer::Registered>().actor("bob").await.unwrap();
    assert_eq!((done[0].state, done[0].changed), (RewriteState::Complete, 2));
    assert_eq!((&done[0].actor, done[0].started_at), (&begun.actor, begun.started_at));
    assert!(newer.verify().await.unwrap().is_sound());
}

/// Begins the pass.
pub async fn begin(store: &dyn EventStore) -> Rewrite {
    let target = RewriteTarget::Secrets { fields: vec!["email".to_owned()], version: 2 };
    let step = RewriteStep::begin("customer.registered", target, Some("ann".to_owned()), Timestamp::now());
    store.rewrite(step).await.unwrap()
}

/// The older program registers customers until it is refused, the newer one others all the time, while two calls encrypt the addresses in small steps.
/// Afterwards no address is in plain text, and none has changed.
///
/// # Errors
/// What is wrong with an outcome, or with the log.
pub async fn race(older: &App, newer: &App) -> Result<(), String> {
    for number in 0..60 {
        register_older(older, &format!("{}{}", ["c", "o"][number / 7 % 2], number % 7))
            .await
            .map_err(|error| error.to_string())?;
    }
    newer.wait_until_caught_up().await.map_err(|error| error.to_string())?;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    tasks.spawn(register_until_refused(older.clone()));
    for task in 0..2 {
        let (newer, is_over) = (newer.clone(), Arc::clone(&is_over));
        tasks.spawn(async move {
            for number in 0.. {
                if is_over.load(Ordering::SeqCst) && number > 5 {
                    break;
                }
                let name = format!("c{}", (number + task) % 7);
                register_newer(&newer, &name).await.map_err(|error| format!("the newer program: {error}"))?;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Ok(())
        });
    }
    let pass = || newer.encrypt_stored::<newer::Registered>().actor("ann").events_per_step(7).into_future();
    let (one, other) = tokio::join!(pass(), pass());
    is_over.store(true, Ordering::SeqCst);
    let (one, other) = (one.map_err(|error| error.to_string())?, other.map_err(|error| error.to_string())?);
    while let Some(result) = tasks.join_next().await {
        result.map_err(|error| error.to_string())??;
    }
    if one[0] != other[0] || !one[0].is_complete() {
        return Err(format!("the calls have different results: {one:?} {other:?}"));
    }
    check_log(newer).await
}

async fn register_until_refused(older: App) -> Result<(), String> {
    // Long enough for every pass; a store that does not refuse ends the race here.
    for number in 0..2_000 {
        match register_older(&older, &format!("o{}", number % 7)).await {
            Ok(()) => {}
            Err(error) if is_unknown(&error) => return Ok(()),
            Err(error) => return Err(format!("the older program: {error:?}")),
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("the older program is not refused".to_owned())
}

/// Checks that no address is in plain text, and that each is read as it was.
///
/// # Errors
/// The first event that is wrong.
pub async fn check_log(newer: &App) -> Result<(), String> {
    for record in stored(&**newer.store()).await {
        if record.data.as_str().contains("plain-text") {
            return Err(format!("the event at position {} is in plain text", record.position));
        }
    }
    for number in 0..14 {
        let name = format!("{}{}", ["c", "o"][number / 7], number % 7);
        let state =
            newer.load::<newer::Customer>(&customer(&name)).await.map_err(|error| error.to_string())?;
        let expected = Some(email_of(&name));
        if state.emails.is_empty() || state.emails.iter().any(|email| *email != expected) {
            return Err(format!("the addresses of {name} have changed: {:?}", state.emails));
        }
    }
    let report = newer.verify().await.map_err(|error| error.to_string())?;
    if report.is_sound() { Ok(()) } else { Err(report.to_string()) }
}
