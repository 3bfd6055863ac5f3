//! Work that completes even if its caller is cancelled.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

/// A future that is spawned onto the runtime if it is dropped before completion.
pub(crate) struct DetachOnDrop<T: Send + 'static>(Option<BoxFuture<'static, T>>);

impl<T: Send + 'static> DetachOnDrop<T> {
    pub(crate) fn new(work: BoxFuture<'static, T>) -> Self {
        Self(Some(work))
    }
}

impl<T: Send + 'static> Future for DetachOnDrop<T> {
    type Output = T;

    /// Stays pending after completion.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl<T: Send + 'static> Drop for DetachOnDrop<T> {
    fn drop(&mut self) {
        // Without a runtime no task runs any more.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn dropped_future_completes_exactly_once() {
        let (start, started) = oneshot::channel();
        let (finish, finished) = oneshot::channel();
        let mut work = DetachOnDrop::new(Box::pin(async {
            started.await.unwrap();
            finish.send(()).unwrap();
        }));
        assert!((&mut work).now_or_never().is_none());
        drop(work);
        start.send(()).unwrap();
        finished.await.unwrap();
        let mut work = DetachOnDrop::new(Box::pin(async { 7 }));
        assert_eq!(((&mut work).await, (&mut work).now_or_never()), (7, None));
    }
}
