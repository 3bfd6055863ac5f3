//! How faults change what a store gets and returns.

use std::{borrow::Cow, ops::Range};

use annalist_core::{
    Error,
    criteria::{Criteria, Item},
    payload::Payload,
    record::{Draft, Name, Position},
    store::{
        Append, AppendOutcome, Batch, CommandKey, EventStore, Read, Receipt, RewriteState, RewriteStep,
        StoredType,
    },
    tag::Tag,
    time::Timestamp,
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

/// The event types of a log, changed by the fault.
pub(super) fn broken_types(fault: Fault, mut types: Vec<StoredType>) -> Vec<StoredType> {
    match fault {
        Fault::StoredTypesRepeatFirst => types.iter_mut().for_each(|one| one.last = one.first),
        Fault::StoredTypesAreUnsorted => types.sort_by_key(|one| one.first),
        Fault::StoredTypesLackVersions => types.iter_mut().for_each(|one| one.later_versions.truncate(1)),
        Fault::StoredVersionsEndWithTheirType => types.iter_mut().for_each(|one| {
            one.later_versions.iter_mut().for_each(|version| version.last = one.last);
        }),
        _ => {}
    }
    types
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

/// A step of a pass over stored events as the broken store writes it.
pub(super) async fn broken_step(log: &Memory, fault: Fault, step: RewriteStep) -> Result<RewriteStep, Error> {
    let stored = log.successors().await?.rewrite(&step.name, &step.target).cloned();
    let completes = step.state == RewriteState::Complete;
    Ok(match fault {
        Fault::RetagsWithoutComparing => {
            RewriteStep { found: stored.map(|stored| (stored.state, stored.up_to)), ..step }
        }
        Fault::RetagsWithoutTags => RewriteStep { tags: Vec::new(), ..step },
        // The inner store removes them with the last step.
        Fault::KeepsSnapshots if completes => RewriteStep { state: RewriteState::Closing, ..step },
        Fault::EncryptsNothing => RewriteStep { payloads: Vec::new(), ..step },
        Fault::EncryptsOneEvent => {
            RewriteStep { payloads: step.payloads.into_iter().take(1).collect(), ..step }
        }
        Fault::CompletesRetagsEarly if completes => RewriteStep { up_to: Position::END, ..step },
        Fault::LooksForLaterEventsBeforeRetag if completes => {
            let events = Item::any().types([step.name.clone()]).into();
            let has_later = log.count(&events, step.up_to, Position::END).await? > 0;
            for _ in 0..20 {
                yield_now().await;
            }
            if has_later { step } else { RewriteStep { up_to: Position::END, ..step } }
        }
        _ => step,
    })
}

/// Checks the conditions of an append without writing it, and returns the conflict, if any.
pub(super) async fn conflict_of(
    log: &Memory,
    append: &Append,
) -> Result<Option<AppendOutcome<Receipt>>, Error> {
    let conditions = append.conditions.clone();
    let outcome = log.append_one(Append { conditions, ..Append::default() }).await?;
    Ok(matches!(outcome, AppendOutcome::Conflict { .. }).then_some(outcome))
}

/// Counts an event once for each item that it matches.
pub(super) async fn count_item_by_item(
    log: &Memory,
    criteria: &Criteria,
    after: Position,
    up_to: Position,
) -> Result<u64, Error> {
    let mut sum = 0;
    for item in criteria.items() {
        sum += log.count(&item.clone().into(), after, up_to).await?;
    }
    Ok(sum)
}

/// A time without its microseconds.
/// The positions of appended events.
pub(super) fn positions_of(outcome: &AppendOutcome<Receipt>) -> Vec<Position> {
    match outcome {
        AppendOutcome::Appended(receipt) => receipt.events.iter().map(|event| event.position).collect(),
        _ => Vec::new(),
    }
}

/// The limits of a purge of command ids, changed by the fault.
pub(super) fn changed_purge(fault: Fault, before: Timestamp, ids: Range<&str>) -> (Timestamp, Range<&str>) {
    match fault {
        Fault::PurgesTooManyCommandIds => (just_after(before), ids),
        Fault::PurgesCommandIdsOutsideOfTheRange => (before, CommandKey::ALL_IDS),
        _ => (before, ids),
    }
}

pub(super) fn just_after(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_add(1))
}

pub(super) fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().div_euclid(1_000) * 1_000)
}
