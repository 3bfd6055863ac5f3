//! Reads directly from the events: now, at a position, at a time; and the journal of commands.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::time::Duration;

use annalist::{
    App, Error, Event, Invalid, Memory, Position, Timestamp,
    app::Journal,
    manual::{EventType, Types},
    store::Outcome,
    testing::ManualClock,
};
use annalist_flow_tests::{
    domain::{Account, AccountEvent, Refused, account, deposit, transfer_of},
    read_model::Balance,
};

const MINUTE: Duration = Duration::from_secs(60);

async fn balance(app: &App, name: &str, at: impl Into<annalist::Moment>) -> u64 {
    app.load::<Account>(&account(name)).at(at).await.unwrap().balance
}

#[tokio::test]
async fn load_at_a_position_folds_the_events_up_to_it() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let second = app.execute(deposit("a", 2)).await.unwrap();
    app.execute(deposit("a", 4)).await.unwrap();
    assert_eq!(balance(&app, "a", Position::START).await, 0);
    assert_eq!(balance(&app, "a", Position::new(1)).await, 1);
    assert_eq!(balance(&app, "a", &second).await, 3);
    assert_eq!(balance(&app, "a", Position::END).await, 7);
}

#[tokio::test]
async fn load_at_a_time_ends_after_the_last_event_recorded_by_then() {
    let clock = ManualClock::at(Timestamp::EPOCH.plus(10 * MINUTE));
    let app = App::builder(Memory::new()).clock(clock.clone()).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    clock.advance(MINUTE);
    app.execute(deposit("a", 2)).await.unwrap();
    // The clock jumps back: the next event has an earlier time than the one before it.
    clock.set(Timestamp::EPOCH.plus(5 * MINUTE));
    app.execute(deposit("a", 4)).await.unwrap();

    let at = |minutes| Timestamp::EPOCH.plus(minutes * MINUTE);
    assert_eq!(balance(&app, "a", at(9)).await, 0);
    assert_eq!(balance(&app, "a", at(10)).await, 1);
    assert_eq!(balance(&app, "a", at(11)).await, 7);
    assert_eq!(app.history::<AccountEvent>(&account("a")).at(at(10)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn history_contains_only_the_events_of_its_id() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 5)).await.unwrap();
    app.execute(deposit("b", 5)).await.unwrap();
    app.execute(transfer_of("a", "b", 2)).await.unwrap();
    let positions = |history: Vec<annalist::Recorded<AccountEvent>>| {
        history.iter().map(|recorded| recorded.position.get()).collect::<Vec<_>>()
    };
    assert_eq!(positions(app.history(&account("a")).await.unwrap()), [1, 3]);
    assert_eq!(positions(app.history(&account("b")).await.unwrap()), [2, 3]);
    assert_eq!(positions(app.history(&account("c")).await.unwrap()), [0; 0]);
}

#[tokio::test]
async fn journal_records_commands_and_their_outcomes() {
    let clock = ManualClock::at(Timestamp::EPOCH);
    let store = Memory::new();
    let start = |journal| App::builder(store.clone()).clock(clock.clone()).journal(journal).start();
    let app = start(Journal::All).await.unwrap();
    app.execute(deposit("a", 5)).actor("ann").id("x").await.unwrap();
    app.execute(deposit("a", 5)).actor("ann").id("x").await.unwrap();
    app.execute(transfer_of("a", "b", 9)).actor("bob").await.unwrap_err();
    start(Journal::Off).await.unwrap().execute(deposit("a", 1)).await.unwrap();
    let app = start(Journal::Accepted).await.unwrap();
    app.execute(transfer_of("a", "b", 9)).await.unwrap_err();
    app.execute(transfer_of("a", "b", 6)).await.unwrap();

    let entries = app.journal(0, 100).await.unwrap();
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| (entry.metadata.command.as_ref().unwrap().as_str(), entry.body.as_str(), &entry.outcome))
        .collect();
    let rejected = format!("{:?}", Refused::Insufficient { balance: 5 });
    assert_eq!(
        lines,
        [
            ("deposit", r#"{"account":"a","amount":5}"#, &Outcome::Accepted(vec![Position::new(1)])),
            ("transfer", r#"{"from":"a","to":"b","amount":9}"#, &Outcome::Rejected(rejected)),
            ("transfer", r#"{"from":"a","to":"b","amount":6}"#, &Outcome::Accepted(vec![Position::new(3)])),
        ]
    );
    assert_eq!(entries[0].metadata.actor.as_ref().unwrap().as_str(), "ann");
    assert_eq!(app.journal(entries[1].number, 1).await.unwrap(), entries[2..]);
}

/// An event as a newer program writes it: the same name with a later version.
mod newer {
    use annalist::prelude::*;

    #[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
    #[event(name = "account.deposited", version = 2, upcast(1 => _))]
    pub(crate) struct Deposited {
        #[id]
        pub(crate) account: super::Owner,
        pub(crate) cents: u64,
    }

    #[derive(Command, Serialize, Deserialize)]
    #[command(decide = deposit)]
    pub(crate) struct Deposit {
        pub(crate) name: String,
    }

    fn deposit(command: &Deposit) -> Deposited {
        Deposited { account: super::Owner::from_inner(command.name.clone()), cents: 100 }
    }
}

/// An id with the same tags as the account id of the domain.
#[derive(annalist::Id, Clone, Debug, PartialEq, Eq, Hash)]
#[id(kind = "account")]
struct Owner(String);

#[tokio::test]
async fn event_of_a_newer_version_is_an_error_with_its_name() {
    let store = Memory::new();
    let newer = App::builder(store.clone()).start().await.unwrap();
    newer.execute(newer::Deposit { name: "a".into() }).await.unwrap();

    let app = App::builder(store).start().await.unwrap();
    let error = app.load::<Account>(&account("a")).await.unwrap_err();
    match &error {
        Error::Invalid(Invalid::NewerVersion { name, version: 2, known: 1, position }) => {
            assert_eq!((name.as_str(), *position), ("account.deposited", Position::new(1)));
        }
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("`account.deposited` version 2 at position 1"), "{error}");
    assert!(app.execute(deposit("a", 1)).await.is_err());
    app.execute(deposit("b", 1)).await.unwrap();
}

#[tokio::test]
async fn event_of_an_unknown_type_is_an_error_with_its_name() {
    let store = Memory::new();
    let app = App::builder(store).start().await.unwrap();
    app.execute(deposit("a", 1)).await.unwrap();
    let page = app
        .store()
        .feed(&annalist::Criteria::all(), Position::START, annalist::raw::store::PageLimit::records(10))
        .await
        .unwrap();
    let mut events: Vec<annalist::Recorded<other::Other>> = Vec::new();
    let error = page.records[0].decode_into(&annalist::manual::Codec::default(), &mut events).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("`account.deposited` version 1 at position 1"), "{text}");
    assert!(text.contains("Other"), "{text}");
}

mod other {
    use super::*;

    /// A manual implementation whose `decode_raw` does not know the stored event.
    #[derive(Debug)]
    pub(crate) struct Other;

    impl Event for Other {
        const TYPES: Types = Types::One(EventType::new("other", "Other"));

        fn stored_type(&self) -> (&'static str, u32) {
            ("other", 1)
        }

        fn collect_tags(&self, _: &mut annalist::manual::Tags) -> Result<(), Invalid> {
            Ok(())
        }

        fn encode_payload(&self, _: &annalist::manual::Codec) -> Result<annalist::manual::Payload, Invalid> {
            annalist::manual::Payload::parse("{}")
        }

        fn decode_raw(
            raw: &annalist::manual::RawEvent<'_>,
            _: &annalist::manual::Codec,
            each: &mut dyn FnMut(Self),
        ) -> Result<(), Invalid> {
            if raw.name != "other" {
                return Err(raw.unknown_type::<Self>());
            }
            each(Self);
            Ok(())
        }
    }
}

#[tokio::test]
async fn live_row_at_position_time_and_receipt() {
    let clock = ManualClock::at(Timestamp::EPOCH.plus(MINUTE));
    let app = App::builder(Memory::new()).clock(clock.clone()).projection::<Balance>().start().await.unwrap();
    let first = app.execute(deposit("a", 5)).await.unwrap();
    clock.advance(MINUTE);
    app.execute(deposit("b", 5)).await.unwrap();
    let last = app.execute(transfer_of("a", "b", 2)).await.unwrap();

    let live = |name| app.live::<Balance>(&account(name));
    let row = |cents, events| Some(Balance { account: account("a"), cents, events });
    assert_eq!(live("a").await.unwrap(), row(3, 2));
    assert_eq!(live("a").await.unwrap(), app.find::<Balance>(&account("a")).after(&last).await.unwrap());
    assert_eq!(live("a").at(&first).await.unwrap(), row(5, 1));
    assert_eq!(live("a").at(Timestamp::EPOCH.plus(MINUTE)).await.unwrap(), row(5, 1));
    assert_eq!(live("a").at(Position::START).await.unwrap(), None);
    assert_eq!(live("unknown").await.unwrap(), None);
}

/// The number of events with each amount. The key is not an id, so a live row reads all events.
#[derive(annalist::Projection, Clone, Debug, PartialEq)]
#[projection(name = "sizes", on(AccountEvent => Size::count by size_of))]
struct Size {
    #[key]
    size: i64,
    events: i64,
}

fn size_of(event: &AccountEvent) -> i64 {
    match event {
        AccountEvent::Deposited { amount, .. } | AccountEvent::Moved { amount, .. } => amount.cast_signed(),
    }
}

impl Size {
    fn count(&mut self, _: &AccountEvent) {
        self.events += 1;
    }
}

#[tokio::test]
async fn live_row_without_an_id_key_and_without_a_registered_projection() {
    let app = App::builder(Memory::new()).start().await.unwrap();
    app.execute(deposit("a", 5)).await.unwrap();
    let second = app.execute(deposit("b", 5)).await.unwrap();
    app.execute(deposit("c", 5)).await.unwrap();
    assert_eq!(app.live::<Size>(&5).await.unwrap(), Some(Size { size: 5, events: 3 }));
    assert_eq!(app.live::<Size>(&5).at(&second).await.unwrap(), Some(Size { size: 5, events: 2 }));
    assert_eq!(app.live::<Size>(&6).await.unwrap(), None);
}
