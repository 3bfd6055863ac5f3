//! Running tasks concurrently and cancelling futures.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::Barrier;

use crate::failure::{Outcome, panicked};

/// Lets other tasks run, even on a store whose calls never wait.
pub(crate) async fn yield_now() {
    tokio::task::yield_now().await;
}

/// Pauses a polling loop if the last poll found no change. The pause only saves processor time; no case relies on it.
pub(crate) async fn pause_if(unchanged: bool) {
    if unchanged {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Runs tasks concurrently and returns their results in the order of the tasks, or the first failure. All tasks start
/// at a barrier, so that the first cannot end before the last begins.
pub(crate) async fn run_concurrently<T, F>(tasks: impl IntoIterator<Item = F>) -> Outcome<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = Outcome<T>> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().collect();
    let barrier = Arc::new(Barrier::new(tasks.len()));
    let spawn = |task: F| {
        let barrier = Arc::clone(&barrier);
        tokio::spawn(async move {
            barrier.wait().await;
            task.await
        })
    };
    let tasks: Vec<_> = tasks.into_iter().map(spawn).collect();
    let mut results = Vec::with_capacity(tasks.len());
    for task in tasks {
        results.push(task.await.map_err(panicked)??);
    }
    Ok(results)
}

/// Polls a future at most this many times, each time after its waker was called, and then drops it. Returns its output
/// if it completed before.
pub(crate) async fn cancel_after_polls<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    poll_fn(|context: &mut Context<'_>| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}
