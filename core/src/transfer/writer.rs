//! Writes the batches of an import one after the other, each while the next one is read.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::Error,
    record::Record,
    store::{
        AcceptedCommand, Archive, Entry, EventRef, ImportTransaction, PolicyCheckpoint, Rewrite, Successor,
    },
};

/// What is written in one call.
pub(super) enum Batch {
    Archives(Vec<Archive>),
    Retags(Vec<Rewrite>),
    Events(Vec<Record>, Vec<EventRef>),
    Successors(Vec<Successor>),
    CommandIds(Vec<AcceptedCommand>),
    Journal(Vec<Entry>),
    Policies(Vec<PolicyCheckpoint>),
}

/// An import, and the batch that is being written. At most one is: a batch waits for the one before it.
pub(super) struct Writer(State);

enum State {
    Idle(Box<dyn ImportTransaction>),
    Writing(Pin<Box<dyn Future<Output = Written> + Send>>),
    Failed(Error),
    /// The error was returned, or a caller was dropped.
    Ended,
}

type Written = Result<Box<dyn ImportTransaction>, Error>;

impl Writer {
    pub(super) fn new(import: Box<dyn ImportTransaction>) -> Self {
        Self(State::Idle(import))
    }

    /// Begins to write a batch, once the one before it is written. Its error is that of a later call.
    pub(super) async fn begin(&mut self, batch: Batch) -> Result<(), Error> {
        let import = self.written().await?;
        self.0 = State::Writing(Box::pin(write(import, batch)));
        self.advance().await;
        Ok(())
    }

    /// Lets the batch that is being written advance as far as it can without waiting.
    pub(super) async fn advance(&mut self) {
        poll_fn(|context| {
            let _ = self.poll(context);
            Poll::Ready(())
        })
        .await;
    }

    /// Makes everything visible.
    pub(super) async fn finish(mut self) -> Result<(), Error> {
        self.written().await?.finish().await
    }

    /// Waits until the batch is written, and takes the import.
    async fn written(&mut self) -> Written {
        poll_fn(|context| self.poll(context)).await;
        match std::mem::replace(&mut self.0, State::Ended) {
            State::Idle(import) => Ok(import),
            State::Failed(error) => Err(error),
            State::Writing(_) | State::Ended => {
                Err(Error::unusable("continue an import", "an earlier call of it failed or was cancelled"))
            }
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let State::Writing(writing) = &mut self.0 else { return Poll::Ready(()) };
        writing.as_mut().poll(context).map(|written| self.0 = written.map_or_else(State::Failed, State::Idle))
    }
}

async fn write(mut import: Box<dyn ImportTransaction>, batch: Batch) -> Written {
    match batch {
        Batch::Archives(archives) => import.write_archives(archives).await,
        Batch::Retags(retags) => import.write_retags(retags).await,
        Batch::Events(records, tombstones) => import.write_events(records, tombstones).await,
        Batch::Successors(successors) => import.write_successors(successors).await,
        Batch::CommandIds(commands) => import.write_command_ids(commands).await,
        Batch::Journal(entries) => import.write_journal(entries).await,
        Batch::Policies(policies) => import.write_policies(policies).await,
    }?;
    Ok(import)
}
