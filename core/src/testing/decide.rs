//! A dispatcher that decides a command on given events, and the expectations of a test.

use std::fmt::{Debug, Write};

use serde::Serialize;

use super::{
    Given,
    diff::{diff, lines},
};
use crate::{
    aggregate::{Aggregate, criteria_of},
    codec::Codec,
    context::Context,
    dispatch::{Dispatcher, Handler, Loader},
    error::Invalid,
    event::{Events, IntoEvents},
    record::{Draft, Record},
};

/// The result of a decision: its events, or the error with which it rejected the command.
type Decided<E> = Result<Vec<Draft>, E>;

pub(super) struct TestDispatcher<'a> {
    pub(super) given: &'a Given,
}

impl Dispatcher for TestDispatcher<'_> {
    type Out<E: Debug + Send + 'static> = Result<Decided<E>, Invalid>;

    fn run<C, S, R, E>(self, command: C, handler: Handler<C, S, R, E>) -> Self::Out<E>
    where
        C: Serialize + Send + 'static,
        S: Send + 'static,
        R: IntoEvents + 'static,
        E: Debug + Send + 'static,
    {
        let codec = Codec::default();
        let plan = Loader::plan(|loader| (handler.load)(&command, loader))?;
        let folded = plan.fold(&self.given.records, &codec)?;
        let states = Loader::pass(&plan, &folded, |loader| (handler.load)(&command, loader))?;
        let context = Context::decision(self.given.time, &self.given.metadata);
        match (handler.decide)(&states, &command, &context) {
            Ok(decided) => encode(decided).map(Ok),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    fn map<A, B>(out: Self::Out<A>, convert: fn(A) -> B) -> Self::Out<B>
    where
        A: Debug + Send + 'static,
        B: Debug + Send + 'static,
    {
        out.map(|decided| decided.map_err(convert))
    }
}

impl Given {
    /// The given events as text, for the message of a failed test.
    pub(super) fn transcript(&self) -> String {
        let mut transcript = String::new();
        for Record { name, version, data, tags, .. } in &self.records {
            let tags: Vec<&str> = tags.iter().map(crate::tag::Tag::as_str).collect();
            let _ = writeln!(transcript, "    {name} v{version} {data} [{}]", tags.join(", "));
        }
        if transcript.is_empty() { "given no events\n".to_owned() } else { format!("given\n{transcript}") }
    }
}

/// The result of a command, for the expectations of a test.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// given(opened("ann", "Ann"))
///     .when(Deposit { account: id("ann"), cents: 5 })
///     .then(deposited("ann", 5))
///     .then_state::<Account>(&id("ann"), |account| assert_eq!(account.cents, 5));
/// ```
#[derive(Debug)]
pub struct Then<E> {
    given: Given,
    decided: Decided<E>,
}

impl<E: Debug> Then<E> {
    #[track_caller]
    pub(super) fn new(given: Given, decided: Result<Decided<E>, Invalid>) -> Self {
        match decided {
            Ok(decided) => Self { given, decided },
            Err(invalid) => panic!("{}the command could not be decided: {invalid}", given.transcript()),
        }
    }

    /// Expects exactly these events, in this order.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(()).when(open("ann", "Ann")).then([opened("ann", "Ann")]);
    /// ```
    ///
    /// # Panics
    /// If the command was rejected or led to other events; the message shows both lists line by line.
    #[track_caller]
    pub fn then(self, events: impl IntoEvents) -> Self {
        let expected = drafts(events);
        let actual = self.accepted(&expected);
        if lines(&expected) != lines(actual) {
            panic!(
                "{}the command led to other events (- expected, + actual, = both)\n{}",
                self.given.transcript(),
                diff(&expected, actual)
            );
        }
        self
    }

    /// Expects that the command is accepted without events.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// /// Opens an account; a second time it does nothing.
    /// #[derive(Command, Serialize)]
    /// #[command(decide = open_once)]
    /// struct OpenOnce {
    ///     #[id(Account)]
    ///     account: AccountId,
    /// }
    ///
    /// fn open_once(account: &Account, command: &OpenOnce) -> Option<AccountEvent> {
    ///     (!account.open).then(|| AccountEvent::Opened { account: command.account.clone(), owner: "Ann".into() })
    /// }
    ///
    /// given(opened("ann", "Ann")).when(OpenOnce { account: id("ann") }).then_nothing();
    /// ```
    ///
    /// # Panics
    /// If the command was rejected or led to events.
    #[track_caller]
    pub fn then_nothing(self) -> Self {
        self.then(())
    }

    /// Expects that the decision rejects the command with this error.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann")).when(open("ann", "Ann")).then_err(AccountError::AlreadyOpen);
    /// ```
    ///
    /// # Panics
    /// If the command was accepted, or rejected with another error.
    #[track_caller]
    pub fn then_err(self, expected: E)
    where
        E: PartialEq,
    {
        let transcript = self.given.transcript();
        match self.decided {
            Err(rejection) if rejection == expected => {}
            Err(rejection) => {
                panic!(
                    "{transcript}the command was rejected with another error\n  - {expected:?}\n  + {rejection:?}\n"
                )
            }
            Ok(events) => panic!(
                "{transcript}the command was accepted, but a rejection was expected\n  - {expected:?}\n{}",
                diff(&[], &events)
            ),
        }
    }

    /// Passes the state of an aggregate, after the events of the command, to `check`.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann"))
    ///     .when(Deposit { account: id("ann"), cents: 5 })
    ///     .then_state::<Account>(&id("ann"), |account| assert_eq!(account.cents, 5));
    /// ```
    ///
    /// # Panics
    /// If the command was rejected, an event cannot be folded, or `check` panics.
    #[track_caller]
    pub fn then_state<A: Aggregate>(self, id: &A::Id, check: impl FnOnce(&A)) -> Self {
        let drafts = self.accepted(&[]).to_vec();
        let mut after = self.given.clone();
        after.extend(drafts);
        let folded = criteria_of::<A>(id).and_then(|criteria| {
            let mut state = A::initial(id.clone());
            let records = after.records.iter();
            let mut matching = records.filter(|record| criteria.matches(&record.name, &record.tags));
            matching.try_for_each(|record| state.fold_record(record, &Codec::default()))?;
            Ok(state)
        });
        match folded {
            Ok(state) => check(&state),
            Err(invalid) => panic!("{}the state could not be folded: {invalid}", after.transcript()),
        }
        self
    }

    #[track_caller]
    fn accepted(&self, expected: &[Draft]) -> &[Draft] {
        match &self.decided {
            Ok(events) => events,
            Err(rejection) => panic!(
                "{}the command was rejected, but events were expected\n{}  + {rejection:?}\n",
                self.given.transcript(),
                diff(expected, &[])
            ),
        }
    }
}

fn encode(events: impl IntoEvents) -> Result<Vec<Draft>, Invalid> {
    let codec = Codec::default();
    let mut encoded = Events::new(&codec);
    events.write_events(&mut encoded)?;
    Ok(encoded.into_drafts())
}

/// Encodes the events of a test.
#[track_caller]
pub(super) fn drafts(events: impl IntoEvents) -> Vec<Draft> {
    encode(events).unwrap_or_else(|invalid| panic!("{invalid}"))
}
