//! Archives: the events of closed ids leave the log for a file, and return.

use std::{fmt, path::Path, time::Duration};

use tokio::time::Instant;

use super::{facade::App, followers::Awaited};
use crate::{
    error::{Error, Invalid},
    id::Id,
    record::Position,
    store::{Archive, ArchiveState, ArchiveStep, ArchivedEvents, RemovedEvents, RestoreStep},
    tag::Tag,
    transfer::{ArchiveFile, LeavingEvents, TransferError, write_file},
};

/// How long an archive waits for followers unless the caller says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The operation, for messages.
const ARCHIVE: &str = "archive ids";

impl App {
    /// Archives ids that are closed for good: their events leave the log for a file. Continue with [`ArchiveIds::to`].
    ///
    /// An event leaves once every id that it carries is archived; events without an id stay. A personal id (`#[id(secret)]`) is recorded as the
    /// log has it, as a keyed hash. From then on every command and
    /// every load that uses one of the ids is refused with [`Invalid::Archived`], in all processes. Rows of projections stay as
    /// they are, but rebuilt ones lack those of the archived events. See `docs/archive.md`.
    ///
    /// The app has to know all followers of the log: the events leave only once each of its projections and policies has
    /// handled them.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// # app.wait_until_caught_up().await?;
    /// use annalist::Invalid;
    ///
    /// let file = std::env::temp_dir().join(format!("archive-{}.jsonl", std::process::id()));
    /// # let _ = std::fs::remove_file(&file);
    /// let archive = app.archive([&id("a")]).actor("ann").to(&file).await?;
    /// # std::fs::remove_file(&file)?;
    /// assert_eq!(archive.ids.len(), 1);
    /// let error = app.load::<Account>(&id("a")).await.unwrap_err();
    /// assert!(matches!(error, annalist::Error::Invalid(Invalid::Archived { .. })));
    /// # Ok(())
    /// # });
    /// ```
    pub fn archive<'a, I: Id>(&self, ids: impl IntoIterator<Item = &'a I>) -> ArchiveIds {
        ArchiveIds { app: self.clone(), ids: Ok(Vec::new()), actor: None, timeout: TIMEOUT }.and(ids)
    }

    /// Returns the archives of the log, by their numbers. Opened ones are included.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub async fn archives(&self) -> Result<Vec<Archive>, Error> {
        self.run("list the archives", self.store().archives()).await
    }

    /// Opens the ids of an archive again, and returns their events to their positions in the log. The file has to be as it was written. It
    /// is read twice: first its checksum is compared, then the events are written page by page in one transaction, during which appends
    /// wait. An archive that was interrupted before the events left needs no file.
    ///
    /// Followers that passed the positions do not handle the events again. Rebuild projections whose builds began after the archive.
    ///
    /// # Errors
    /// [`TransferError::Checksum`], [`TransferError::Line`] or [`TransferError::Content`] if the file was changed or is another one;
    /// [`Error::Unusable`] if the log has no such archive, a later archive has events of its ids, or the file is changed during the call.
    /// The log is then as before.
    pub async fn restore(
        &self,
        number: u64,
        file: impl AsRef<Path> + Send,
    ) -> Result<Archive, TransferError> {
        let archives = self.archives().await?;
        let archive = archives.iter().find(|archive| archive.number == number);
        let removed = archive.and_then(|archive| archive.removed.as_ref().filter(|_| archive.is_closed()));
        let events: Box<dyn ArchivedEvents> = match removed {
            Some(removed) => Box::new(ArchiveFile::open(file.as_ref(), &removed.checksum).await?),
            None => Box::new(Vec::new()),
        };
        let step = RestoreStep { number, events, at: self.executor().clock.now() };
        Ok(self.run("open archived ids", self.store().restore(step)).await?)
    }
}

/// Ids that are to be archived. Returned by [`App::archive`].
#[must_use = "nothing is archived before `to` is awaited"]
pub struct ArchiveIds {
    app: App,
    ids: Result<Vec<Tag>, Invalid>,
    actor: Option<String>,
    timeout: Duration,
}

impl ArchiveIds {
    /// Adds ids of another kind: events that carry ids of both leave with them.
    pub fn and<'a, I: Id>(mut self, ids: impl IntoIterator<Item = &'a I>) -> Self {
        self.ids = self.ids.and_then(|mut all| {
            for id in ids {
                all.push(Tag::of(id)?);
            }
            Ok(all)
        });
        self
    }

    /// Records the person or program that asks for it: 1 to 200 bytes.
    pub fn actor(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// Sets how long the call waits for projections and policies to handle the events: 30 seconds without this.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Archives the ids. The file has the form of an export, so it can be imported into an empty log; it is complete and on disk before the
    /// first event leaves the log. A call that was interrupted is completed by another one with the same ids; with ids that are archived already
    /// it returns their archive.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if a projection or policy has not handled the events in time, as [`TransferError::Store`];
    /// [`Error::Unusable`] if one has parked some of them, another archive is not complete, another call has archived the ids to another
    /// file meanwhile, or there are no ids or more than [`Archive::MAX_IDS`]; [`Error::Invalid`] if an id or the actor is not valid; [`TransferError::Io`] if the file exists or cannot be
    /// written. After an error the ids may be closed already: repeat the call, or open them with [`App::restore`].
    pub async fn to(self, file: impl AsRef<Path> + Send) -> Result<Archive, TransferError> {
        let (app, file) = (self.app.clone(), file.as_ref().to_owned());
        let runtime = app.executor().watcher.runtime().clone();
        let archiving = self.archive(&file);
        let ended = || TransferError::Store(Error::RuntimeEnded { operation: "archive ids".to_owned() });
        runtime.run_until_ended(Box::pin(archiving)).await.unwrap_or_else(|| Err(ended()))
    }

    async fn archive(self, file: &Path) -> Result<Archive, TransferError> {
        let Self { app, ids, actor, timeout } = self;
        let mut ids = ids.map_err(Error::from)?;
        if ids.iter().any(Tag::is_secret) {
            ids = app.inner.keys.stored_tags(&ids).await?;
        }
        ids.sort_unstable();
        ids.dedup();
        let store = app.store();
        let deadline = Instant::now() + timeout;
        let archives = store.archives().await?;
        let known = archives.iter().find(|archive| archive.is_closed() && archive.ids == ids);
        let name = file.to_string_lossy().into_owned();
        match known {
            Some(archive) if archive.state == ArchiveState::Complete => return Ok(archive.clone()),
            Some(archive) if archive.file == name => {}
            _ if tokio::fs::try_exists(file).await? => {
                let reason = format!("the file {name} exists; archives are written to new files");
                return Err(std::io::Error::new(std::io::ErrorKind::AlreadyExists, reason).into());
            }
            _ => {}
        }
        if known.is_none() {
            // Before anything is closed, so that what is refused changes nothing.
            let found = LeavingEvents::new(&**store, &ids, Position::END, &archives).find().await?;
            app.wait_for_followers(ARCHIVE, &Awaited::Positions(&found.positions), deadline).await?;
        }
        let at = app.executor().clock.now();
        let close = ArchiveStep::Close { ids, file: name.clone(), actor, at };
        let archive = store.archive(close).await?;
        app.wait_until_settled(archive.up_to, deadline).await?;
        let archives = store.archives().await?;
        let events = LeavingEvents::new(&**store, &archive.ids, archive.up_to, &archives);
        let found = events.find().await?;
        app.wait_for_followers(ARCHIVE, &Awaited::Positions(&found.positions), deadline).await?;
        let part = write_file(&events, &found, file).await?;
        let removed = RemovedEvents {
            events: part.contents.events,
            first: found.positions.first().copied().unwrap_or_default(),
            last: part.contents.up_to,
            checksum: part.checksum.clone(),
            shared_with: found.shared_with.into_iter().collect(),
            at: app.executor().clock.now(),
        };
        let remove = ArchiveStep::Remove { number: archive.number, file: name.clone(), removed };
        let archive = store.archive(remove).await?;
        match &archive.removed {
            Some(removed) if removed.checksum != part.checksum => {
                let reason = format!(
                    "another call has archived them to the file {} meanwhile; the file {name} does not have their events, so remove it",
                    archive.file
                );
                Err(Error::unusable("archive ids", reason).into())
            }
            _ => Ok(archive),
        }
    }
}

impl fmt::Debug for ArchiveIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArchiveIds").field("ids", &self.ids).finish_non_exhaustive()
    }
}

impl App {
    /// How many events are in archives, and not in the log.
    pub(super) async fn archived_events(&self) -> Result<u64, Error> {
        let archives = self.archives().await?;
        let complete = archives.iter().filter(|archive| archive.state == ArchiveState::Complete);
        Ok(complete.filter_map(|archive| archive.removed.as_ref()).map(|removed| removed.events).sum())
    }

    async fn wait_until_settled(&self, position: Position, deadline: Instant) -> Result<(), Error> {
        while self.store().settled().await?.position < position {
            self.wait_before(ARCHIVE, deadline, || {
                format!("the log is not settled up to position {position}")
            })
            .await?;
        }
        Ok(())
    }
}
