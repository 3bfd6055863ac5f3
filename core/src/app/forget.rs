//! Forgetting a subject: its keys, and every copy of what they reveal.

use std::{
    collections::HashMap,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, sleep, sleep_until};

use super::facade::{App, Inner};
use crate::{
    backoff::Backoff,
    daemon::{RowSecrets, Status},
    error::{Error, Invalid},
    id::{AfterForget, Id},
    keys::{Erasure, KeyRing, MAX_STALENESS, SealedStore, SubjectHash},
    limits::check_name,
    rows::{Build, Table},
    tag::Tag,
};

/// Pauses before the erasure of copies is tried again.
const RETRY: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

impl App {
    /// Forgets a subject: erases its keys, so that its secrets cannot be read any more, and then every copy of them. Await the returned value.
    ///
    /// Afterwards every [`Secret`](crate::secret::Secret) of the subject is forgotten, wherever it is read from; commands with new secrets of the
    /// subject are refused with [`Invalid::SubjectForgotten`] until [`App::readmit`]. Other subjects in the same events are not affected.
    ///
    /// The keys are erased first, in one transaction. Then this process discards the states and pages that it has in memory, and rebuilds
    /// each projection that reads events with secrets; the older builds are deleted. It removes the errors of parked events from policies that
    /// handle such events. Other processes with
    /// keys on the same store discard their copies in memory: when this returns, no query, load or decision there that begins afterwards
    /// has the secrets. This takes two seconds and the time of the rebuilds. If the process ends in between, the next one that runs
    /// such projections does the rest in the background, and so does a repeated call.
    ///
    /// A personal id (`#[id(secret)]`) is forgotten as any other subject: no event is found by it any more. It stays taken, or is free again, as its
    /// type declares.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the id or the actor is not valid; [`Error::Unusable`] if the app has no keys, or a projection cannot be rebuilt:
    /// the message names it;
    /// [`Error::Unavailable`] if the key store or a row store does not answer. After an error the keys may be erased already: repeat the call.
    pub fn forget<I: Id>(&self, subject: &I) -> Forget {
        self.forgetting([subject], |erasures| erasures.drain(..).next())
    }

    /// Forgets several subjects, as [`forget`](App::forget) does, and rebuilds each projection only once. Returns a record for each subject.
    ///
    /// # Errors
    /// As [`forget`](App::forget).
    pub fn forget_all<'a, I: Id>(&self, subjects: impl IntoIterator<Item = &'a I>) -> Forget<Vec<Erasure>> {
        self.forgetting(subjects, |erasures| Some(std::mem::take(erasures)))
    }

    fn forgetting<'a, I: Id, R>(
        &self,
        subjects: impl IntoIterator<Item = &'a I>,
        result: fn(&mut Vec<Erasure>) -> Option<R>,
    ) -> Forget<R> {
        let subjects = subjects.into_iter().map(Forgotten::of).collect();
        Forget { app: Arc::clone(&self.inner), subjects, actor: None, result }
    }

    /// Permits new secrets of a forgotten subject, and what is read and written by a personal id. The forgotten ones remain forgotten. Returns `false` if the subject is not forgotten.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app has no keys; [`Error::Unavailable`] if the key store does not answer.
    pub async fn readmit<I: Id>(&self, subject: &I) -> Result<bool, Error> {
        let ring = self.inner.ring("readmit a subject")?;
        ring.readmit(&Tag::of(subject)?).await
    }

    /// Encrypts each stored key that an older master key has encrypted with the current one. Returns how many there were.
    ///
    /// To replace a master key: start every process with the new one and [`and_older`](crate::keys::LocalMasterKey::and_older) of the old one,
    /// call this in one of them, and then leave the old one out. The events stay as they are. A call that ended in between can be repeated:
    /// it encrypts the rest.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app has no keys, or a key is encrypted with a master key that the program does not have;
    /// [`Error::Unavailable`] if the key store does not answer.
    pub async fn rewrap_keys(&self) -> Result<u64, Error> {
        self.inner.ring("encrypt the keys with another master key")?.rewrap().await
    }

    /// Returns the records of erasures, the newest first. They have the time and the actor, and a hash of the subject.
    ///
    /// # Errors
    /// [`Error::Unusable`] if the app has no keys; [`Error::Unavailable`] if the key store does not answer.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, Error> {
        self.inner.erasures("list the erasures", false).await
    }
}

/// The forgetting of subjects, which begins when it is awaited. Returned by [`App::forget`] and [`App::forget_all`].
#[must_use = "nothing is forgotten before it is awaited"]
pub struct Forget<R = Erasure> {
    app: Arc<Inner>,
    subjects: Result<Vec<Forgotten>, Invalid>,
    actor: Option<String>,
    result: fn(&mut Vec<Erasure>) -> Option<R>,
}

/// A subject to forget.
struct Forgotten {
    subject: Tag,
    /// Whether it is a personal id that is free again.
    is_free: bool,
}

impl Forgotten {
    fn of<I: Id>(subject: &I) -> Result<Self, Invalid> {
        Ok(Self { subject: Tag::of(subject)?, is_free: matches!(I::SECRET, Some(AfterForget::Free)) })
    }
}

impl<R> Forget<R> {
    /// Records the person or program that asks for it: 1 to 200 bytes.
    pub fn actor(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// Forgets a subject of another type too, with the same rebuild: a customer, and the personal id of an e-mail address. [`App::forget`] returns
    /// the record of its own subject, [`App::forget_all`] those of all.
    pub fn and<I: Id>(mut self, subject: &I) -> Self {
        match (&mut self.subjects, Forgotten::of(subject)) {
            (Ok(subjects), Ok(subject)) => subjects.push(subject),
            (Ok(_), Err(invalid)) => self.subjects = Err(invalid),
            (Err(_), _) => {}
        }
        self
    }

    async fn run(self) -> Result<R, Error> {
        let Self { app, subjects, actor, result } = self;
        let ring = app.ring("forget a subject")?;
        if let Some(actor) = &actor {
            check_name("actor", actor)?;
        }
        let mut hashes = Vec::new();
        let subjects = subjects?;
        for Forgotten { subject, .. } in &subjects {
            hashes.push(ring.hash(subject).await?);
        }
        let now = app.executor.clock.now();
        for (subject, Forgotten { is_free, .. }) in hashes.iter().zip(&subjects) {
            let erasure =
                Erasure { subject: *subject, actor: actor.clone(), erased_at: now, completed_at: None };
            ring.erase(erasure, *is_free).await?;
        }
        app.erase_copies().await?;
        let mut erasures = app.complete(&hashes).await?;
        result(&mut erasures).ok_or_else(|| Error::unusable("forget a subject", "there is no record of it"))
    }
}

impl<R> fmt::Debug for Forget<R> {
    /// Does not show the subjects.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forget").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl<R: 'static> IntoFuture for Forget<R> {
    type Output = Result<R, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl Inner {
    /// The keys of the app.
    fn ring(&self, operation: &str) -> Result<&Arc<KeyRing>, Error> {
        let reason = "the app has no keys: pass some to `App::builder(…).keys(…)`";
        self.keys.ring.as_ref().ok_or_else(|| Error::unusable(operation, reason))
    }

    async fn erasures(&self, operation: &str, only_incomplete: bool) -> Result<Vec<Erasure>, Error> {
        let ring = self.ring(operation)?;
        let snapshots = ring.hash(&SealedStore::snapshots()?).await?;
        let mut erasures = ring.store().erasures(only_incomplete).await?;
        erasures.retain(|erasure| erasure.subject != snapshots);
        Ok(erasures)
    }

    /// Checks that the keys can be used. Then, in tasks of their own: completes the erasures of processes that ended, if the app runs
    /// projections with secrets, and observes the erasures of other processes until the app is dropped.
    pub(super) async fn watch_erasures(self: &Arc<Self>) -> Result<(), Error> {
        let Some(ring) = &self.keys.ring else { return Ok(()) };
        ring.hash(&SealedStore::snapshots()?).await?;
        tokio::spawn(watch_erasures(Arc::downgrade(self)));
        // An app without them does not know the rows that may have copies of secrets.
        if self.daemon.names_with_secrets().any(|(_, secrets)| secrets != RowSecrets::Errors) {
            tokio::spawn(complete_erasures(Arc::downgrade(self)));
        }
        Ok(())
    }

    async fn complete_erasures(&self) -> Result<(), Error> {
        let incomplete = self.erasures("complete the erasures", true).await?;
        if incomplete.is_empty() {
            return Ok(());
        }
        tracing::info!(
            count = incomplete.len(),
            "continuing to forget subjects: a process ended before all copies were erased"
        );
        self.erase_copies().await?;
        let subjects: Vec<_> = incomplete.iter().map(|erasure| erasure.subject).collect();
        self.complete(&subjects).await.map(drop)
    }

    /// Marks erasures as complete, and returns their records.
    async fn complete(&self, subjects: &[SubjectHash]) -> Result<Vec<Erasure>, Error> {
        let operation = "complete an erasure";
        let keys = self.ring(operation)?.store();
        for subject in subjects {
            keys.complete_erasure(*subject, self.executor.clock.now()).await?;
        }
        let erasures = self.erasures(operation, false).await?.into_iter().rev();
        let mut records: HashMap<_, _> = erasures.map(|erasure| (erasure.subject, erasure)).collect();
        // Without a subject that is named twice.
        Ok(subjects.iter().filter_map(|subject| records.remove(subject)).collect())
    }

    /// Erases what forgotten secrets may have left outside of the log: the snapshots, the rows of projections, and the errors
    /// of policies.
    pub(super) async fn erase_copies(&self) -> Result<(), Error> {
        let ring = self.ring("erase copies of secrets")?;
        // So long another process may use its copies of the keys, also for a snapshot that it saves or a build that begins meanwhile.
        sleep(MAX_STALENESS).await;
        ring.replace(&SealedStore::snapshots()?, self.executor.clock.now()).await?;
        // Until then another process may decrypt a snapshot that was saved meanwhile.
        let snapshots_are_unreadable = Instant::now() + MAX_STALENESS;
        let mut failed = Vec::new();
        for (name, secrets) in self.daemon.names_with_secrets() {
            if let Err(error) = self.erase_in_follower(name, secrets).await {
                failed.push((name, error));
            }
        }
        sleep_until(snapshots_are_unreadable).await;
        let names: Vec<&str> = failed.iter().map(|(name, _)| *name).collect();
        let Some((_, first)) = failed.first() else { return Ok(()) };
        let reason = format!(
            "the keys are erased, but {} may still have copies of secrets: {first}; repair it, and call `forget` again",
            names.join(", ")
        );
        match first.is_unavailable() {
            true => Err(Error::unavailable("forget a subject", reason)),
            false => Err(Error::unusable("forget a subject", reason)),
        }
    }

    /// Erases what forgotten secrets may have left in the rows of a projection, or in the errors of a policy. Encrypted ones are forgotten without their keys: only their
    /// texts and lookups are left. Builds of other versions may have copies, and so may parked events.
    async fn erase_in_follower(&self, name: &'static str, secrets: RowSecrets) -> Result<(), Error> {
        let control = self.daemon.control(name)?;
        if secrets == RowSecrets::Errors {
            control.remove_errors().await?;
            return control.overwrite_deleted().await;
        }
        let (table, builds) = (control.follower.table(), control.builds().await?);
        let is_encrypted = |build: &Build| build.version == table.version && build.checkpoint.parked == 0;
        if secrets == RowSecrets::Copied || !builds.iter().all(is_encrypted) {
            return self.rebuild_rows(name).await;
        }
        for build in builds {
            control.rows.remove_forgotten(&table.built(build.build)).await?;
        }
        control.overwrite_deleted().await
    }

    /// Folds the rows of a projection into a new build, which begins now, and deletes the older ones.
    async fn rebuild_rows(&self, name: &'static str) -> Result<(), Error> {
        let control = self.daemon.control(name)?;
        let version = control.follower.table().version;
        let builds = control.builds().await?;
        let own = builds.iter().filter(|build| build.version == version);
        if let Some(newest) = own.map(|build| build.build).max() {
            self.replace_build(name, (version, newest)).await?;
        }
        control.discard_old().await?;
        control.overwrite_deleted().await?;
        let Some(newer) = builds.iter().find(|build| build.version > version) else { return Ok(()) };
        let reason = format!(
            "a newer program has rows of version {}, and this one has version {version}: call `forget` in the newer one, too",
            newer.version
        );
        Err(Error::unusable(format!("rebuild `{name}`"), reason))
    }

    /// Rebuilds a projection until queries read a later build than this one.
    async fn replace_build(&self, name: &'static str, newest: (u32, u32)) -> Result<(), Error> {
        let (control, model) = (self.daemon.control(name)?, self.daemon.follow(name)?);
        let mut before = model.status().reads.map(id);
        while before.is_none_or(|reads| reads <= newest) {
            // It continues a build that is being filled: that one may have begun before the keys were erased.
            control.rebuild().await?;
            let has_moved = move |status: &Status| status.reads.map(id) != before;
            let is_over = |status: &Status| {
                has_moved(status) || status.promotion_blocked.is_some() || status.stop_reason().is_some()
            };
            let mut status = model.wait_until(is_over).await?;
            if !has_moved(&status) && status.promotion_blocked.is_some() {
                // It differs from the live build, as it should.
                control.promote().await?;
                status = model.wait_until(has_moved).await?;
            } else if let Some(reason) = status.stop_reason().filter(|_| !has_moved(&status)) {
                return Err(Error::unusable(format!("rebuild `{name}`"), reason.to_string()));
            }
            before = status.reads.map(id);
        }
        Ok(())
    }
}

/// The version and the number of a build.
fn id(table: Table) -> (u32, u32) {
    (table.version, table.build)
}

/// Completes the erasures of processes that ended. Tries again after an error, until the app is dropped.
async fn complete_erasures(app: Weak<Inner>) {
    let mut backoff = RETRY;
    while let Some(app) = app.upgrade() {
        let Err(error) = app.complete_erasures().await else { return };
        drop(app);
        tracing::warn!(%error, "subjects are not completely forgotten; trying again");
        sleep(backoff.next_pause()).await;
    }
}

/// Discards the copies in memory when another process has forgotten a subject, until the app is dropped.
async fn watch_erasures(app: Weak<Inner>) {
    let mut ticks = tokio::time::interval(MAX_STALENESS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(ring) = app.upgrade().and_then(|app| app.keys.ring.clone()) else { return };
        if let Err(error) = ring.discard_erased().await {
            tracing::debug!(%error, "could not ask whether a subject was forgotten");
        }
    }
}
