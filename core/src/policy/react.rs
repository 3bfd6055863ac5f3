//! The user's reaction to one event, with whatever goes wrong in it.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use super::{Commands, Policy};
use crate::{
    codec::Codec,
    error::{BoxError, panic_message},
    record::Record,
};

/// Lets a policy react. Panics of its code become errors.
pub(super) async fn react<P: Policy>(policy: &P, record: &Record, codec: &Codec) -> Result<Commands, String> {
    let mut reaction = guard(|| policy.react_to_record(record, codec))?;
    poll_fn(|context| {
        guard(|| reaction.as_mut().poll(context).map_err(told))
            .unwrap_or_else(|panic| Poll::Ready(Err(panic)))
    })
    .await
}

fn guard<T>(user_code: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(user_code))
        .map_err(|panic| format!("the handler panicked: {}", panic_message(&*panic)))
}

/// An error with its causes, as far as it does not tell them itself.
fn told(error: BoxError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
