//! A wish that several tasks listen to: to come to an end.

use std::{future::poll_fn, pin::pin, sync::Arc, task::Poll};

use tokio::sync::watch;

/// A signal to come to an end after what is being done. Clones are the same signal.
#[derive(Clone, Debug, Default)]
pub struct ShutdownSignal(Arc<watch::Sender<bool>>);

impl ShutdownSignal {
    /// Asks for the end.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// What a future gives, or nothing if the end is asked for before.
    pub async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let (mut future, mut asked) = (pin!(future), pin!(self.asked()));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => asked.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    /// Waits until it is asked for.
    pub async fn asked(&self) {
        // The sender lives as long as `self`, so this ends by being fulfilled.
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}
