//! What a verification of stored data finds.

use std::fmt;

use uuid::Uuid;

use crate::{
    limits::{MAX_APPEND, check_event_name, check_size},
    log_id::LogId,
    payload::Payload,
    record::{Position, Record},
};

/// A defect of stored data.
///
/// ```
/// use annalist::{Position, raw::finding::{Finding, FindingKind}};
///
/// let finding = Finding::at(FindingKind::Tags, Position::new(7), "the tag index has no row for tag `account:ann`");
/// assert!(finding.to_string().starts_with("tags, position 7: the tag index has no row for tag `account:ann`; "));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Finding {
    /// What is defective.
    pub kind: FindingKind,
    /// The position of the event that the finding is about, if it is about one.
    pub position: Option<Position>,
    /// Where the defect is: ``position 7``, ``command id `payment-17` ``, ``build `balances_v1` ``.
    pub place: String,
    /// What is wrong.
    pub problem: String,
}

impl Finding {
    /// A finding about the event at a position.
    pub fn at(kind: FindingKind, position: Position, problem: impl Into<String>) -> Self {
        Self {
            kind,
            position: Some(position),
            place: format!("position {position}"),
            problem: problem.into(),
        }
    }

    /// A finding about something else than an event.
    pub fn of(kind: FindingKind, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { kind, position: None, place: place.into(), problem: problem.into() }
    }

    /// Returns the finding about a record that no store accepts: the name, the order of the tags, the payload or the metadata is not
    /// valid.
    pub fn of_record(record: &Record) -> Option<Self> {
        let problem = problem_of(record)?;
        Some(Self::at(FindingKind::Event, record.position, problem))
    }
}

impl Finding {
    /// Returns the finding about the journal entry with this number if its command is not JSON.
    pub fn of_journaled(number: u64, body: &Payload) -> Option<Self> {
        let invalid = body.check().err()?;
        Some(Self::of(FindingKind::Journal, format!("journal entry {number}"), invalid.to_string()))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, position: _, place, problem } = self;
        write!(f, "{kind}, {place}: {problem}; {}", kind.advice())
    }
}

fn problem_of(record: &Record) -> Option<String> {
    if let Err(invalid) = check_event_name(&record.name) {
        return Some(invalid.to_string());
    }
    if !record.tags.is_sorted_by(|one, next| one < next) {
        return Some("its tags are not sorted, or one of them is repeated".to_owned());
    }
    if let Err(invalid) = check_size("payload", record.data.as_str(), MAX_APPEND) {
        return Some(invalid.to_string());
    }
    if let Err(invalid) = record.data.check() {
        return Some(invalid.to_string());
    }
    record.stored_metadata.read().err().map(|error| format!("its metadata: {error}"))
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $kind:ident $name:literal: $advice:literal,)+) => {
        /// What a [`Finding`] is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum FindingKind {
            $($(#[$doc])+ $kind,)+
        }

        impl FindingKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Returns the name of the kind, as the statements of SQL stores return it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Returns what to do about a finding of this kind.
            pub const fn advice(self) -> &'static str {
                match self {
                    $(Self::$kind => $advice,)+
                }
            }
        }
    };
}

kinds! {
    /// A stored event is not valid: its name, version, time, tags, payload or metadata.
    Event "event": "restore the event from a backup",
    /// The tags of an event and the tag index differ.
    Tags "tags": "find out whether the event or the tag index was changed, and restore it; the rows of the index follow from the type and the tags of the event",
    /// Positions of the settled log have no event.
    Gap "gap": "restore the events from a backup",
    /// The stored state of the log itself is wrong, such as the next position.
    Log "log": "set the sequence or the saved high-water mark to the last position of the log",
    /// A command id refers to other events than those in the log.
    CommandId "command_id": "restore the row or its events from a backup; a row may be deleted if its command is never repeated",
    /// An entry of the journal is not valid, or refers to events that are not in the log.
    Journal "journal": "restore the entry or its events from a backup; no decision depends on an entry",
    /// A snapshot is not valid, or is of a later position than the log has.
    Snapshot "snapshot": "delete the snapshot; the next load folds the events",
    /// A successor of an event name begins with an event that is not in the log, or has another type.
    Successor "successor": "restore the row or its event from a backup; a row may be deleted if no program runs any more that lacks the successor",
    /// Secrets of stored events are still in plain text, because the pass that encrypts them is not complete.
    Secrets "secrets": "call `App::encrypt_stored` with the event type again: it goes on where it was",
    /// The checkpoint of a build does not belong to the log.
    Checkpoint "checkpoint": "rebuild the projection; restart a policy after a check of what it has handled",
    /// A parked event is not in the log, or the number of parked events is wrong.
    Parked "parked": "discard the parked event, or rebuild the projection",
    /// The stored state of a build is wrong, such as a second live build.
    Build "build": "restore the row of the build from a backup, or rebuild the projection",
}

impl FindingKind {
    /// Returns the kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a verification continues: a part of what the store holds, such as "events", and the key of the last row of that part that was
/// checked. Only the store that made it interprets it. The default is the start of the first part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyCursor {
    /// The part; empty for the first one.
    pub part: &'static str,
    /// The key of the last row that was checked; empty at the start of the part.
    pub key: Vec<String>,
}

impl VerifyCursor {
    /// For stores: returns the part in which the verification continues, given all parts in their order.
    pub fn part_of(&self, parts: &[&'static str]) -> Option<&'static str> {
        match self.part {
            "" => parts.first().copied(),
            part => parts.iter().copied().find(|one| *one == part),
        }
    }

    /// For stores: returns where to continue after a page of `rows` rows of `part` whose last row has this key. A page with fewer rows
    /// than [`VerifyPage::MAX_ROWS`] is the last one of its part.
    pub fn next(parts: &[&'static str], part: &'static str, rows: u64, key: Vec<String>) -> Option<Self> {
        if rows >= VerifyPage::MAX_ROWS {
            return Some(Self { part, key });
        }
        let part = parts.iter().copied().skip_while(|one| *one != part).nth(1)?;
        Some(Self { part, key: Vec::new() })
    }
}

/// One page of a verification.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VerifyPage {
    /// How many events were checked.
    pub events: u64,
    /// How many stored rows were checked, events included: at most [`VerifyPage::MAX_ROWS`].
    pub rows: u64,
    /// The defects.
    pub findings: Vec<Finding>,
    /// The events of other logs to which the stored rows refer.
    pub references: Vec<EventReference>,
    /// Where to continue; `None` after the last page.
    pub next: Option<VerifyCursor>,
}

impl VerifyPage {
    /// The largest number of rows of a page.
    pub const MAX_ROWS: u64 = 1000;
}

/// A position, and possibly the event at it, to which stored rows refer and which is in another store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventReference {
    /// The log that should have the position.
    pub log: LogId,
    /// The kind of the finding if it has not.
    pub kind: FindingKind,
    /// The place of the finding.
    pub place: String,
    /// The position.
    pub position: Position,
    /// The id of the event at the position. Without it the position may be any that the log has passed.
    pub event: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Draft, Metadata, StoredMetadata},
        tag::Tag,
        time::Timestamp,
    };

    fn record() -> Record {
        let tags = ["a:1", "b:2"].map(|text| Tag::parse(text).unwrap());
        let draft = Draft::new("opened", 1, tags, Payload::parse("{}").unwrap()).unwrap();
        draft.record(Position::new(3), Timestamp::EPOCH, Metadata::default())
    }

    #[test]
    fn record_of_a_draft_is_valid_and_each_damage_is_found() {
        let problem = |change: fn(&mut Record)| {
            let mut record = record();
            change(&mut record);
            Finding::of_record(&record).map(|finding| finding.problem).unwrap_or_default()
        };
        assert_eq!(Finding::of_record(&record()), None);
        assert!(problem(|record| record.name = "op ened".into()).contains("white space"));
        assert!(problem(|record| record.name = "$gap".into()).contains("reserved"));
        assert!(problem(|record| record.tags.reverse()).contains("not sorted"));
        assert!(problem(|record| record.tags[1] = record.tags[0].clone()).contains("repeated"));
        assert!(problem(|record| record.data = Payload::from_stored("{")).contains("not JSON"));
        let deep = || Payload::from_stored("[".repeat(200) + &"]".repeat(200));
        let mut nested = record();
        nested.data = deep();
        assert!(Finding::of_record(&nested).is_some());
        let metadata = |record: &mut Record| record.stored_metadata = StoredMetadata::from_stored("7");
        assert!(problem(metadata).contains("metadata"));
    }

    #[test]
    fn kinds_have_distinct_names() {
        for kind in FindingKind::ALL {
            assert_eq!(FindingKind::from_name(kind.name()), Some(*kind));
        }
        assert_eq!(FindingKind::from_name("other"), None);
    }

    #[test]
    fn cursor_continues_in_the_part_until_a_page_is_not_full() {
        const PARTS: &[&str] = &["events", "commands"];
        let key = || vec!["7".to_owned()];
        assert_eq!(VerifyCursor::default().part_of(PARTS), Some("events"));
        let next = VerifyCursor::next(PARTS, "events", VerifyPage::MAX_ROWS, key()).unwrap();
        assert_eq!((next.part_of(PARTS), &next.key), (Some("events"), &key()));
        let next = VerifyCursor::next(PARTS, "events", 3, key()).unwrap();
        assert_eq!((next.part_of(PARTS), next.key.len()), (Some("commands"), 0));
        assert_eq!(VerifyCursor::next(PARTS, "commands", 3, key()), None);
        assert_eq!(VerifyCursor { part: "unknown", key: key() }.part_of(PARTS), None);
    }
}
