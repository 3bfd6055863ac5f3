//! Given events, the commands with which a policy reacts to the next one.

use super::{
    Given,
    diff::{Line, Listed, diff, lines},
    kit::written,
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
    /// Lets a policy react to what happens next: usually one event. Nothing is executed, and a failing reaction is not
    /// tried again.
    ///
    /// # Panics
    /// If the event cannot be written and read back, or the policy panics.
    #[track_caller]
    pub fn react<P: Policy, E: IntoEvents>(
        mut self,
        policy: P,
        event: E,
    ) -> impl Future<Output = Reacted> + use<P, E> {
        let known = self.records.len();
        self.extend(written(event));
        async move {
            let reaction = reaction(&policy, &self.records[known..]).await;
            let ignored = self.records[known..].iter().find(|record| !is_heard::<P>(record));
            let remark = ignored.map(|record| format!("`{}` does not react to `{}`\n", P::NAME, record.name));
            Reacted { story: self.story() + &remark.unwrap_or_default(), reaction }
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

fn is_heard<P: Policy>(record: &Record) -> bool {
    P::EVENTS.iter().any(|types: &Types| types.contains(&record.name))
}

/// A command as it would be sent.
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

/// The reaction of a policy, and what a test expects of it.
#[derive(Debug)]
#[must_use = "say what you expect: `sends`, `sends_nothing` or `fails`"]
pub struct Reacted {
    story: String,
    reaction: Result<Vec<Sent>, BoxError>,
}

impl Reacted {
    /// Expects exactly these commands, in this order.
    ///
    /// # Panics
    /// If the policy sends others, or its reaction failed; the message shows both lists line by line.
    #[track_caller]
    pub fn sends(self, commands: impl IntoCommands) {
        let Self { story, reaction } = self;
        let mut expected = Commands::new();
        let expected = commands.add_to(&mut expected).and_then(|()| Ok(sent(&expected)?));
        let expected = expected.unwrap_or_else(|error| panic!("what is expected are no commands: {error}"));
        match reaction {
            Ok(actual) if lines(&expected) == lines(&actual) => {}
            Ok(actual) => panic!(
                "{story}other commands were sent (- expected, + actual, = both)\n{}",
                diff(&expected, &actual)
            ),
            Err(error) => panic!(
                "{story}the reaction failed, where commands were expected\n{}  + {error}\n",
                diff(&expected, &[])
            ),
        }
    }

    /// Expects no command.
    ///
    /// # Panics
    /// If the policy sends one, or its reaction failed.
    #[track_caller]
    pub fn sends_nothing(self) {
        self.sends(());
    }

    /// Expects the reaction to fail, and gives the error.
    ///
    /// # Panics
    /// If it did not.
    #[track_caller]
    pub fn fails(self) -> BoxError {
        match self.reaction {
            Err(error) => error,
            Ok(actual) => panic!("{}the reaction did not fail; it sends\n{}", self.story, diff(&[], &actual)),
        }
    }
}
