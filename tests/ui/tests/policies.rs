//! Policies: the commands that they return for events.

#![allow(clippy::unwrap_used)] // in the helpers too
#![allow(missing_docs, reason = "a test has no documentation to read")]

use std::{cell::Cell, fmt, sync::Mutex};

use annalist::{
    Commands, Record, Timestamp,
    manual::{Codec, Types},
    prelude::*,
    raw::policy::{OnError, OnReject, Reaction, Start},
    testing::{at, given},
};
use annalist_ui_tests::{
    domain::{AccountError, AccountEvent, AccountId, Frozen, Open},
    records,
};

const A: AccountId = AccountId(Uuid::from_u128(1));
const B: AccountId = AccountId(Uuid::from_u128(2));

#[derive(Command, Serialize, Deserialize, Debug, Clone)]
#[command(decide = thank, error = AccountError)]
struct Thank {
    account: AccountId,
    amount: u64,
}

fn thank(_: &Thank) -> Result<(), AccountError> {
    Ok(())
}

/// A command enum.
#[derive(Command, Serialize, Deserialize)]
enum Any {
    Open(Open),
    Thank(Thank),
}

fn opened(account: AccountId) -> AccountEvent {
    AccountEvent::Opened { account }
}

fn deposited(account: AccountId, amount: u64) -> AccountEvent {
    AccountEvent::Deposited { account, amount }
}

/// An `async` and a plain handler, one for an event enum and one for an event struct.
#[derive(Policy)]
#[policy(name = "thanks", from = beginning, on_reject = stop, on(AccountEvent => Thanks::react, Frozen => Self::freeze))]
struct Thanks {
    limit: u64,
    frozen: Mutex<Vec<AccountId>>,
}

impl Thanks {
    async fn react(&self, event: &AccountEvent) -> Option<Thank> {
        tokio::task::yield_now().await;
        match event {
            AccountEvent::Deposited { account, amount } if *amount >= self.limit => {
                Some(Thank { account: *account, amount: *amount })
            }
            _ => None,
        }
    }

    fn freeze(&self, event: &Frozen) {
        self.frozen.lock().unwrap().push(event.account);
    }
}

fn thanks() -> Thanks {
    Thanks { limit: 10, frozen: Mutex::default() }
}

#[tokio::test]
async fn policy_reacts_to_the_events_of_its_entries() {
    given(opened(A)).react(thanks(), deposited(A, 10)).await.sends([Thank { account: A, amount: 10 }]);
    given(opened(A)).react(thanks(), deposited(A, 9)).await.sends_nothing();
    given(()).react(thanks(), Frozen { account: A }).await.sends_nothing();
    let both = [deposited(A, 10), deposited(B, 11)];
    let expected = (Thank { account: A, amount: 10 }, vec![Thank { account: B, amount: 11 }]);
    given(()).react(thanks(), both).await.sends(expected);
}

#[test]
fn attribute_keys_become_constants() {
    assert_eq!((Thanks::NAME, Thanks::START), ("thanks", Start::Beginning));
    assert_eq!((Thanks::ON_REJECT, Thanks::ON_ERROR, Thanks::TRIES), (OnReject::Stop, OnError::Stop, 20));
    assert_eq!(Thanks::EVENTS.iter().flat_map(Types::names).count(), 3);
    assert_eq!((Shapes::START, Shapes::TRIES), (Start::Now, 3));
    assert_eq!((Shapes::ON_REJECT, Shapes::ON_ERROR), (OnReject::Park, OnError::Park));
    assert_eq!(HandWritten::ON_REJECT, OnReject::Ignore);
}

/// Handlers with every return type.
#[derive(Policy)]
#[policy(name = "shapes", from = now, on_reject = park, retry = 3, on_error = park, context)]
#[policy(on(Frozen => all))]
#[policy(on(AccountEvent => Shapes::fallible))]
struct Shapes(u64);

type All = (Thank, Option<Open>, [Thank; 2], Vec<Any>, (), Commands, (Open,), Result<Open, fmt::Error>);

async fn all(policy: &Shapes, event: &Frozen, context: &Context<'_>) -> All {
    let (account, amount) = (event.account, policy.0);
    let thank = || Thank { account, amount };
    let open = || Open { account };
    let mut commands = Commands::new();
    commands.push(thank());
    assert_eq!(context.actor(), Some("ann"));
    let any = vec![Any::Open(open()), Any::Thank(thank())];
    (thank(), Some(open()), [thank(), thank()], any, (), commands, (open(),), Ok(open()))
}

impl Shapes {
    async fn fallible(
        &self,
        event: &AccountEvent,
        context: &Context<'_>,
    ) -> Result<Result<Thank, &'static str>, Box<dyn std::error::Error + Send + Sync>> {
        tokio::task::yield_now().await;
        match event {
            AccountEvent::Opened { .. } => Err(Box::new(fmt::Error)),
            AccountEvent::Deposited { amount: 0, .. } => Ok(Err("nothing came in")),
            AccountEvent::Deposited { account, .. } => {
                Ok(Ok(Thank { account: *account, amount: context.time.as_micros().unsigned_abs() }))
            }
        }
    }
}

#[tokio::test]
async fn handler_may_return_commands_in_every_shape() {
    let (thank, open) = (|| Thank { account: A, amount: 7 }, || Open { account: A });
    let sent = given(()).by("ann").react(Shapes(7), Frozen { account: A }).await;
    sent.sends((thank(), open(), [thank(), thank()], open(), (thank(), thank()), open(), open()));
}

#[tokio::test]
async fn reaction_fails_with_the_error_of_the_handler() {
    let error = given(()).react(Shapes(0), opened(A)).await.fails();
    assert!(error.is::<fmt::Error>());
    let error = given(()).react(Shapes(0), deposited(A, 0)).await.fails();
    assert_eq!(error.to_string(), "nothing came in");
    let then = Timestamp::from_micros(5);
    at(then).react(Shapes(0), deposited(A, 1)).await.sends(Thank { account: A, amount: 5 });
}

mod failures {
    use super::{A, B, Thank, deposited, given, opened, thanks};

    #[tokio::test]
    #[should_panic(expected = "given
    account.opened v1 {\"account\":\"00000000-0000-0000-0000-000000000001\"} [account:00000000-0000-0000-0000-000000000001]
    account.deposited v1 {\"account\":\"00000000-0000-0000-0000-000000000001\",\"amount\":10} [account:00000000-0000-0000-0000-000000000001]
the policy sent other commands (- expected, + actual, = both)
  = thank {\"account\":\"00000000-0000-0000-0000-000000000001\",\"amount\":10}
  - thank {\"account\":\"00000000-0000-0000-0000-000000000002\",\"amount\":10}
")]
    async fn different_commands_are_shown_as_a_diff() {
        let expected = [A, B].map(|account| Thank { account, amount: 10 });
        given(opened(A)).react(thanks(), deposited(A, 10)).await.sends(expected);
    }

    #[tokio::test]
    #[should_panic(expected = "`thanks` does not react to `account.closed`\nthe policy sent other commands")]
    async fn event_without_entry_is_named_in_the_failure() {
        given(()).react(thanks(), super::Closed {}).await.sends(Thank { account: A, amount: 1 });
    }

    #[tokio::test]
    #[should_panic(expected = "the policy failed, but commands were expected\n  + nothing came in")]
    async fn failed_reaction_shows_its_error() {
        given(()).react(super::Shapes(1), deposited(A, 0)).await.sends_nothing();
    }

    #[tokio::test]
    #[should_panic(expected = "the policy did not fail; it sent\n  + thank {")]
    async fn missing_failure_shows_the_commands() {
        given(()).react(thanks(), deposited(A, 10)).await.fails();
    }
}

#[derive(Event, Serialize, Deserialize)]
#[event(name = "account.closed")]
struct Closed {}

/// A visible generic policy with a private handler and a private command.
mod inner {
    use super::{AccountEvent, Cell, Command, Policy, Thank};

    pub(super) trait Limits: Send + Sync + 'static {
        fn limit(&self) -> impl Future<Output = u64> + Send;
    }

    impl Limits for u64 {
        async fn limit(&self) -> u64 {
            tokio::task::yield_now().await;
            *self
        }
    }

    #[derive(Policy)]
    #[policy(name = "generous", from = now, on_reject = ignore, on(AccountEvent => react, E => Self::other))]
    pub(super) struct Generous<L, E, C: Command>
    where
        L: Limits,
    {
        limits: L,
        make: fn(&E) -> C,
    }

    impl<L: Limits, E, C: Command> Generous<L, E, C> {
        pub(super) fn new(limits: L, make: fn(&E) -> C) -> Self {
            Self { limits, make }
        }

        fn other(&self, event: &E) -> Vec<C> {
            vec![(self.make)(event)]
        }
    }

    async fn react<L: Limits, E, C: Command>(
        policy: &Generous<L, E, C>,
        event: &AccountEvent,
    ) -> Option<Thank> {
        // A value that is not `Send` may be used between two awaits.
        let least = Cell::new(0);
        least.set(1);
        let least = least.get();
        let limit = policy.limits.limit().await.max(least);
        match event {
            AccountEvent::Deposited { account, amount } if *amount >= limit => {
                Some(Thank { account: *account, amount: *amount })
            }
            _ => None,
        }
    }
}

#[tokio::test]
async fn generic_policy_reacts() {
    let generous = || inner::Generous::new(10_u64, |event: &Frozen| Open { account: event.account });
    given(()).react(generous(), deposited(A, 10)).await.sends(Thank { account: A, amount: 10 });
    given(()).react(generous(), deposited(A, 9)).await.sends_nothing();
    given(()).react(generous(), Frozen { account: B }).await.sends(Open { account: B });
}

/// An enum as a policy, in a crate that imports `annalist` under another name.
mod renamed {
    pub(super) use ::annalist as events;
}

#[derive(events::Policy)]
#[policy(crate = renamed::events, name = "one_or_other", from = now, on_reject = stop, on(Frozen => Either::react))]
enum Either {
    One,
    Other,
}

use renamed::events;

impl Either {
    async fn react(&self, event: &Frozen) -> Option<Open> {
        matches!(self, Self::One).then_some(Open { account: event.account })
    }
}

#[tokio::test]
async fn enum_policy_reacts() {
    given(()).react(Either::One, Frozen { account: A }).await.sends(Open { account: A });
    given(()).react(Either::Other, Frozen { account: A }).await.sends_nothing();
}

/// A policy without the derive.
struct HandWritten;

impl Policy for HandWritten {
    const NAME: &'static str = "by_hand";
    const EVENTS: &'static [Types] = &[Frozen::TYPES];
    const START: Start = Start::Now;
    const ON_REJECT: OnReject = OnReject::Ignore;
    const ON_ERROR: OnError = OnError::Park;
    const TRIES: u32 = 1;

    fn react_to_record<'a>(&'a self, record: &'a Record, _: &'a Codec) -> Reaction<'a> {
        Box::pin(async move {
            let mut commands = Commands::new();
            if record.name == "account.frozen" {
                commands.push(Open { account: A });
            }
            Ok(commands)
        })
    }
}

#[tokio::test]
async fn hand_written_policy_reacts() {
    given(()).react(HandWritten, Frozen { account: A }).await.sends(Open { account: A });
    given(()).react(HandWritten, opened(A)).await.sends_nothing();
}

#[tokio::test]
async fn commands_list_their_names() {
    let (record, codec) = (&records(deposited(A, 10))[0], Codec::default());
    let mut commands = thanks().react_to_record(record, &codec).await.unwrap();
    commands.add([Any::Open(Open { account: A })]).unwrap();
    assert_eq!((commands.len(), commands.is_empty()), (2, false));
    assert_eq!(commands.names().collect::<Vec<_>>(), ["thank", "open"]);
    assert_eq!(format!("{commands:?}"), r#"Commands(["thank", "open"])"#);
}

#[tokio::test]
async fn undecodable_event_is_an_error() {
    let codec = Codec::default();
    let mut record = records(deposited(A, 10)).remove(0);
    record.version = 9;
    let error = thanks().react_to_record(&record, &codec).await.unwrap_err();
    assert!(error.to_string().contains("newer than version 1"), "{error}");
}
