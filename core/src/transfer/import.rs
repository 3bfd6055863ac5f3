//! The import of a file into an empty log.

use std::mem;

use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};
use uuid::Uuid;

use super::{
    cloud_event,
    contents::Transferred,
    error::TransferError,
    form::{with_line, write_line},
    hexadecimal::hexadecimal,
    line::{End, FIRST_VERSION, Header, Line, VERSION},
    target::Target,
};
use crate::{
    error::BoxError,
    finding::Finding,
    record::{Position, Record},
    store::{
        AcceptedCommand, Archive, Entry, EventRef, EventStore, Outcome, PolicyCheckpoint, Rewrite,
        RewriteTarget, Successor,
    },
};

/// The largest number of bytes of a line.
const MAX_LINE: u64 = 1 << 30;
/// How much memory is reused for the next line.
const LINE_BUFFER: usize = 1 << 20;

/// Imports an export into an empty log: all of its parts, one after the other. `reader` is any of them, or a
/// [chain](tokio::io::AsyncReadExt::chain) of the files.
///
/// Everything becomes visible at once at the end, after all checksums were compared. Until then, appends to the log wait or are
/// refused. With an error, or if the future is dropped, the log remains empty.
///
/// An export that lacks its last parts cannot be distinguished from a shorter one: compare [`Transferred::up_to`].
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// # let app = bank().await?;
/// use annalist::{Memory, transfer::{self, Export, TransferError}};
///
/// let mut file = Vec::new();
/// Export::new(app.store().clone()).write_to(&mut file).await?;
///
/// // A byte of the file was changed.
/// let at = file.len() / 2;
/// file[at] ^= 1;
/// let store = Memory::new();
/// assert!(transfer::import(&store, &mut file.as_slice()).await.is_err());
///
/// file[at] ^= 1;
/// let imported = transfer::import(&store, &mut file.as_slice()).await?;
/// assert_eq!(imported.up_to.get(), 6);
/// # Ok(())
/// # });
/// ```
///
/// # Errors
/// [`TransferError::Store`] if the store cannot import, the log is not empty or the store fails; every other [`TransferError`] if the
/// file is not a complete, unchanged export.
pub async fn import<R: AsyncBufRead + Unpin + Send + ?Sized>(
    store: &dyn EventStore,
    reader: &mut R,
) -> Result<Transferred, TransferError> {
    let (target, _) = PartsReader::new(Target::new(store.import().await?), reader).read_all().await?;
    target.finish().await
}

/// Reads the parts of an export into a target, line by line.
pub(super) struct PartsReader<R> {
    reader: R,
    import: Import,
    line: Vec<u8>,
    /// The number of lines so far.
    lines: u64,
}

impl<R: AsyncBufRead + Unpin + Send> PartsReader<R> {
    pub(super) fn new(target: Target, reader: R) -> Self {
        let import = Import {
            target,
            part: None,
            previous: None,
            changes: None,
            digest: Sha256::new(),
            last_event: None,
        };
        Self { reader, import, line: Vec::new(), lines: 0 }
    }

    /// Reads all lines. Returns the target, which has to be finished, and the checksum of the last part.
    pub(super) async fn read_all(mut self) -> Result<(Target, Option<String>), TransferError> {
        while self.next_line().await? {}
        self.end()
    }

    /// Reads the next line. Returns `false` at the end of the file.
    pub(super) async fn next_line(&mut self) -> Result<bool, TransferError> {
        if !read_line(&mut self.reader, &mut self.line, self.lines).await? {
            return Ok(false);
        }
        self.lines += 1;
        let item = self.import.item(&self.line).map_err(|error| error.in_line(self.lines))?;
        self.import.write(item, &self.line).await.map_err(|error| error.in_line(self.lines))?;
        if self.line.capacity() > LINE_BUFFER {
            self.line = Vec::new();
        }
        Ok(true)
    }

    /// Checks that the last part is complete. Returns the target, which has to be finished, and the checksum of that part.
    pub(super) fn end(self) -> Result<(Target, Option<String>), TransferError> {
        match self.import.part {
            None if self.lines > 0 => Ok((self.import.target, self.import.previous)),
            _ => Err(TransferError::Truncated { lines: self.lines }),
        }
    }
}

/// Reads the next line with its line break. Returns `false` at the end of the file.
async fn read_line<R: AsyncBufRead + Unpin + Send + ?Sized>(
    reader: &mut R,
    line: &mut Vec<u8>,
    lines: u64,
) -> Result<bool, TransferError> {
    line.clear();
    reader.take(MAX_LINE).read_until(b'\n', line).await?;
    match line.last() {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) if line.len() as u64 == MAX_LINE => {
            Err(TransferError::content(format!("it has more than {MAX_LINE} bytes")).in_line(lines + 1))
        }
        Some(_) => Err(TransferError::Truncated { lines }),
    }
}

/// An import of a file in progress.
struct Import {
    target: Target,
    /// The part that is being read.
    part: Option<PartInProgress>,
    /// The checksum of the part before it.
    previous: Option<String>,
    /// How stored events of that part were changed.
    changes: Option<String>,
    digest: Sha256,
    /// The id of the last event.
    last_event: Option<Uuid>,
}

/// A part whose last line was not read yet.
struct PartInProgress {
    header: Header,
    /// The source, if the lines are events of CloudEvents.
    source: Option<String>,
    /// The number of lines so far.
    lines: u64,
    /// What was imported before it.
    before: Transferred,
    section: Section,
}

/// The lines of a part are in this order. Ids and numbers grow.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Archives(u64),
    /// The name of the events, and the kind of the ids.
    Retags(String, RewriteTarget),
    Events,
    /// The older name, and the name.
    Successors(String, String),
    CommandIds(String),
    Journal(u64),
    Policies(String),
}

/// What a line contains.
enum Item {
    Header(Header),
    Archive(Box<Archive>),
    Retag(Box<Rewrite>),
    Tombstone(EventRef),
    Event(Box<Record>),
    Successor(Successor),
    CommandId(AcceptedCommand),
    Entry(Entry),
    Policy(PolicyCheckpoint),
    End(End),
}

impl Import {
    /// Parses a line, and adds it to the checksum.
    fn item(&mut self, text: &[u8]) -> Result<Item, TransferError> {
        let item = with_line(text, |line| {
            Ok(match line {
                Line::Header(header) => Item::Header(header),
                Line::Archive(archive) => Item::Archive(Box::new(archive.into_archive()?)),
                Line::Retag(retag) => Item::Retag(Box::new(retag.into_retag()?)),
                Line::Tombstone(tombstone) => Item::Tombstone(tombstone.into_event()?),
                Line::Event(event) => Item::Event(Box::new(event.into_record())),
                Line::Successor(successor) => Item::Successor(successor.into_successor()?),
                Line::CommandId(command) => Item::CommandId(command.into_command()?),
                Line::JournalEntry(entry) => Item::Entry(entry.into_entry()),
                Line::Policy(policy) => Item::Policy(policy.into_policy()),
                Line::End(end) => Item::End(end),
            })
        });
        let item = item.map_err(|source| self.refuse(source))?;
        if !matches!(item, Item::End(_)) {
            self.digest.update(text);
        }
        Ok(item)
    }

    /// The error of a line that is not JSON, or not the JSON of a line.
    fn refuse(&self, source: BoxError) -> TransferError {
        let reason = match &self.part {
            None => format!(
                "a part of an export should begin here, in a form that this program knows (versions {FIRST_VERSION} to {VERSION}): {source}"
            ),
            Some(_) => source.to_string(),
        };
        TransferError::Line { line: 0, reason, source: Some(source) }
    }

    async fn write(&mut self, item: Item, text: &[u8]) -> Result<(), TransferError> {
        if let Some(part) = &mut self.part {
            part.lines += 1;
        }
        match item {
            Item::Header(header) => self.begin(header, cloud_event::source_of(text)),
            Item::End(end) => self.end(end, text),
            Item::Archive(archive) => {
                self.part_in(Section::Archives(archive.number))?.check_version()?;
                self.target.archive(*archive).await
            }
            Item::Retag(retag) => {
                let section = Section::Retags(retag.name.clone(), retag.target.clone());
                self.part_in(section)?.check_version()?;
                self.target.retag(*retag).await
            }
            Item::Tombstone(event) => {
                self.part_in(Section::Events)?.check_event(event.position)?;
                self.last_event = Some(event.id);
                self.target.tombstone(event).await
            }
            Item::Event(record) => {
                self.part_in(Section::Events)?.check_event(record.position)?;
                TransferError::check(Finding::of_record(&record))?;
                self.last_event = Some(record.id);
                self.target.event(*record).await
            }
            Item::Successor(successor) => {
                let section = Section::Successors(successor.of().to_owned(), successor.name().to_owned());
                self.part_in(section)?.check_last(Some(successor.since()))?;
                self.target.successor(successor).await
            }
            Item::CommandId(command) => {
                let id = command.key.id().to_owned();
                let last = command.receipt.events.last().map(|event| event.position);
                self.part_in(Section::CommandIds(id))?.check_last(last)?;
                self.target.command_id(command).await
            }
            Item::Entry(entry) => {
                let last = match &entry.outcome {
                    Outcome::Accepted(positions) => positions.last().copied(),
                    Outcome::Rejected(_) => None,
                };
                self.part_in(Section::Journal(entry.number))?.check_last(last)?;
                TransferError::check(Finding::of_journaled(entry.number, &entry.body))?;
                self.target.entry(entry).await
            }
            Item::Policy(policy) => {
                self.part_in(Section::Policies(policy.name.clone()))?;
                self.target.policy(policy).await
            }
        }
    }

    fn begin(&mut self, header: Header, source: Option<String>) -> Result<(), TransferError> {
        if self.part.is_some() {
            return Err(TransferError::content("a part begins before the end of the one before it"));
        }
        if !(FIRST_VERSION..=VERSION).contains(&header.version) {
            return Err(TransferError::content(format!(
                "the export has version {} of the form, and this program knows versions {FIRST_VERSION} to {VERSION}; use the newer program",
                header.version
            )));
        }
        let before = self.target.contents().clone();
        if header.after != before.up_to || header.previous != self.previous {
            let reason = match &self.previous {
                None => format!(
                    "the part continues after position {}; import the parts before it first, in the same import",
                    header.after
                ),
                Some(_) => format!(
                    "the part continues after position {}, but not the part before it, which ends at {}",
                    header.after, before.up_to
                ),
            };
            return Err(TransferError::content(reason));
        }
        // A part of an empty log is continued by any part.
        if before.up_to > Position::START && self.changes != header.changes {
            return Err(TransferError::content(
                "stored events were changed between this part and the one before it: export the log from its start again",
            ));
        }
        if header.up_to < header.after {
            return Err(TransferError::content("the part ends before its start"));
        }
        self.target.begin_part();
        self.part = Some(PartInProgress { header, source, lines: 1, before, section: Section::Archives(0) });
        Ok(())
    }

    /// Moves on to a line of a section, which must be later than the one before it.
    fn part_in(&mut self, section: Section) -> Result<&PartInProgress, TransferError> {
        let Some(part) = &mut self.part else {
            return Err(TransferError::content("it belongs to no part: a part has to begin here"));
        };
        if part.section > section || (part.section == section && section != Section::Events) {
            return Err(TransferError::content(
                "it is not in order: archives come first, then retags, events, successors, command ids, journal entries and policies, each once and by number, id or name",
            ));
        }
        part.section = section;
        Ok(part)
    }

    fn end(&mut self, end: End, text: &[u8]) -> Result<(), TransferError> {
        let Some(PartInProgress { header, source, lines, before, .. }) = self.part.take() else {
            return Err(TransferError::content("the end of a part that has not begun"));
        };
        let actual = hexadecimal(mem::take(&mut self.digest).finalize().as_slice());
        if end.sha256 != actual {
            return Err(TransferError::Checksum { line: 0, expected: end.sha256, actual });
        }
        let now = self.target.contents();
        let actual_contents = now.since(&before);
        let is_complete = actual_contents == end.contents()
            && (end.after, end.up_to, &end.changes) == (header.after, header.up_to, &header.changes)
            && self.last_event == end.last_event;
        if !is_complete {
            let Transferred {
                up_to,
                events,
                tombstones,
                archives,
                retags,
                successors,
                command_ids,
                journal_entries,
                policies,
            } = actual_contents;
            return Err(TransferError::content(format!(
                "the part does not have what its first and last line state: it has {events} events up to position {up_to}, {tombstones} tombstones, {archives} archives, {retags} retags, {successors} successors, {command_ids} command ids, {journal_entries} journal entries and {policies} policies"
            )));
        }
        self.target.end_part()?;
        self.changes.clone_from(&end.changes);
        // The checksum does not cover this line itself.
        let mut expected = Vec::new();
        write_line(&Line::End(end), source.as_deref(), header.after, lines, &mut expected)?;
        if expected != text {
            return Err(TransferError::content("the last line of the part was changed"));
        }
        self.previous = Some(actual);
        Ok(())
    }
}

impl PartInProgress {
    /// Checks that the version of the form has archives and retags.
    fn check_version(&self) -> Result<(), TransferError> {
        match self.header.version {
            FIRST_VERSION => Err(TransferError::content(format!(
                "version {FIRST_VERSION} of the form, which the first line states, has no such line"
            ))),
            _ => Ok(()),
        }
    }

    fn check_event(&self, position: Position) -> Result<(), TransferError> {
        if position <= self.header.up_to {
            return Ok(());
        }
        let up_to = self.header.up_to;
        Err(TransferError::content(format!(
            "the event at position {position} is after the end of the part at {up_to}"
        )))
    }

    /// Checks that the last event of a command, or that of a successor, is one of this part.
    fn check_last(&self, last: Option<Position>) -> Result<(), TransferError> {
        match last {
            Some(last) if last <= self.header.after => Err(TransferError::content(format!(
                "its event at position {last} belongs to an earlier part"
            ))),
            _ => Ok(()),
        }
    }
}
