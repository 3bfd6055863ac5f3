//! The one writer of a handle: appends that are waiting travel in one transaction and share its sync to disk.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    store::{Append, AppendOutcome},
};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{
    append::append,
    error::{failed, failed_commit},
    row_values::Rows,
    settings::Settings,
    sql::Sql,
};

/// How many appends may wait; further callers wait for a place.
const QUEUE: usize = 1024;
/// How many appends share a transaction at most.
const BATCH: usize = 128;

/// What the caller gets. An error in here has written nothing.
pub(crate) type Answer = Result<AppendOutcome, Error>;

/// Appends that stand or fall together, and who waits for their answer.
pub(crate) struct Job {
    pub(crate) appends: Vec<Append>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

pub(crate) struct Writer {
    pub(crate) pool: SqlitePool,
    pub(crate) sql: Arc<Sql>,
    pub(crate) rows: Rows,
    /// What the connections of a pool that is not ours must be like, looked at before every transaction.
    pub(crate) demands: Option<Settings>,
    /// "append to sqlite log …", for messages.
    pub(crate) operation: String,
}

/// Why a transaction was given up, as an error for each of its jobs.
struct Failure {
    /// Whether one of the jobs may be to blame, so that others would succeed without it.
    own: bool,
    error: Box<dyn Fn() -> Error + Send>,
}

impl Writer {
    /// Starts the task. It ends when the last sender is gone and what is queued is written.
    ///
    /// The transaction runs in a task of its own, so a caller that goes away cannot stop it half-way.
    pub(crate) fn start(self) -> mpsc::Sender<Job> {
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(self.run(receiver));
        sender
    }

    async fn run(self, mut queue: mpsc::Receiver<Job>) {
        let mut jobs = Vec::with_capacity(BATCH);
        while queue.recv_many(&mut jobs, BATCH).await > 0 {
            match self.commit(&mut jobs, Some(&mut queue)).await {
                Ok(answers) => answer(jobs.drain(..), answers),
                Err(failure) => self.settle(std::mem::take(&mut jobs), failure).await,
            }
        }
    }

    /// Answers jobs whose transaction failed. If one of them is to blame, halves of them find it and leave it alone.
    async fn settle(&self, jobs: Vec<Job>, failure: Failure) {
        let mut failed = vec![(jobs, failure)];
        while let Some((mut jobs, failure)) = failed.pop() {
            if !failure.own || jobs.len() < 2 {
                answer(jobs.drain(..), std::iter::repeat_with(|| Err((failure.error)())));
                continue;
            }
            let second = jobs.split_off(jobs.len() / 2);
            for mut half in [jobs, second] {
                match self.commit(&mut half, None).await {
                    Ok(answers) => answer(half.drain(..), answers),
                    Err(failure) => failed.push((half, failure)),
                }
            }
        }
    }

    /// Writes all jobs in one transaction. The answers count when it is committed, the refusals among them too: what they
    /// met may have been written by a neighbour.
    async fn commit(
        &self,
        jobs: &mut Vec<Job>,
        queue: Option<&mut mpsc::Receiver<Job>>,
    ) -> Result<Vec<Answer>, Failure> {
        let whole = |error| self.failure(false, error);
        let mut connection = self.pool.acquire().await.map_err(whole)?;
        let answers = self.transact(&mut connection, jobs, queue).await;
        if answers.is_err() {
            // Some errors end a transaction behind the driver's back; nobody else is to inherit the connection.
            connection.close_on_drop();
        }
        answers
    }

    async fn transact(
        &self,
        connection: &mut PoolConnection<Sqlite>,
        jobs: &mut Vec<Job>,
        queue: Option<&mut mpsc::Receiver<Job>>,
    ) -> Result<Vec<Answer>, Failure> {
        let whole = |error| self.failure(false, error);
        self.check(connection).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(whole)?;
        if let Some(queue) = queue {
            // Those that came while the lock was taken.
            jobs.extend(std::iter::from_fn(|| queue.try_recv().ok()).take(BATCH.saturating_sub(jobs.len())));
        }
        jobs.retain(|job| !job.answer.is_closed());
        let answers =
            append(&mut transaction, self, jobs).await.map_err(|error| self.failure(true, error))?;
        transaction.commit().await.map_err(|error| self.lost(error))?;
        Ok(answers)
    }

    async fn check(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let Some(demands) = self.demands else { return Ok(()) };
        let complaint = demands.complaint(connection).await.map_err(|error| self.failure(false, error))?;
        let Some(complaint) = complaint else { return Ok(()) };
        let operation = self.operation.clone();
        Err(Failure { own: false, error: Box::new(move || Error::unusable(&operation, &complaint)) })
    }

    fn failure(&self, own: bool, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.operation.clone(), Arc::new(error));
        Failure { own, error: Box::new(move || failed(&operation, error.clone())) }
    }

    fn lost(&self, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.operation.clone(), Arc::new(error));
        Failure { own: false, error: Box::new(move || failed_commit(&operation, error.clone())) }
    }
}

/// Nobody may be there any more to hear it.
fn answer(jobs: impl Iterator<Item = Job>, answers: impl IntoIterator<Item = Answer>) {
    for (job, answer) in jobs.zip(answers) {
        let _ = job.answer.send(answer);
    }
}
