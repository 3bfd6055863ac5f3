//! A question that is asked again whenever the rows moved.

use std::{any::type_name, collections::HashMap, future::poll_fn, task::Poll, time::Duration};

use tokio::time::{Instant, timeout_at};

use super::{Query, ReadModels, ask, models::Read};
use crate::{
    app::{App, WeakApp},
    error::Error,
    find::DEFAULT_TIMEOUT,
    position::Position,
    projection::{State, Stopped},
};

/// The first and the longest pause before a store that did not answer is asked again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

/// A question whose answers are followed: [`next`](Watched::next) gives the answer now, and then each other one.
///
/// It does not keep the app alive.
#[must_use = "nothing is asked before `next` is awaited"]
#[derive(Debug)]
pub struct Watched<Q: Query> {
    app: WeakApp,
    question: Q,
    wanted: Position,
    timeout: Duration,
    /// The answer that was given last.
    given: Option<Q::Answer>,
    /// What the last answer was made from.
    reads: Vec<Read>,
    /// Which of them stand still, as far as it was told.
    told: HashMap<&'static str, Stopped>,
    due: Due,
    pause: Duration,
}

/// When to ask.
#[derive(Clone, Copy, Debug)]
enum Due {
    Now,
    /// When the rows have moved.
    Moved,
    /// Then, or before if the rows have moved: a store did not answer.
    At(Instant),
}

/// An answer that can be told from the one before.
#[diagnostic::on_unimplemented(
    message = "answers of type `{Self}` cannot be watched",
    label = "answers are compared, to report only changes",
    note = "add `#[derive(Clone, PartialEq)]` to the rows, or to the answer type of a hand-written query"
)]
pub trait Watchable: Clone + PartialEq {}

#[diagnostic::do_not_recommend]
impl<A: Clone + PartialEq> Watchable for A {}

impl<Q: Query<Answer: Watchable>> Watched<Q> {
    pub(crate) fn new(app: &App, question: Q) -> Self {
        Self {
            app: app.downgrade(),
            question,
            wanted: Position::START,
            timeout: DEFAULT_TIMEOUT,
            given: None,
            reads: Vec::new(),
            told: HashMap::new(),
            due: Due::Now,
            pause: PAUSES.0,
        }
    }

    /// Waits until every read model that is asked shows everything up to a position, such as that of a receipt:
    /// `after(&receipt)`.
    pub fn after(self, position: impl Into<Position>) -> Self {
        Self { wanted: position.into(), ..self }
    }

    /// How long to wait at most for that position; 5 seconds unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The answer: at first the one now, then each that differs from the one before, as soon as the rows have moved. Of
    /// changes that come faster than they are asked for, the last one is seen. Dropping the future loses nothing.
    ///
    /// # Errors
    /// [`Error`] if the question could not be answered; [`Error::NotCaughtUp`], once, if a projection that it reads stands still;
    /// [`Error::Unusable`] if the app was stopped, or the answer comes from no read model. `next` may be called again, and
    /// goes on unless the watch [`is_over`](Watched::is_over): then it says so each time.
    pub async fn next(&mut self) -> Result<Q::Answer, Error> {
        loop {
            self.until_due().await?;
            let app = self.app.upgrade().ok_or_else(|| self.over())?;
            let models = ReadModels::new(app, self.wanted, self.timeout);
            let answer = ask(&self.question, &models).await;
            // Nothing is awaited from here on: who drops the future has the answer, or will get it.
            self.reads = models.into_reads();
            self.due = self.next_time(&answer);
            match answer {
                Ok(answer) if self.given.as_ref() == Some(&answer) => {}
                answer => return Ok(self.given.insert(answer?).clone()),
            }
        }
    }

    /// Whether nothing more can come: the app was stopped, or nothing that the answer reads will move any more.
    pub fn is_over(&self) -> bool {
        let nothing_moves = self.reads.iter().all(|read| read.ended) && matches!(self.due, Due::Moved);
        nothing_moves || self.app.upgrade().is_none()
    }

    /// Rows that did not move give the same answer; a store that did not answer may do so at any time.
    fn next_time(&mut self, answer: &Result<Q::Answer, Error>) -> Due {
        let (first, longest) = PAUSES;
        match answer {
            Err(error) if error.is_unavailable() || error.is_unknown() => {
                let due = Due::At(Instant::now() + self.pause);
                self.pause = (self.pause * 2).min(longest);
                due
            }
            _ => {
                self.pause = first;
                Due::Moved
            }
        }
    }

    async fn until_due(&mut self) -> Result<(), Error> {
        loop {
            if let Some(error) = self.stop_reason() {
                return Err(error);
            }
            let moved = match self.due {
                Due::Now => return Ok(()),
                Due::Moved if self.is_over() => return Err(self.over()),
                Due::Moved => one_moved(&mut self.reads).await,
                Due::At(time) => timeout_at(time, one_moved(&mut self.reads)).await.unwrap_or(true),
            };
            if moved {
                self.due = Due::Now;
            }
        }
    }

    /// A projection that the last answer was made from and that stands still, once each time that it came to stand.
    fn stop_reason(&mut self) -> Option<Error> {
        for read in &self.reads {
            match stop(read) {
                Some(at) if self.told.get(read.projection) != Some(&at) => {
                    let error = behind(read, &at);
                    self.told.insert(read.projection, at);
                    return Some(error);
                }
                Some(_) => {}
                None => drop(self.told.remove(read.projection)),
            }
        }
        None
    }

    /// Why nothing more can come.
    fn over(&self) -> Error {
        let stop = self.reads.iter().find_map(|read| stop(read).map(|at| behind(read, &at)));
        let reason = match self.reads[..] {
            [] if self.app.upgrade().is_some() => {
                "its answer comes from no read model of the app, so nothing tells when it changes"
            }
            _ => "the app was stopped",
        };
        stop.unwrap_or_else(|| Error::unusable(format!("watch `{}`", type_name::<Q>()), reason))
    }
}

/// Waits until one of those that may move has moved, or will not any more. Gives whether it has.
async fn one_moved(reads: &mut [Read]) -> bool {
    let open = reads.iter_mut().filter(|read| !read.ended);
    let mut moves: Vec<_> = open.map(|read| Box::pin(read.moved())).collect();
    poll_fn(|context| {
        let ready = moves.iter_mut().map(|moved| moved.as_mut().poll(context)).find(Poll::is_ready);
        ready.unwrap_or(Poll::Pending)
    })
    .await
}

/// Why a projection stands still, if it does.
fn stop(read: &Read) -> Option<Stopped> {
    match &read.status.borrow().state {
        State::Stopped(at) => Some(at.clone()),
        _ => None,
    }
}

fn behind(read: &Read, at: &Stopped) -> Error {
    let reached = read.status.borrow().position;
    let (projection, wanted) = (read.projection, at.position.unwrap_or(reached));
    Error::NotCaughtUp { projection, wanted, reached, reason: at.to_string() }
}
