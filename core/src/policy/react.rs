//! Calls the handler of a policy and catches its errors and panics.

use std::pin::pin;

use futures_util::FutureExt;

use super::{Commands, Policy};
use crate::{codec::Codec, error::BoxError, panics::catch_future, record::Record};

/// The reaction to an event.
pub(super) struct Reacted {
    pub(super) commands: Commands,
    /// Whether the handler awaited something: it may have had side effects.
    pub(super) waited: bool,
}

/// Calls the policy's handler. A panic becomes an error.
pub(super) async fn react<P: Policy>(policy: &P, record: &Record, codec: &Codec) -> Result<Reacted, String> {
    let mut reaction = pin!(catch_future(async { policy.react_to_record(record, codec).await }));
    let (commands, waited) = match reaction.as_mut().now_or_never() {
        Some(commands) => (commands, false),
        None => (reaction.await, true),
    };
    match commands {
        Ok(commands) => Ok(Reacted { commands: commands.map_err(error_text)?, waited }),
        Err(panic) => Err(format!("the handler panicked: {panic}")),
    }
}

/// The text of an error with those of its causes, except causes whose text it includes already.
fn error_text(error: BoxError) -> String {
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
    struct Outer {
        text: &'static str,
        source: Option<BoxError>,
    }

    #[test]
    fn error_text_appends_only_causes_that_are_not_included() {
        let refused: BoxError = "connection refused".into();
        let server = Outer { text: "no server: connection refused", source: Some(refused) };
        let mail = Outer { text: "no mail was sent", source: Some(server.into()) };
        assert_eq!(error_text(mail.into()), "no mail was sent: no server: connection refused");
    }
}
