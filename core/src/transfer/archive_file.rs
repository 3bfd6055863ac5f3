//! The file of an archive, read again.

use std::{
    io::SeekFrom,
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    fs::File,
    io::{AsyncSeekExt, BufReader},
    time::timeout,
};

use super::{error::TransferError, import::PartsReader, target::Target};
use crate::{
    error::Error,
    record::Record,
    store::{
        AcceptedCommand, Archive, ArchivedEvents, Entry, EventRef, ImportTransaction, PolicyCheckpoint,
        Rewrite, Successor,
    },
};

/// How many bytes are read at once.
const BUFFER: usize = 256 << 10;
/// How long a store waits for a page, because appends wait meanwhile.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The file of an archive, whose checksum was compared. Its events are read in pages, and the checksum is compared again at the end, since
/// the file may have been changed meanwhile.
pub(crate) struct ArchiveFile {
    path: PathBuf,
    checksum: String,
    /// The unread part of the file; `None` after the end, after an error, and after a call that was dropped.
    rest: Option<PartsReader<BufReader<File>>>,
    /// The events that `rest` has read.
    page: Arc<Mutex<Vec<Record>>>,
    is_complete: bool,
}

impl ArchiveFile {
    /// Opens a file, and compares its checksum with that of an archive.
    ///
    /// # Errors
    /// [`TransferError`] if it cannot be read, was changed, or is the file of something else.
    pub(crate) async fn open(path: &Path, checksum: &str) -> Result<Self, TransferError> {
        let mut file = BufReader::with_capacity(BUFFER, File::open(path).await?);
        let read = PartsReader::new(target(PageOfEvents(None)), &mut file).read_all().await?;
        finish(read, path, checksum).await?;
        file.seek(SeekFrom::Start(0)).await?;
        let page = Arc::default();
        let rest = Some(PartsReader::new(target(PageOfEvents(Some(Arc::clone(&page)))), file));
        Ok(Self { path: path.to_owned(), checksum: checksum.to_owned(), rest, page, is_complete: false })
    }

    async fn read_page(&mut self) -> Result<Vec<Record>, TransferError> {
        while let Some(mut rest) = self.rest.take() {
            match rest.next_line().await? {
                true => self.rest = Some(rest),
                false => {
                    finish(rest.end()?, &self.path, &self.checksum).await?;
                    self.is_complete = true;
                }
            }
            let page = mem::take(&mut *self.page.lock().unwrap_or_else(PoisonError::into_inner));
            if !page.is_empty() {
                return Ok(page);
            }
        }
        match self.is_complete {
            true => Ok(Vec::new()),
            false => Err(TransferError::content("an earlier read of it failed or was cancelled")),
        }
    }
}

#[async_trait]
impl ArchivedEvents for ArchiveFile {
    async fn next_page(&mut self) -> Result<Vec<Record>, Error> {
        let page = timeout(TIMEOUT, self.read_page()).await;
        let operation = || format!("read the archived events of the file {}", self.path.display());
        let page =
            page.map_err(|_| Error::unavailable(operation(), "the next events were not read in time"))?;
        page.map_err(|error| match error {
            TransferError::Store(error) => error,
            TransferError::Io(error) => Error::unavailable(operation(), error),
            error => Error::Unusable {
                operation: operation(),
                reason: format!(
                    "the file was changed after its checksum was compared; nothing was written: {error}"
                ),
                source: Some(error.into()),
            },
        })
    }
}

/// Compares the checksum of a file that was read with that of an archive.
async fn finish(
    (target, found): (Target, Option<String>),
    path: &Path,
    checksum: &str,
) -> Result<(), TransferError> {
    if found.as_deref() != Some(checksum) {
        let found = found.unwrap_or_default();
        return Err(TransferError::content(format!(
            "the file {} is not that of the archive: its checksum is {found}, and it should be {checksum}",
            path.display()
        )));
    }
    target.finish().await.map(drop)
}

/// The events of an archive are apart from each other, and nothing is between them.
fn target(events: PageOfEvents) -> Target {
    Target::new(Box::new(events)).with_any_gaps()
}

/// Takes the events of a file instead of importing them: into a page, or not at all.
struct PageOfEvents(Option<Arc<Mutex<Vec<Record>>>>);

#[async_trait]
impl ImportTransaction for PageOfEvents {
    async fn write_events(&mut self, records: Vec<Record>, _: Vec<EventRef>) -> Result<(), Error> {
        if let Some(page) = &self.0 {
            page.lock().unwrap_or_else(PoisonError::into_inner).extend(records);
        }
        Ok(())
    }

    async fn write_archives(&mut self, _: Vec<Archive>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_retags(&mut self, _: Vec<Rewrite>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_successors(&mut self, _: Vec<Successor>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_command_ids(&mut self, _: Vec<AcceptedCommand>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_journal(&mut self, _: Vec<Entry>) -> Result<(), Error> {
        Ok(())
    }

    async fn write_policies(&mut self, _: Vec<PolicyCheckpoint>) -> Result<(), Error> {
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), Error> {
        Ok(())
    }
}
