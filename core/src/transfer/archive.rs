//! The files of archives: the events of closed ids, in the form of an export.

use std::{
    collections::{BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use tokio::{
    fs::{self, File},
    io::AsyncWrite,
};

use super::{
    archive_file::ArchiveFile,
    error::TransferError,
    export::Lines,
    line::{FIRST_VERSION, Header, Line},
    part::Part,
    source::Sink,
};
use crate::{
    criteria::{Criteria, Item},
    error::Error,
    finding::Finding,
    record::{Position, Record},
    store::{Archive, ArchiveState, EventStore, PageLimit},
    tag::Tag,
};

/// The events that are to leave the log: they have an id of an archive, and all their ids are closed.
pub(crate) struct LeavingEvents<'a> {
    store: &'a dyn EventStore,
    filter: Criteria,
    up_to: Position,
    /// The closed ids, with the numbers of their archives; 0 for those of this one.
    closed: HashMap<Tag, u64>,
}

/// What a file of leaving events has.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    /// The positions of the events.
    pub(crate) positions: Vec<Position>,
    /// The earlier archives that have other ids of these events.
    pub(crate) shared_with: BTreeSet<u64>,
}

impl<'a> LeavingEvents<'a> {
    /// The events of these ids up to a position, in a log with these archives.
    pub(crate) fn new(store: &'a dyn EventStore, ids: &[Tag], up_to: Position, archives: &[Archive]) -> Self {
        let complete = archives.iter().filter(|one| one.state == ArchiveState::Complete);
        let closed = complete.flat_map(|one| one.ids.iter().map(|id| (id.clone(), one.number)));
        let closed = closed.chain(ids.iter().map(|id| (id.clone(), 0))).collect();
        let items = ids.iter().map(|id| Item::any().tag(id.clone()));
        let filter = items.fold(Criteria::none(), Criteria::or);
        Self { store: store.as_stored().unwrap_or(store), filter, up_to, closed }
    }

    /// Reads which they are.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub(crate) async fn find(&self) -> Result<Leaving, Error> {
        let (mut found, mut after) = (Leaving::default(), Position::START);
        while let Some((records, up_to)) = self.page(after).await? {
            for record in records {
                found.positions.push(record.position);
                let archives = record.tags.iter().filter_map(|tag| self.closed.get(tag));
                found.shared_with.extend(archives.filter(|number| **number > 0));
            }
            after = up_to;
        }
        Ok(found)
    }

    /// Writes the events that were found, as a part of an export. It has no command ids and no journal entries: these stay in the log.
    pub(crate) async fn write_to<W: AsyncWrite + Unpin + Send + ?Sized>(
        &self,
        found: &Leaving,
        writer: &mut W,
    ) -> Result<Part, TransferError> {
        let (after, up_to) = (Position::START, found.positions.last().copied().unwrap_or_default());
        let mut lines = Lines::new(writer, None, after, up_to, None);
        let header = Header { version: FIRST_VERSION, after, up_to, previous: None, changes: None };
        lines.add(&Line::Header(header)).await?;
        let mut read = after;
        while let Some((records, page_end)) = self.page(read).await? {
            for record in records.into_iter().take_while(|record| record.position <= up_to) {
                TransferError::check(Finding::of_record(&record))?;
                lines.event(record).await?;
            }
            read = page_end;
        }
        lines.finish(None).await
    }

    /// The next of them after a position, and the position up to which they were read; `None` after the last one.
    async fn page(&self, after: Position) -> Result<Option<(Vec<Record>, Position)>, Error> {
        if after >= self.up_to {
            return Ok(None);
        }
        let page = self.store.feed(&self.filter, after, PageLimit::CHUNK).await?;
        if page.up_to <= after {
            return Ok(None);
        }
        let is_closed = |record: &Record| record.tags.iter().all(|tag| self.closed.contains_key(tag));
        let mut records = page.records;
        records.retain(|record| record.position <= self.up_to && is_closed(record));
        Ok(Some((records, page.up_to)))
    }
}

/// Writes a file beside its place, and moves it there once it is complete and on disk. A file that is there is never replaced: it may
/// be the only place of events that another process has removed meanwhile. If it is the same, it is used.
///
/// # Errors
/// [`TransferError`] if it cannot be written, another file is there, or the store cannot answer.
pub(crate) async fn write_file(
    events: &LeavingEvents<'_>,
    found: &Leaving,
    path: &Path,
) -> Result<Part, TransferError> {
    let beside = beside(path);
    let written = write_new(events, found, &beside).await;
    let moved = match &written {
        Ok(part) => move_to(&beside, path, &part.checksum).await,
        Err(_) => Ok(()),
    };
    // What could not be written or moved is of no use.
    let _ = fs::remove_file(&beside).await;
    moved?;
    sync_directory(path).await?;
    written
}

async fn write_new(events: &LeavingEvents<'_>, found: &Leaving, path: &Path) -> Result<Part, TransferError> {
    let mut file = File::create_new(path).await?;
    let part = events.write_to(found, &mut file).await?;
    file.sync_all().await?;
    Ok(part)
}

/// Links a file to its name, unless another file has it.
async fn move_to(beside: &Path, path: &Path, checksum: &str) -> Result<(), TransferError> {
    match fs::hard_link(beside, path).await {
        Ok(()) => Ok(()),
        Err(_) if fs::try_exists(path).await? => ArchiveFile::open(path, checksum).await.map(drop),
        // The file system has no links.
        Err(_) => Ok(fs::rename(beside, path).await?),
    }
}

/// A name beside a file that no other process uses.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.incomplete", fastrand::u64(..)));
    path.with_file_name(name)
}

/// Makes a new name in a directory survive a crash, where directories can be synced.
async fn sync_directory(path: &Path) -> Result<(), TransferError> {
    if !cfg!(unix) {
        return Ok(());
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    Ok(File::open(directory).await?.sync_all().await?)
}
