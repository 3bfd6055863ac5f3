//! Checks whether the program reads the events that the log has, under their names, versions and ids.

use crate::{
    criteria::Item,
    error::{Error, Invalid, UnreadEvents, list_unread},
    event::{EventType, IdKind},
    execute::{Executor, Registrations},
    position::Position,
    record::Record,
    store::{EventStore, PageLimit, Read, StoredType, StoredVersion},
    tag::Tag,
};

/// The number of names whose first and last events are read in one call of a store.
const NAMES_PER_READ: usize = 8;

/// Checks the stored event types against the registered ones: the names, their versions, and the ids of the first and the last event of
/// each name. What is found about the names that match one of `unchecked` is a warning.
///
/// # Errors
/// [`Invalid::SealedWithoutKeys`] if one of these events has encrypted secrets, and the app has no keys;
/// [`Error::UnreadEvents`] with the events of later versions than the program reads, and the events that no registered type reads, although
/// they have a prefix or ids of the program; another [`Error`] if the store cannot answer.
pub(super) async fn check_stored_events(
    store: &dyn EventStore,
    registered: &Registrations,
    unchecked: &[String],
) -> Result<(), Error> {
    if registered.is_empty() {
        return Ok(());
    }
    let mut findings =
        Findings { unchecked, refused: Vec::new(), allowed: Vec::new(), uncertain: Vec::new() };
    for chunk in store.stored_types().await?.chunks(NAMES_PER_READ) {
        let ends = read_ends(store, chunk).await?;
        for (stored, ends) in chunk.iter().zip(&ends) {
            let found = match registered.event(&stored.name) {
                Some(event) => {
                    if let Some(End { position, .. }) = ends.iter().find(|end| end.is_sealed) {
                        let (name, position) = (stored.name.to_string(), *position);
                        return Err(Invalid::SealedWithoutKeys { name, position }.into());
                    }
                    findings.add_newer_versions(store, stored, registered).await?;
                    kind_mismatch(event, ends).map(|reason| (reason, registered.owns(event)))
                }
                None => no_reader(stored, registered, ends),
            };
            if let Some((reason, is_certain)) = found {
                findings.add(unread(store, stored, reason).await?, is_certain);
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

/// The first or the last event of a stored name.
struct End {
    position: Position,
    version: u32,
    tags: Vec<Tag>,
    /// Whether it has encrypted secrets: an app with keys has decrypted them.
    is_sealed: bool,
}

/// The first and the last event of each stored name. Their payloads are read in chunks of limited size, and dropped.
async fn read_ends(store: &dyn EventStore, stored: &[StoredType]) -> Result<Vec<Vec<End>>, Error> {
    let read = |one: &StoredType, position: Position| {
        let before = Position::new(position.get().saturating_sub(1));
        Read::all(Item::any().types([one.name.clone()]).into()).after(before).up_to(position)
    };
    let reads: Vec<Read> =
        stored.iter().flat_map(|one| [read(one, one.first), read(one, one.last)]).collect();
    let mut ends: Vec<Vec<End>> = stored.iter().map(|_| Vec::new()).collect();
    let mut add = |index: usize, records: Vec<Record>| {
        if let Some(ends) = ends.get_mut(index / 2) {
            let end = |Record { position, version, tags, data, .. }| {
                let is_sealed = data.as_str().contains("\"$sealed\":");
                End { position, version, tags, is_sealed }
            };
            ends.extend(records.into_iter().map(end));
        }
        Ok(())
    };
    store.read_all_chunked(&reads, &mut add).await?;
    Ok(ends)
}

/// What is wrong with the ids of the events that a type reads, if anything.
fn kind_mismatch(event: &EventType, ends: &[End]) -> Option<String> {
    if !event.ids_are_complete() {
        return None;
    }
    // An event of a later version may have other ids.
    let mut read = ends.iter().filter(|end| end.version <= event.version);
    read.find_map(|End { position, tags, .. }| {
        let kinds = || tags.iter().map(|tag| kind_of(tag.as_str()));
        let unknown = kinds().find(|kind| !event.ids.iter().any(|id| id.kind == *kind));
        if let Some(kind) = unknown {
            let rust = event.rust;
            return Some(format!(
                "is read by `{rust}`, and has an id of the kind `{kind}` at position {position}, but no `#[id]` field of this kind: if \
                 the id type was renamed, give it the old kind, `#[id(kind = \"{kind}\")]`"
            ));
        }
        let is_missing = |id: &&IdKind| id.always && !kinds().any(|kind| kind == id.kind);
        let IdKind { kind, .. } = event.ids.iter().find(is_missing)?;
        Some(format!(
            "has no id of the kind `{kind}` at position {position}, because the field was not an `#[id]` then: what is read by this id \
             will not include the event; `annalist::operate::retag` adds the ids to stored events"
        ))
    })
}

/// Why the events of a name that no registered type reads belong to the program, if they do, and whether that is certain: they have a
/// prefix or an id of a registered type.
fn no_reader(stored: &StoredType, registered: &Registrations, ends: &[End]) -> Option<(String, bool)> {
    let kinds = ends.iter().flat_map(|end| &end.tags).map(|tag| kind_of(tag.as_str()));
    let shared_kind = kinds.into_iter().find(|kind| registered.has_kind(kind));
    let by_prefix = registered.with_prefix_of(&stored.name);
    let relation = match (by_prefix, shared_kind) {
        (Some(other), _) => format!("has the prefix of `{}`, `{}`", other.name, other.rust),
        (None, Some(kind)) => format!("has ids of the kind `{kind}`"),
        (None, None) => return None,
    };
    let is_certain = by_prefix.is_some_and(|other| other.is_variant) || registered.has_commands();
    Some((format!("is not read by any registered type, but {relation}"), is_certain))
}

/// The kind of an id in a tag.
fn kind_of(tag: &str) -> &str {
    tag.split_once(':').map_or(tag, |(kind, _)| kind)
}

/// All events of a stored name.
async fn unread(store: &dyn EventStore, stored: &StoredType, reason: String) -> Result<UnreadEvents, Error> {
    let StoredType { name, first, last, later_versions } = stored;
    Ok(UnreadEvents {
        name: name.clone(),
        version: later_versions.last().map_or(1, |newest| newest.version),
        known: None,
        count: store.count_type(name, None, UnreadEvents::MAX_COUNT).await?,
        first: *first,
        last: *last,
        reason,
    })
}

/// What was found.
struct Findings<'a> {
    /// The patterns of the names that are allowed.
    unchecked: &'a [String],
    refused: Vec<UnreadEvents>,
    allowed: Vec<UnreadEvents>,
    /// What may have other reasons: types that read a part of the events, or commands that are not registered.
    uncertain: Vec<UnreadEvents>,
}

impl Findings<'_> {
    fn add(&mut self, found: UnreadEvents, is_certain: bool) {
        let is_allowed = self.unchecked.iter().any(|pattern| matches(pattern, &found.name));
        let list = match (is_allowed, is_certain) {
            (true, _) => &mut self.allowed,
            (false, true) => &mut self.refused,
            (false, false) => &mut self.uncertain,
        };
        list.push(found);
    }

    /// Adds each stored version of a name that is later than the newest one that every reader of the name knows.
    async fn add_newer_versions(
        &mut self,
        store: &dyn EventStore,
        stored: &StoredType,
        registered: &Registrations,
    ) -> Result<(), Error> {
        let Some((known, reader)) = registered.newest_version(&stored.name) else { return Ok(()) };
        for one in stored.later_versions.iter().filter(|one| one.version > known) {
            let StoredVersion { version, first, last } = *one;
            let count = store.count_type(&stored.name, Some(version), UnreadEvents::MAX_COUNT).await?;
            let (name, known_version) = (stored.name.clone(), Some(known));
            let reason = format!("is newer than version {known}, the newest that `{reader}` reads");
            let found = UnreadEvents { name, version, known: known_version, count, first, last, reason };
            self.add(found, true);
        }
        Ok(())
    }

    fn into_result(self, store: &dyn EventStore) -> Result<(), Error> {
        if !self.allowed.is_empty() {
            tracing::warn!(
                "{}: the program does not read all of these events, as `Builder::unchecked_events` allows: {}",
                store.describe(),
                list_unread(&self.allowed),
            );
        }
        if !self.uncertain.is_empty() {
            tracing::warn!(
                "{}: the program may not read all events of its aggregates; register its commands with \
                 `Builder::commands`: {}",
                store.describe(),
                list_unread(&self.uncertain),
            );
        }
        if self.refused.is_empty() {
            return Ok(());
        }
        Err(Error::UnreadEvents {
            operation: format!("start an app on {}", store.describe()),
            events: self.refused,
        })
    }
}
