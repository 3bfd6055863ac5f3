//! An append and its outcome.

use std::{ops::Range, sync::Arc};

use super::{
    marker::Marker,
    receipt::Receipt,
    successors::{KnownSuccessors, Successor},
};
use crate::{
    criteria::Criteria,
    error::{Error, Invalid},
    limits::MAX_APPEND,
    payload::Payload,
    record::{Draft, Metadata, Name, Position, Record},
    rows::{BuildId, Inline},
    tag::Tag,
    time::Timestamp,
};

/// Everything that one append writes, and its conditions. The parts are valid on every store by construction.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Criteria, Memory, store::{Append, AppendOutcome, Condition, Draft, Marker, Read}};
///
/// let store = Memory::new();
/// let batch = store.read(&[Read::all(Criteria::all())]).await?.remove(0);
/// let append = Append {
///     events: vec![Draft::new("account.opened", 1, [], annalist::manual::Payload::parse("{}")?)?],
///     conditions: vec![Condition { criteria: Criteria::all(), marker: batch.marker }],
///     ..Append::default()
/// };
/// assert!(matches!(store.append_one(append.clone()).await?, AppendOutcome::Appended(_)));
/// // The event of the first append violates the condition of the second.
/// assert!(matches!(store.append_one(append).await?, AppendOutcome::Conflict { .. }));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Append {
    /// The events, in the order in which they get their positions.
    pub events: Vec<Draft>,
    /// The append conditions; all of them must hold.
    pub conditions: Vec<Condition>,
    /// The recorded time of the events.
    pub recorded_at: Timestamp,
    /// The actor, the command, the correlation and the causation of the events.
    pub metadata: Arc<Metadata>,
    /// The command id of the caller, if there is one.
    pub key: Option<CommandKey>,
    /// The journal entry of the command, if there is one. The entry of a rejected command is appended without events, conditions
    /// and key, because a rejection is not remembered.
    pub journal: Option<JournalRecord>,
    /// The folds of the inline builds that fold events of these types, or of names of which the append adds a successor. They run in
    /// the same transaction: see [`Inline`].
    pub inline: Vec<Arc<dyn Inline>>,
    /// What the caller knows of the successors of event names, if it decided on what it read: see [`KnownSuccessors`]. Without it the
    /// store compares nothing, as for a caller that names its events by hand.
    pub successors: Option<KnownSuccessors>,
}

impl Append {
    /// For stores: rejects appends that cannot be written together, whatever the log contains.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there are more than `max` of them, or two have the same command id; [`Invalid::TooLarge`] if they
    /// have more than [`MAX_APPEND`] bytes.
    pub fn check_batch(all: &[Self], max: usize, operation: impl FnOnce() -> String) -> Result<(), Error> {
        if all.len() > max {
            let reason = format!("the store takes {max} appends at a time, not {}", all.len());
            return Err(Error::unusable(operation(), reason));
        }
        let size = all.iter().map(Self::size).fold(0, usize::saturating_add);
        if size > MAX_APPEND {
            return Err(Invalid::TooLarge { what: "an append".to_owned(), size, limit: MAX_APPEND }.into());
        }
        let mut ids: Vec<&str> = all.iter().filter_map(|append| Some(append.key.as_ref()?.id())).collect();
        ids.sort_unstable();
        match ids.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => {
                let reason = format!("two of the appends have the command id {:?}", twice[0]);
                Err(Error::unusable(operation(), reason))
            }
            None => Ok(()),
        }
    }

    /// For stores: returns the names of events that decide which inline builds the append provides: those of its own events, and those of
    /// which it adds a successor.
    pub fn names_to_fold(&self) -> impl Iterator<Item = &str> {
        let older = self.successors.iter().flat_map(|known| &known.added).map(Successor::of);
        self.events.iter().map(Draft::name).chain(older)
    }

    /// For stores: returns `true` if the append adds successors of event names.
    pub fn adds_successors(&self) -> bool {
        self.successors.as_ref().is_some_and(|known| !known.added.is_empty())
    }

    /// For stores: checks that the append provides exactly the required inline builds, which are the inline builds of the store
    /// that fold one of its [names](Append::names_to_fold). Returns the required builds, in order, if it does not.
    pub fn missing_builds(&self, required: impl IntoIterator<Item = BuildId>) -> Option<Vec<BuildId>> {
        let mut required: Vec<BuildId> = required.into_iter().collect();
        let mut provided: Vec<BuildId> = self.inline.iter().map(|inline| inline.table().into()).collect();
        required.sort_unstable();
        provided.sort_unstable();
        (required != provided).then_some(required)
    }

    /// For stores: returns the records that appends become if their events get the positions after `head`.
    pub fn draft_records(all: &[Self], head: Position) -> Vec<Record> {
        let mut positions = (head.get() + 1..).map(Position::new);
        let mut records = Vec::new();
        for Self { events, recorded_at, metadata, .. } in all {
            let drafts = events.iter().cloned().zip(&mut positions);
            records.extend(drafts.map(|(draft, at)| draft.record(at, *recorded_at, metadata.clone())));
        }
        records
    }

    /// The number of bytes that are written. Metadata are stored with each event.
    fn size(&self) -> usize {
        let metadata = self.metadata.size();
        let event = |draft: &Draft| {
            let tags = draft.tags().iter().map(|tag| tag.as_str().len());
            draft.data().as_str().len() + draft.name().len() + tags.sum::<usize>() + metadata
        };
        let journal = self.journal.iter().map(|record| {
            record.body.as_str().len() + record.rejection.as_ref().map_or(0, String::len) + metadata
        });
        self.events.iter().map(event).chain(journal).fold(0, usize::saturating_add)
    }
}

/// An append condition: no event that matches the criteria was appended since the read that returned the marker. The marker must be
/// that of a read of the same criteria.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The criteria of the read.
    pub criteria: Criteria,
    /// The moment of the read.
    pub marker: Marker,
}

/// A command id, bound to the command: its name, the aggregate ids and its content. A command is accepted once under its id.
///
/// ```
/// use annalist::{Tag, store::{CommandKey, Name}};
///
/// let (id, command) = (Name::new("command id", "payment-17")?, Name::new("command", "deposit")?);
/// let key = CommandKey::new(id, command, [Tag::new("account", "ann")?]);
/// assert_eq!((key.id(), key.command(), key.scope()), ("payment-17", "deposit", r#"["account:ann"]"#));
/// assert!(key.check("deposit", r#"["account:bob"]"#).is_err());
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandKey {
    id: Name,
    command: Name,
    scope: String,
}

impl CommandKey {
    /// The range of all command ids.
    pub const ALL_IDS: Range<&'static str> = "".."\u{10FFFF}";

    /// Binds an id to the name of a command and to the ids of the aggregates that the command reads.
    pub fn new(id: Name, command: Name, ids: impl IntoIterator<Item = Tag>) -> Self {
        let mut tags: Vec<Tag> = ids.into_iter().collect();
        tags.sort_unstable();
        tags.dedup();
        let scope = serde_json::Value::from_iter(tags.iter().map(Tag::to_string)).to_string();
        Self { id, command, scope }
    }

    /// For stores: returns a key from its stored parts.
    pub fn from_stored(id: Name, command: Name, scope: impl Into<String>) -> Self {
        Self { id, command, scope: scope.into() }
    }

    /// Binds the id also to the content of the command, the command as JSON. The order of fields does not count.
    #[must_use]
    pub fn with_content(mut self, content: &Payload) -> Self {
        self.scope = format!("{} {}", self.scope, content.fingerprint().simple());
        self
    }

    /// Returns the command id.
    pub fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Returns the stored name of the command.
    pub fn command(&self) -> &str {
        self.command.as_str()
    }

    /// Returns the aggregate ids and a fingerprint of the content as one text, which stores save with the command id and compare, but
    /// never parse.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// Compares this key with the command name and scope that a store has for the id.
    ///
    /// # Errors
    /// [`Invalid::CommandIdReused`] if they differ.
    pub fn check(&self, command: &str, scope: &str) -> Result<(), Invalid> {
        if command == self.command() && scope == self.scope {
            return Ok(());
        }
        let (first_ids, second_ids) = (ids_of(scope), ids_of(&self.scope));
        let title = |command: &str, ids: &str| {
            if ids == "[]" { format!("`{command}`") } else { format!("`{command}` of {ids}") }
        };
        let (first, mut second) = (title(command, first_ids), title(self.command(), second_ids));
        if first == second {
            second += " with other fields";
        }
        Err(Invalid::CommandIdReused { id: self.id().to_owned(), first, second })
    }
}

/// The aggregate ids in a scope, without the fingerprint of the content.
fn ids_of(scope: &str) -> &str {
    scope.rfind(']').map_or(scope, |end| &scope[..=end])
}

/// What the journal records of a command besides the metadata.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRecord {
    /// The command as JSON.
    pub body: Payload,
    /// The error of a rejected command; `None` for an accepted one.
    pub rejection: Option<String>,
}

/// The outcome of an append. `R` is the receipts: one for each append, or a single one ([`EventStore::append_one`](super::EventStore::append_one)).
///
/// `index` says which of the appends was refused, counted from 0; if several could be named, it is any of them.
#[derive(Clone, Debug, PartialEq)]
pub enum AppendOutcome<R = Vec<Receipt>> {
    /// All events are in the log.
    Appended(R),
    /// The command id of an append was accepted before. Nothing was written.
    Duplicate {
        /// Which append.
        index: usize,
        /// The receipt of the first acceptance.
        receipt: Receipt,
    },
    /// A condition of an append does not hold. Nothing was written.
    Conflict {
        /// Which append.
        index: usize,
        /// Which of its conditions, counted from 0.
        condition: usize,
        /// The newest position that matches the criteria of the condition.
        conflicting_position: Position,
    },
    /// An append does not bring exactly the inline builds that fold events of its types. Nothing was written.
    InlineRequired {
        /// Which append.
        index: usize,
        /// The inline builds that it has to bring, in order.
        builds: Vec<BuildId>,
    },
    /// An append knows another list of successors than the log has ([`EventStore::successors`](super::EventStore::successors)). Nothing
    /// was written.
    SuccessorsChanged {
        /// Which append.
        index: usize,
    },
}

impl<R> AppendOutcome<R> {
    /// Returns the same outcome with other receipts.
    pub fn map<S>(self, receipts: impl FnOnce(R) -> S) -> AppendOutcome<S> {
        match self {
            Self::Appended(all) => AppendOutcome::Appended(receipts(all)),
            Self::Duplicate { index, receipt } => AppendOutcome::Duplicate { index, receipt },
            Self::Conflict { index, condition, conflicting_position } => {
                AppendOutcome::Conflict { index, condition, conflicting_position }
            }
            Self::InlineRequired { index, builds } => AppendOutcome::InlineRequired { index, builds },
            Self::SuccessorsChanged { index } => AppendOutcome::SuccessorsChanged { index },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{FoldedRows, Key, Row, Table};

    /// The fold of a build that is never called.
    struct Fold(Table);

    impl Inline for Fold {
        fn table(&self) -> &Table {
            &self.0
        }

        fn types(&self) -> &[&'static str] {
            &[]
        }

        fn keys(&self, _: &[Record]) -> Result<Vec<Key>, Invalid> {
            Ok(Vec::new())
        }

        fn fold(&self, _: &[Record], _: Vec<(Key, Option<Row>)>) -> Result<FoldedRows, Invalid> {
            Ok(FoldedRows::default())
        }
    }

    const FIRST: Table = Table { projection: "balances", version: 1, build: 0, columns: &[] };
    const SECOND: Table = Table { version: 2, ..FIRST };

    #[test]
    fn command_id_is_bound_to_name_ids_and_content() {
        let key = |command, ids: &[&str], content: &str| {
            let name = |text: &'static str| Name::new("name", text).unwrap();
            let tags = ids.iter().map(|id| Tag::parse(*id).unwrap());
            CommandKey::new(name("42"), name(command), tags).with_content(&Payload::parse(content).unwrap())
        };
        let first = key("transfer", &["account:a", "account:b"], r#"{"from":"b","to":"a"}"#);
        let check = |second: &CommandKey| {
            second.check(first.command(), first.scope()).map_err(|error| error.to_string())
        };
        assert_eq!(
            check(&key("transfer", &["account:b", "account:a"], r#"{"to": "a", "from": "b"}"#)),
            Ok(())
        );
        assert_eq!(
            check(&key("transfer", &["account:a", "account:b"], r#"{"from":"a","to":"b"}"#)).unwrap_err(),
            "command id `42` was already used for `transfer` of [\"account:a\",\"account:b\"] and cannot be used for \
             `transfer` of [\"account:a\",\"account:b\"] with other fields"
        );
        assert_eq!(
            check(&key("close", &["account:]"], "{}")).unwrap_err(),
            "command id `42` was already used for `transfer` of [\"account:a\",\"account:b\"] and cannot be used for \
             `close` of [\"account:]\"]"
        );
    }

    #[test]
    fn missing_builds_are_all_required_ones_unless_exactly_these_are_provided() {
        let append = |tables: &[Table]| Append {
            inline: tables.iter().map(|table| Arc::new(Fold(*table)) as Arc<dyn Inline>).collect(),
            ..Append::default()
        };
        let ids = |tables: &[Table]| tables.iter().map(BuildId::from).collect::<Vec<_>>();
        assert_eq!(append(&[]).missing_builds([]), None);
        assert_eq!(append(&[FIRST, SECOND]).missing_builds(ids(&[SECOND, FIRST])), None);
        assert_eq!(append(&[SECOND]).missing_builds(ids(&[SECOND, FIRST])), Some(ids(&[FIRST, SECOND])));
        assert_eq!(append(&[FIRST]).missing_builds([]), Some(Vec::new()));
        assert_eq!(append(&[FIRST, FIRST]).missing_builds(ids(&[FIRST])), Some(ids(&[FIRST])));
    }

    #[test]
    fn drafts_of_all_appends_get_consecutive_positions() {
        let append = |micros, names: &[&'static str]| Append {
            events: names
                .iter()
                .map(|name| Draft::new(*name, 1, [], Payload::parse("{}").unwrap()).unwrap())
                .collect(),
            recorded_at: Timestamp::from_micros(micros),
            ..Append::default()
        };
        let appends = [append(7, &["a", "b"]), append(8, &[]), append(9, &["c"])];
        let records = Append::draft_records(&appends, Position::new(4));
        let found = records.iter().map(|one| (one.position.get(), &*one.name, one.recorded_at.as_micros()));
        assert_eq!(found.collect::<Vec<_>>(), [(5, "a", 7), (6, "b", 7), (7, "c", 9)]);
    }
}
