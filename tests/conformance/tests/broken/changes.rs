//! How faults change what a store gets and returns.

use std::borrow::Cow;

use annalist_core::{
    Error,
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Name},
    store::{Append, Batch, CommandKey, EventStore, Read},
    tag::Tag,
};
use annalist_memory::Memory;
use tokio::task::yield_now;

use super::fault::Fault;

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

/// Reads with a case-insensitive comparison of tags.
pub(crate) async fn read_ignoring_case(store: &Memory, read: &Read) -> Result<Batch, Error> {
    let all = Read { criteria: Criteria::all(), ..read.clone() };
    let mut batch = store.read(&[all]).await?.remove(0);
    let lowercase = |tag: &Tag| Tag::parse(tag.as_str().to_ascii_lowercase()).unwrap();
    let lowercase_item = |item: &Item| {
        item.tags()
            .iter()
            .map(lowercase)
            .fold(Item::any().types(item.type_names().iter().cloned()), Item::tag)
    };
    let criteria: Criteria = read.criteria.items().iter().map(lowercase_item).collect();
    batch.records.retain(|record| {
        criteria.matches(&record.name, &record.tags.iter().map(lowercase).collect::<Vec<_>>())
    });
    Ok(batch)
}

/// The item without its tags.
pub(super) fn without_tags(item: &Item) -> Item {
    Item::any().types(item.type_names().iter().cloned())
}

/// The item without its types.
pub(super) fn without_types(item: &Item) -> Item {
    item.tags().iter().cloned().fold(Item::any(), Item::tag)
}

/// Lets an append know the list of successors as it is. Returns whether it is stale, if the fault is to compare too early.
pub(super) async fn forget_known_list(
    log: &Memory,
    fault: Fault,
    append: &mut Append,
) -> Result<bool, Error> {
    let Some(known) = &mut append.successors else { return Ok(false) };
    match fault {
        Fault::IgnoresSuccessors => {}
        Fault::ComparesSuccessorsBeforeAppend => {
            if log.successors().await?.version != known.version {
                return Ok(true);
            }
            yield_now().await;
        }
        _ => return Ok(false),
    }
    known.version = log.successors().await?.version;
    Ok(false)
}
