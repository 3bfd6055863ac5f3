//! Tests of policies: given events, the commands that a policy sends in reaction to the next event.

use super::{
    Given,
    decide::drafts,
    diff::{Line, Listed, diff, lines},
};
use crate::{
    codec::Codec,
    error::{BoxError, Invalid},
    event::{IntoEvents, Types},
    payload::Payload,
    policy::{Commands, IntoCommands, Policy},
    record::Record,
};

impl Given {
    /// Lets a policy react to further events, usually one. The commands are not executed, and a failed reaction is not
    /// retried.
    ///
    /// # Panics
    /// If the event cannot be encoded and decoded, or the policy panics.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::testing::given;
    ///
    /// given(()).react(WelcomeBonus, opened("ann", "Ann")).await.sends(Deposit { account: id("ann"), cents: 100 });
    /// given(opened("ann", "Ann")).react(WelcomeBonus, deposited("ann", 5)).await.sends_nothing();
    /// # Ok(())
    /// # });
    /// ```
    #[track_caller]
    pub fn react<P: Policy, E: IntoEvents>(
        mut self,
        policy: P,
        event: E,
    ) -> impl Future<Output = PolicyReaction> + use<P, E> {
        let given = self.records.len();
        self.extend(drafts(event));
        async move {
            let reaction = reaction(&policy, &self.records[given..]).await;
            let ignored = self.records[given..].iter().find(|record| !reacts_to::<P>(record));
            let remark = ignored.map(|record| format!("`{}` does not react to `{}`\n", P::NAME, record.name));
            PolicyReaction { transcript: self.transcript() + &remark.unwrap_or_default(), reaction }
        }
    }
}

async fn reaction<P: Policy>(policy: &P, records: &[Record]) -> Result<Vec<Sent>, BoxError> {
    let (codec, mut commands) = (Codec::default(), Commands::new());
    for record in records {
        commands.add(policy.react_to_record(record, &codec).await?)?;
    }
    Ok(sent(&commands)?)
}

fn reacts_to<P: Policy>(record: &Record) -> bool {
    P::EVENTS.iter().any(|types: &Types| types.reads(&record.name))
}

/// A command in the form in which it would be sent.
#[derive(Debug)]
struct Sent {
    name: &'static str,
    body: Payload,
}

impl Listed for Sent {
    fn line(&self) -> Line {
        Line::new(&self.body, |body| format!("{} {body}", self.name))
    }
}

fn sent(commands: &Commands) -> Result<Vec<Sent>, Invalid> {
    commands.iter().map(|command| Ok(Sent { name: command.name(), body: command.body()? })).collect()
}

/// The reaction of a policy, for the expectations of a test.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::testing::given;
///
/// let reaction = given(()).react(WelcomeBonus, opened("ann", "Ann")).await;
/// reaction.sends(Deposit { account: id("ann"), cents: 100 });
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
#[must_use = "a test needs an expectation: call `sends`, `sends_nothing` or `fails`"]
pub struct PolicyReaction {
    transcript: String,
    reaction: Result<Vec<Sent>, BoxError>,
}

impl PolicyReaction {
    /// Expects exactly these commands, in this order.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::testing::given;
    ///
    /// let reaction = given(()).react(WelcomeBonus, [opened("ann", "Ann"), opened("bob", "Bob")]).await;
    /// reaction.sends([Deposit { account: id("ann"), cents: 100 }, Deposit { account: id("bob"), cents: 100 }]);
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Panics
    /// If the policy sends other commands or fails; the message shows both lists line by line.
    #[track_caller]
    pub fn sends(self, commands: impl IntoCommands) {
        let Self { transcript, reaction } = self;
        let mut expected = Commands::new();
        let expected = commands.add_to(&mut expected).and_then(|()| Ok(sent(&expected)?));
        let expected =
            expected.unwrap_or_else(|error| panic!("the expected commands cannot be encoded: {error}"));
        match reaction {
            Ok(actual) if lines(&expected) == lines(&actual) => {}
            Ok(actual) => panic!(
                "{transcript}the policy sent other commands (- expected, + actual, = both)\n{}",
                diff(&expected, &actual)
            ),
            Err(error) => panic!(
                "{transcript}the policy failed, but commands were expected\n{}  + {error}\n",
                diff(&expected, &[])
            ),
        }
    }

    /// Expects that the policy sends no command.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::testing::given;
    ///
    /// given(opened("ann", "Ann")).react(WelcomeBonus, deposited("ann", 5)).await.sends_nothing();
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Panics
    /// If the policy sends a command or fails.
    #[track_caller]
    pub fn sends_nothing(self) {
        self.sends(());
    }

    /// Expects that the policy fails, and returns its error.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::testing::given;
    ///
    /// /// Reports deposits to a service.
    /// #[derive(Policy)]
    /// #[policy(name = "report", from = now, on_reject = stop, on(AccountEvent => Report::react))]
    /// struct Report;
    ///
    /// impl Report {
    ///     async fn react(&self, _: &AccountEvent) -> Result<(), std::io::Error> {
    ///         Err(std::io::Error::other("the service does not respond"))
    ///     }
    /// }
    ///
    /// let error = given(()).react(Report, deposited("ann", 5)).await.fails();
    /// assert_eq!(error.to_string(), "the service does not respond");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Panics
    /// If the policy does not fail.
    #[track_caller]
    pub fn fails(self) -> BoxError {
        match self.reaction {
            Err(error) => error,
            Ok(actual) => {
                panic!("{}the policy did not fail; it sent\n{}", self.transcript, diff(&[], &actual))
            }
        }
    }
}
