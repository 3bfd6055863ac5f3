//! What texts of the application have of forgotten subjects, on every store: errors of parked events, the reason of a stop, rejections.

use std::{sync::Arc, time::Duration};

use annalist::{App, app::Journal, prelude::*, projection::State, raw::store::PageLimit, store::Outcome};
use tokio::sync::Semaphore;

use super::{
    domain::{Customer, CustomerEvent, CustomerId, customer, email_of, register},
    secret_log::{SecretLog, master},
};

/// Passes the names of all checks to a macro.
macro_rules! for_each_policy_check {
    ($run:ident) => {
        $run! {
            errors_of_parked_events_have_nothing_of_a_forgotten_subject
            reason_of_a_stop_has_nothing_of_a_forgotten_subject
            error_of_a_handler_that_has_begun_before_is_not_stored
            rejections_have_nothing_of_a_forgotten_subject
        }
    };
}

fn send(address: &str) -> Result<(), String> {
    match address.starts_with("bob") {
        true => Ok(()),
        false => Err(format!("the mail server refuses {address}")),
    }
}

/// Sends mail, and fails for some addresses.
#[derive(Policy)]
#[policy(name = "mailer", from = beginning, on_reject = stop, retry = 1, on_error = park, on(CustomerEvent => Mailer::react))]
struct Mailer;

impl Mailer {
    fn react(&self, event: &CustomerEvent) -> Result<(), String> {
        match event {
            CustomerEvent::Registered { email, .. } => email.known().map_or(Ok(()), |email| send(email)),
            CustomerEvent::Befriended { .. } => Ok(()),
        }
    }
}

/// As [`Mailer`], and stops.
#[derive(Policy)]
#[policy(name = "stops", from = beginning, on_reject = stop, retry = 1, on_error = stop, on(CustomerEvent => Stops::react))]
struct Stops;

impl Stops {
    fn react(&self, event: &CustomerEvent) -> Result<(), String> {
        Mailer.react(event)
    }
}

/// As [`Mailer`], but waits for a permit before it fails.
#[derive(Policy)]
#[policy(name = "slow", from = beginning, on_reject = stop, retry = 1, on_error = park, on(CustomerEvent => Slow::react))]
struct Slow {
    begun: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Slow {
    async fn react(&self, event: &CustomerEvent) -> Result<(), String> {
        self.begun.add_permits(1);
        self.gate.acquire().await.map_err(|error| error.to_string())?.forget();
        Mailer.react(event)
    }
}

async fn start(log: &SecretLog) -> App {
    let app = App::builder(log.open().await).policy(Mailer).policy(Stops);
    app.keys(master(7)).start().await.unwrap()
}

pub(crate) async fn errors_of_parked_events_have_nothing_of_a_forgotten_subject(log: &SecretLog) {
    let app = start(log).await;
    for name in ["ann", "bob", "cid"] {
        app.execute(register(name)).await.unwrap();
    }
    app.wait_until("mailer", |status| status.parked == 2).await.unwrap();
    let errors = async || {
        let parked = app.parked("mailer").await.unwrap();
        parked.into_iter().map(|parked| (parked.position.get(), parked.error)).collect::<Vec<_>>()
    };
    let contains =
        |errors: &[(u64, String)], text: &str| errors.iter().any(|(_, error)| error.contains(text));
    assert!(contains(&errors().await, &email_of("ann")));
    assert_ne!(log.contains(&email_of("ann")).await, Some(false));
    app.forget(&customer("ann")).await.unwrap();
    let (removed, is_stored) = (errors().await, log.contains(&email_of("ann")).await);
    assert!(!contains(&removed, &email_of("ann")) && is_stored != Some(true), "{removed:?}");

    // The events are parked as before. That of another subject fails again, and says why.
    assert_eq!(removed.iter().map(|(position, _)| *position).collect::<Vec<_>>(), [1, 3]);
    assert!(contains(&removed, "a retry of the event shows it again"), "{removed:?}");
    let report = app.retry_parked("mailer").await.unwrap();
    assert_eq!((report.done, report.parked), (1, 1));
    assert!(contains(&errors().await, &email_of("cid")));
    app.shut_down().await;
}

pub(crate) async fn reason_of_a_stop_has_nothing_of_a_forgotten_subject(log: &SecretLog) {
    let app = start(log).await;
    app.execute(register("ann")).await.unwrap();
    let stopped = app.wait_until("stops", |status| matches!(status.state, State::Stopped(_))).await.unwrap();
    assert!(format!("{stopped:?}").contains(&email_of("ann")));
    assert_ne!(log.contains(&email_of("ann")).await, Some(false));
    app.forget(&customer("ann")).await.unwrap();
    app.wait_for_position("stops", &app.execute(register("bob")).await.unwrap(), Duration::from_secs(60))
        .await
        .unwrap();
    let statuses = app.overview().await.unwrap();
    assert!(!format!("{statuses:?}").contains(&email_of("ann")));
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
}

/// The event is handled again, with the forgotten secret.
pub(crate) async fn error_of_a_handler_that_has_begun_before_is_not_stored(log: &SecretLog) {
    let (begun, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let policy = Slow { begun: Arc::clone(&begun), gate: Arc::clone(&gate) };
    let app = App::builder(log.open().await).policy(policy).keys(master(7)).start().await.unwrap();
    let receipt = app.execute(register("ann")).await.unwrap();
    begun.acquire().await.unwrap().forget();
    app.forget(&customer("ann")).await.unwrap();
    gate.add_permits(2);
    app.wait_for_position("slow", &receipt, Duration::from_secs(60)).await.unwrap();
    assert_eq!(app.parked("slow").await.unwrap(), []);
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));
}

/// Is rejected, with the address of the customer. The command has no secret.
#[derive(Command, Serialize, Deserialize)]
#[command(decide = complain, error = Unreachable)]
struct Complain {
    #[id(Customer)]
    customer: CustomerId,
}

#[derive(Debug)]
struct Unreachable(#[allow(dead_code, reason = "it is in the text of the rejection")] String);

fn complain(state: &Customer, _: &Complain) -> Result<Option<CustomerEvent>, Unreachable> {
    Err(Unreachable(state.copied.clone().unwrap_or_else(|| "forgotten".to_owned())))
}

pub(crate) async fn rejections_have_nothing_of_a_forgotten_subject(log: &SecretLog) {
    let app = App::builder(log.open().await).journal(Journal::All).keys(master(7)).start().await.unwrap();
    app.execute(register("ann")).await.unwrap();
    let complain = || Complain { customer: customer("ann") };
    app.execute(complain()).await.unwrap_err();
    let last = async || match app.journal(0, 10).await.unwrap().pop().unwrap().outcome {
        Outcome::Rejected(text) => text,
        Outcome::Accepted(_) => unreachable!(),
    };
    assert_eq!(last().await, format!("Unreachable({:?})", email_of("ann")));
    let stored = log.open().await.journal(1, PageLimit::records(10)).await.unwrap();
    let stored = format!("{:?}", stored[0].outcome);
    assert!(stored.contains("$sealed:") && !stored.contains(&email_of("ann")), "{stored}");
    assert_ne!(log.contains(&email_of("ann")).await, Some(true));

    app.forget(&customer("ann")).await.unwrap();
    assert_eq!(last().await, "(removed when a subject was forgotten)");
    app.execute(complain()).await.unwrap_err();
    assert_eq!(last().await, "Unreachable(\"forgotten\")");
}
