//! The one writer of a handle: appends that are waiting travel in one transaction and share its sync to disk.

use std::sync::Arc;

use annalist_core::{
    error::Error,
    store::{Append, Appended},
};
use sqlx::{Connection, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::sync::{mpsc, oneshot};

use crate::{
    append::append,
    error::{Fault, failed, failed_commit},
    inline::Ground,
    row_values::Rows,
    settings::Settings,
    sql::Sql,
};

/// How many appends may wait; further callers wait for a place.
const QUEUE: usize = 1024;
/// How many appends share a transaction at most.
const BATCH: usize = 128;

/// What the caller gets. An error in here has written nothing.
type Answer = Result<Appended, Error>;

/// An append and who waits for its answer.
pub(crate) struct Job {
    pub(crate) append: Append,
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
    /// The job that met it; none if it was not about one.
    job: Option<usize>,
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
            jobs.retain(|job| !job.answer.is_closed());
            self.settle(std::mem::take(&mut jobs)).await;
        }
    }

    /// Answers every job. One that fails on its own account leaves the others to a transaction without it.
    async fn settle(&self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            match self.commit(&jobs).await {
                Ok(answers) => {
                    for (job, answer) in jobs.drain(..).zip(answers) {
                        answer_to(job, answer);
                    }
                }
                Err(Failure { job: Some(job), error }) => answer_to(jobs.remove(job), Err(error())),
                Err(Failure { job: None, error }) => {
                    jobs.drain(..).for_each(|job| answer_to(job, Err(error())));
                }
            }
        }
    }

    /// Writes all jobs in one transaction. The answers count when it is committed, the refusals among them too: what they
    /// met may have been written by a neighbour.
    async fn commit(&self, jobs: &[Job]) -> Result<Vec<Answer>, Failure> {
        let mut connection = self.pool.acquire().await.map_err(|error| self.failure(None, error))?;
        let answers = self.transact(&mut connection, jobs).await;
        if answers.is_err() {
            // Some errors end a transaction behind the driver's back; nobody else is to inherit the connection.
            connection.close_on_drop();
        }
        answers
    }

    async fn transact(
        &self,
        connection: &mut PoolConnection<Sqlite>,
        jobs: &[Job],
    ) -> Result<Vec<Answer>, Failure> {
        let whole = |error| self.failure(None, error);
        self.check(connection).await?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(whole)?;
        let mut ground = Ground::read(&mut transaction, &self.sql).await.map_err(whole)?;
        let mut answers = Vec::with_capacity(jobs.len());
        for (number, job) in jobs.iter().enumerate() {
            answers.push(match append(&mut transaction, self, &mut ground, &job.append).await {
                Ok(appended) => Ok(appended),
                Err(Fault::Refused(error)) => Err(error),
                Err(Fault::Database(error)) => return Err(self.failure(Some(number), error)),
            });
        }
        transaction.commit().await.map_err(|error| self.lost(error))?;
        Ok(answers)
    }

    async fn check(&self, connection: &mut SqliteConnection) -> Result<(), Failure> {
        let Some(demands) = self.demands else { return Ok(()) };
        let complaint = demands.complaint(connection).await.map_err(|error| self.failure(None, error))?;
        let Some(complaint) = complaint else { return Ok(()) };
        let operation = self.operation.clone();
        Err(Failure { job: None, error: Box::new(move || Error::unusable(&operation, &complaint)) })
    }

    fn failure(&self, job: Option<usize>, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.operation.clone(), Arc::new(error));
        Failure { job, error: Box::new(move || failed(&operation, error.clone())) }
    }

    fn lost(&self, error: sqlx::Error) -> Failure {
        let (operation, error) = (self.operation.clone(), Arc::new(error));
        Failure { job: None, error: Box::new(move || failed_commit(&operation, error.clone())) }
    }
}

/// Nobody may be there any more to hear it.
fn answer_to(job: Job, answer: Answer) {
    let _ = job.answer.send(answer);
}
