//! Work that completes even if its caller is cancelled.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// A future that is spawned onto the runtime if it is dropped before completion.
pub(super) struct DetachOnDrop(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl DetachOnDrop {
    pub(super) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl Future for DetachOnDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.0 else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        // Without a runtime no task runs any more.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn dropped_future_completes_exactly_once() {
        let (start, started) = oneshot::channel();
        let (finish, finished) = oneshot::channel();
        let mut work = DetachOnDrop::new(async {
            started.await.unwrap();
            finish.send(()).unwrap();
        });
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut work).poll(&mut context).is_pending());
        drop(work);
        start.send(()).unwrap();
        finished.await.unwrap();
        let mut work = DetachOnDrop::new(async {});
        (&mut work).await;
        (&mut work).await;
    }
}
