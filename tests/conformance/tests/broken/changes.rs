//! How faults change what a store gets and returns.

use std::borrow::Cow;

use annalist_core::{
    payload::Payload,
    record::{Draft, Name},
    store::CommandKey,
};

/// Polls a future that never waits, and returns its output.
pub(super) fn output_of<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the store in memory never waits"),
    }
}

/// A command id that is not bound to the name and the tags of the command.
pub(super) fn without_command(key: &CommandKey) -> CommandKey {
    let name = |text: &str| Name::new("name", text.to_owned()).unwrap();
    CommandKey::new(name(key.id()), name("any"), [])
}

/// Removes the spaces from a payload, as a store might that parses it.
pub(super) fn remove_spaces(draft: &mut Draft) {
    let (name, text) = (Cow::Owned(draft.name().to_owned()), draft.data().as_str().replace(' ', ""));
    // The new draft also has another id.
    *draft =
        Draft::new(name, draft.version(), draft.tags().iter().cloned(), Payload::from_stored(text)).unwrap();
}
