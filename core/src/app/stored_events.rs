//! Checks whether the program reads the events that the log has under its names and ids.

use std::fmt::Write as _;

use crate::{
    criteria::Item,
    error::Error,
    event::{EventType, IdKind},
    execute::{Executor, Registrations},
    position::Position,
    record::Record,
    store::{EventStore, PageLimit, Read, StoredType},
    tag::Tag,
};

/// The number of events that one call of a store reads, whatever their size.
const READS: usize = 16;
/// The number of findings in an error.
const SHOWN: usize = 10;

/// Checks the stored event types against the registered ones: the first and the last event of each stored name, except of the names
/// that match one of `unchecked`.
///
/// # Errors
/// [`Error::Unusable`] with the events that no registered type reads, although they have a prefix or ids of the program; another
/// [`Error`] if the store cannot answer.
pub(super) async fn check_stored_events(
    store: &dyn EventStore,
    registered: &Registrations,
    unchecked: &[String],
) -> Result<(), Error> {
    if registered.is_empty() {
        return Ok(());
    }
    let mut stored = store.stored_types().await?;
    stored.retain(|one| !unchecked.iter().any(|pattern| matches(pattern, &one.name)));
    let mut findings = Findings::default();
    for chunk in stored.chunks(READS / 2) {
        let ends = read_ends(store, chunk).await?;
        for (one, ends) in chunk.iter().zip(&ends) {
            match registered.event(&one.name) {
                Some(event) => findings.add(kind_mismatch(one, event, ends), registered.owns(event)),
                None => findings.add_unread(store, one, registered, ends).await?,
            }
        }
    }
    findings.into_result(store)
}

/// Logs a warning if the aggregate whose history is empty has events that no registered type reads. Once for each type of
/// aggregate.
pub(super) async fn warn_of_unread_events(executor: &Executor, aggregate: &'static str, tag: Tag) {
    let registry = &executor.registry;
    if registry.has_warned(aggregate) {
        return;
    }
    let criteria = Item::any().tag(tag.clone()).into();
    // Only a warning: a store that does not answer has no effect.
    let limit = PageLimit { records: 100, ..PageLimit::CHUNK };
    let Ok(page) = executor.store.feed(&criteria, Position::START, limit).await else { return };
    let mut names: Vec<&str> = page.records.iter().map(|record| &*record.name).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !registry.is_read(name));
    if !names.is_empty() && registry.warn_once(aggregate) {
        tracing::warn!(
            aggregate,
            %tag,
            ?names,
            "the aggregate has events that no type of the program reads, and its state is the initial one; if a type was renamed, \
             keep its stored name: `#[event(name = …)]` or `alias`"
        );
    }
}

/// Whether a pattern, a name or a beginning followed by `*`, matches a stored name.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}

/// The first and the last event of each stored name.
async fn read_ends(store: &dyn EventStore, stored: &[StoredType]) -> Result<Vec<Vec<Record>>, Error> {
    let read = |one: &StoredType, position: Position| {
        let before = Position::new(position.get().saturating_sub(1));
        Read::all(Item::any().types([one.name.clone()]).into()).after(before).up_to(position)
    };
    let reads: Vec<Read> =
        stored.iter().flat_map(|one| [read(one, one.first), read(one, one.last)]).collect();
    let batches = store.read(&reads).await?;
    let ends = batches.chunks(2);
    Ok(ends.map(|ends| ends.iter().flat_map(|batch| batch.records.clone()).collect()).collect())
}

/// What is wrong with the ids of the events that a type reads, if anything.
fn kind_mismatch(stored: &StoredType, event: &EventType, ends: &[Record]) -> Option<String> {
    if !event.ids_are_complete() {
        return None;
    }
    ends.iter().find_map(|record| {
        let (name, position) = (&stored.name, record.position);
        let kinds = || record.tags.iter().map(|tag| kind_of(tag.as_str()));
        let unknown = kinds().find(|kind| !event.ids.iter().any(|id| id.kind == *kind));
        if let Some(kind) = unknown {
            let rust = event.rust;
            return Some(format!(
                "`{name}`, read by `{rust}`, has an id of the kind `{kind}` at position {position}, but no `#[id]` field of this kind: \
                 if the id type was renamed, give it the old kind, `#[id(kind = \"{kind}\")]`"
            ));
        }
        let is_missing = |id: &&IdKind| id.always && !kinds().any(|kind| kind == id.kind);
        let IdKind { kind, .. } = event.ids.iter().find(is_missing)?;
        Some(format!(
            "`{name}` has no id of the kind `{kind}` at position {position}, because the field was not an `#[id]` then: what is \
             read by this id will not include the event"
        ))
    })
}

/// The kind of an id in a tag.
fn kind_of(tag: &str) -> &str {
    tag.split_once(':').map_or(tag, |(kind, _)| kind)
}

/// What was found.
#[derive(Default)]
struct Findings {
    found: Vec<String>,
    /// What may have other reasons: types that read a part of the events, or commands that are not registered.
    uncertain: Vec<String>,
}

impl Findings {
    fn add(&mut self, finding: Option<String>, is_certain: bool) {
        if is_certain { self.found.extend(finding) } else { self.uncertain.extend(finding) }
    }

    /// Adds a stored name that no registered type reads, if it has a prefix or an id of a registered one.
    async fn add_unread(
        &mut self,
        store: &dyn EventStore,
        stored: &StoredType,
        registered: &Registrations,
        ends: &[Record],
    ) -> Result<(), Error> {
        let name = &stored.name;
        let kinds = ends.iter().flat_map(|record| &record.tags).map(|tag| kind_of(tag.as_str()));
        let shared_kind = kinds.into_iter().find(|kind| registered.has_kind(kind));
        let by_prefix = registered.with_prefix_of(name);
        let reason = match (by_prefix, shared_kind) {
            (Some(other), _) => format!("has the prefix of `{}`, `{}`", other.name, other.rust),
            (None, Some(kind)) => format!("has ids of the kind `{kind}`"),
            (None, None) => return Ok(()),
        };
        let criteria = Item::any().types([name.clone()]).into();
        let count = store.count(&criteria, Position::START, Position::END).await?;
        let finding = format!("`{name}` (events: {count}) is not read by any registered type, but {reason}");
        let is_certain = by_prefix.is_some_and(|other| other.is_variant) || registered.has_commands();
        self.add(Some(finding), is_certain);
        Ok(())
    }

    fn into_result(self, store: &dyn EventStore) -> Result<(), Error> {
        if !self.uncertain.is_empty() {
            tracing::warn!(
                "{}: the program may not read all events of its aggregates; register its commands with \
                 `Builder::commands`: {}",
                store.describe(),
                list(&self.uncertain),
            );
        }
        if self.found.is_empty() {
            return Ok(());
        }
        let reason = format!(
            "{}. If a type or variant was renamed in Rust, keep its stored name: `#[event(name = \"…\")]` or \
             `alias = \"…\"`. If it is used by commands alone, register them: `Builder::commands`. Exclude the events of other \
             programs, and events that nobody reads any more: `Builder::unchecked_events`",
            list(&self.found),
        );
        Err(Error::unusable(format!("start an app on {}", store.describe()), reason))
    }
}

fn list(findings: &[String]) -> String {
    let mut text = findings[..findings.len().min(SHOWN)].join("; ");
    if let Some(more) = findings.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, "; and {more} more");
    }
    text
}
