//! Work that comes to its end also if nobody waits for it any more.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::runtime::Handle;

/// Done by whoever awaits it; dropped before its end, it goes on by itself.
pub(super) struct ToTheEnd(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl ToTheEnd {
    pub(super) fn of(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl Future for ToTheEnd {
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

impl Drop for ToTheEnd {
    fn drop(&mut self) {
        // Without a runtime nothing goes on anyway.
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
    async fn it_goes_on_when_it_is_dropped_and_is_done_once() {
        let (go, wait) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let mut work = ToTheEnd::of(async {
            wait.await.unwrap();
            done.send(()).unwrap();
        });
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(Pin::new(&mut work).poll(&mut context).is_pending());
        drop(work);
        go.send(()).unwrap();
        ended.await.unwrap();
        let mut work = ToTheEnd::of(async {});
        (&mut work).await;
        (&mut work).await;
    }
}
