//! The user's reaction to one event, with whatever goes wrong in it.

use std::{future::poll_fn, pin::pin};

use super::{Commands, Policy};
use crate::{codec::Codec, error::BoxError, panics::catch_future, record::Record};

/// What a policy made of an event.
pub(super) struct Reacted {
    pub(super) commands: Commands,
    /// Whether it had to wait for something: it did more than think.
    pub(super) waited: bool,
}

/// Lets a policy react. A panic of its code becomes an error.
pub(super) async fn react<P: Policy>(policy: &P, record: &Record, codec: &Codec) -> Result<Reacted, String> {
    let mut reaction = pin!(catch_future(async { policy.react_to_record(record, codec).await }));
    let mut waited = false;
    let commands = poll_fn(|context| {
        let polled = reaction.as_mut().poll(context);
        waited |= polled.is_pending();
        polled
    });
    match commands.await {
        Ok(commands) => Ok(Reacted { commands: commands.map_err(told)?, waited }),
        Err(panic) => Err(format!("the handler panicked: {panic}")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Told {
        text: &'static str,
        source: Option<BoxError>,
    }

    #[test]
    fn an_error_is_told_with_causes_that_it_does_not_tell_itself() {
        let refused: BoxError = "connection refused".into();
        let server = Told { text: "no server: connection refused", source: Some(refused) };
        let mail = Told { text: "no mail was sent", source: Some(server.into()) };
        assert_eq!(told(mail.into()), "no mail was sent: no server: connection refused");
    }
}
