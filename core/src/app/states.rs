//! The states of an aggregate after each of its events, as texts for people.

use std::{collections::VecDeque, future::IntoFuture, sync::Arc};

use super::{
    facade::App,
    load::{BoxedResult, Moment, read, until_ended},
};
use crate::{
    dispatch::{DeclaredAggregate, ShownState, StartedFold},
    error::{Error, Invalid},
    execute::Executor,
    panics::run_user_code,
    record::Record,
};

/// The largest size of the texts that are returned, unless the last change alone is larger.
const MAX_BYTES: usize = 64 << 20;

impl App {
    /// Returns the names of the program's aggregates, as the [`Model`](crate::model::Model) has them.
    pub fn aggregates(&self) -> impl Iterator<Item = &str> {
        self.inner.aggregates.keys().map(String::as_str)
    }

    /// Shows the states of an aggregate after each of its events, for operators: by the name of the aggregate in the
    /// [`Model`](crate::model::Model) and the text of the id, which is empty for an aggregate without id. The states have their `Debug`
    /// form.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::Memory;
    ///
    /// let app = App::builder(Memory::new()).commands::<Open>().commands::<Deposit>().start().await?;
    /// app.execute(open("ann", "Ann")).await?;
    /// app.execute(Deposit { account: id("ann"), cents: 5 }).await?;
    ///
    /// let history = app.states_of("Account", "ann").last(1).await?;
    /// assert_eq!((history.events, history.changes.len()), (2, 1));
    /// assert!(history.before.contains("cents: 0"));
    /// assert!(history.changes[0].state.contains("cents: 5"));
    /// # Ok(())
    /// # });
    /// ```
    pub fn states_of(&self, aggregate: &str, id: &str) -> States {
        States {
            executor: Arc::clone(self.executor()),
            declared: self.inner.aggregates.get(aggregate).copied(),
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
            moment: None,
            last: 1_000,
        }
    }
}

/// Shows the states of an aggregate when awaited.
///
/// # Errors
/// [`Error::Unusable`] if the program has no aggregate of this name, or its type has no `Debug`; [`Error::Invalid`] if it has no such id
/// or an event cannot be decoded; [`Error::Panicked`] if the code of the aggregate panics; another [`Error`] if the store cannot answer.
#[must_use = "nothing is read before it is awaited"]
#[derive(Debug)]
pub struct States {
    executor: Arc<Executor>,
    declared: Option<DeclaredAggregate>,
    aggregate: String,
    id: String,
    moment: Option<Moment>,
    last: usize,
}

/// The states of an aggregate after its last events.
#[derive(Clone, Debug)]
pub struct StateHistory {
    /// The number of its events up to the moment.
    pub events: u64,
    /// The state before the first of `changes`.
    pub before: String,
    /// The last events, the oldest first, each with the state after it.
    pub changes: Vec<ChangedState>,
}

/// An event of an aggregate, and the state after it.
#[derive(Clone, Debug)]
pub struct ChangedState {
    /// The event as it is stored; an app with keys has decrypted its secrets.
    pub record: Record,
    /// The state after the event.
    pub state: String,
}

impl States {
    /// Ends at a position, at a time, or after the command of a receipt.
    pub fn at(self, moment: impl Into<Moment>) -> Self {
        Self { moment: Some(moment.into()), ..self }
    }

    /// Returns only the last events: 1,000 if it is not called, and fewer if the texts of their states and payloads exceed 64 MiB together.
    pub fn last(self, events: usize) -> Self {
        Self { last: events, ..self }
    }

    async fn run(self) -> Result<StateHistory, Error> {
        let Self { executor, declared, aggregate, id, moment, last } = self;
        let start =
            declared.ok_or_else(|| unusable(&aggregate, "the program has no aggregate of this name"))?.start;
        let StartedFold { mut state, criteria } = run_user_code(&aggregate, || start(&id))?;
        let before = text_of(&*state, &aggregate)?;
        let mut history = LastStates { events: 0, before, changes: VecDeque::new(), bytes: 0, last };
        let codec = &executor.codec;
        let mut fold = |records: Vec<Record>| {
            records.into_iter().try_for_each(|record| {
                run_user_code(&aggregate, || state.fold(&record, codec))?;
                history.add(ChangedState { record, state: text_of(&*state, &aggregate)? });
                Ok(())
            })
        };
        read(&executor, criteria, moment, &mut fold).await?;
        let LastStates { events, before, changes, .. } = history;
        Ok(StateHistory { events, before, changes: changes.into() })
    }
}

impl IntoFuture for States {
    type Output = Result<StateHistory, Error>;
    type IntoFuture = BoxedResult<StateHistory>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (executor, what) = (Arc::clone(&self.executor), self.aggregate.clone());
            until_ended(executor, &what, self.run()).await
        })
    }
}

/// The last states that were added, and the one before them.
struct LastStates {
    events: u64,
    before: String,
    changes: VecDeque<ChangedState>,
    /// The size of the changes.
    bytes: usize,
    last: usize,
}

impl LastStates {
    fn add(&mut self, change: ChangedState) {
        self.events += 1;
        self.bytes += size(&change);
        self.changes.push_back(change);
        while self.changes.len() > self.last || (self.bytes > MAX_BYTES && self.changes.len() > 1) {
            let Some(oldest) = self.changes.pop_front() else { return };
            self.bytes -= size(&oldest);
            self.before = oldest.state;
        }
    }
}

fn size(change: &ChangedState) -> usize {
    change.state.len() + change.record.data.as_str().len()
}

fn text_of(state: &dyn ShownState, aggregate: &str) -> Result<String, Error> {
    let text = run_user_code(aggregate, || Ok::<_, Invalid>(state.text()))?;
    text.ok_or_else(|| unusable(aggregate, "its type has no `Debug`: add `#[derive(Debug)]`"))
}

fn unusable(aggregate: &str, reason: &str) -> Error {
    Error::unusable(format!("show the states of `{aggregate}`"), reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        message_id::new_message_id, payload::Payload, position::Position, record::Metadata, time::Timestamp,
    };

    fn change(number: u64, bytes: usize) -> ChangedState {
        let record = Record {
            position: Position::new(number),
            id: new_message_id(),
            name: "a".into(),
            version: 1,
            recorded_at: Timestamp::EPOCH,
            tags: Vec::new(),
            data: Payload::from_stored("{}"),
            stored_metadata: Metadata::default().into(),
        };
        ChangedState { record, state: "x".repeat(bytes) }
    }

    fn positions(sizes: &[usize], last: usize) -> (Vec<u64>, usize) {
        let mut states =
            LastStates { events: 0, before: String::new(), changes: VecDeque::new(), bytes: 0, last };
        for (bytes, number) in sizes.iter().zip(1..) {
            states.add(change(number, *bytes));
        }
        let positions = states.changes.iter().map(|change| change.record.position.get()).collect();
        (positions, states.before.len())
    }

    #[test]
    fn last_states_are_bounded_in_number_and_bytes() {
        assert_eq!(positions(&[1, 2, 3], 2), (vec![2, 3], 1));
        assert_eq!(positions(&[1, 2, 3], 0), (vec![], 3));
        let third = MAX_BYTES / 3;
        assert_eq!(positions(&[third, third, third, 7], 9), (vec![2, 3, 4], third));
        // One that is too large comes alone.
        assert_eq!(positions(&[3, 2 * MAX_BYTES, 5, 2 * MAX_BYTES], 9), (vec![4], 5));
    }
}
