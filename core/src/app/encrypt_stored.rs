//! Encrypts the secrets of events that were stored before their fields became secrets.

use std::{
    any::type_name,
    collections::BTreeMap,
    fmt,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{facade::App, followers::Awaited};
use crate::{
    backoff::Backoff,
    codec::{Codec, RawEvent},
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    event::{Event, Types, secret_fields},
    keys::{KnownErasures, SealedStore},
    panics::run_user_code,
    payload::Payload,
    position::Position,
    record::Record,
    secret::{InPlace, plain_secrets},
    store::{EventStore, PageLimit, Rewrite, RewriteState, RewriteStep, RewriteTarget},
    time::Timestamp,
};

/// The number of events that one step reads.
const EVENTS_PER_STEP: usize = 500;
/// How long the pass waits for followers unless the caller says otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The operation, for messages.
const ENCRYPT: &str = "encrypt the secrets of stored events";

impl App {
    /// Encrypts the secrets of the stored events of `E` that were appended before their fields were secrets. Await the returned value.
    ///
    /// The type declares today which fields are secrets and whose: a new version of it has `#[secret(subject = …)]` on a field of the type
    /// `Secret<T>`. The values of such fields, which stored events have in plain text, are replaced by the encrypted form of new events, with the
    /// key of their subject. Those of a subject that was forgotten after the event are replaced by the form of a forgotten secret. This is the one case
    /// in which the payload of a stored event changes. Its position, id, type, version, tags, time and metadata stay, and so does every
    /// other part of the payload.
    ///
    /// An event of an older version, or of a retired type, is read by its steps of `upcast` and `from`. Its type has to read the field as a `Secret`
    /// too, and pass it on unchanged; otherwise the pass is refused with [`Invalid::SecretNotInPlace`], which names the event.
    ///
    /// Programs may run meanwhile if they declare the secrets. Others are refused from the beginning on, at their start and with
    /// each command, load and append ([`Invalid::SecretsUnknown`]), and their followers stop: deploy the newer program everywhere first. A pass
    /// that was interrupted goes on where it was when it is called again; one that is complete changes nothing. The log keeps the actor, the
    /// times and the number of events: see [`App::encryptions`].
    ///
    /// What copies have is not changed: rows of projections, entries of the journal, exports, archives, backups. `docs/forgetting.md` says what
    /// to do about each.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// use annalist::{Memory, Secret, keys::LocalMasterKey};
    ///
    /// # mod before {
    /// #     use annalist_doc_tests::*;
    /// #     #[derive(Event, Serialize, Deserialize)]
    /// #     #[event(name = "owner.named")]
    /// #     pub struct Named { #[id] pub account: AccountId, pub name: String }
    /// #     #[derive(Command, Serialize, Deserialize)]
    /// #     #[command(decide = name)]
    /// #     pub struct Name { #[id(Account)] pub account: AccountId }
    /// #     fn name(_: &Account, command: &Name) -> Named {
    /// #         Named { account: command.account.clone(), name: "Ann".to_owned() }
    /// #     }
    /// # }
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(name = "owner.named", version = 2, upcast(1 => _))]
    /// struct Named {
    ///     #[id]
    ///     account: AccountId,
    ///     #[secret(subject = account)] // new: stored events have the name in plain text
    ///     name: Secret<String>,
    /// }
    ///
    /// let store = Memory::new();
    /// # let app = App::builder(store.clone()).start().await?;
    /// # app.execute(before::Name { account: id("1") }).await?;
    /// let app = App::builder(store).keys(LocalMasterKey::new([7; 32])).start().await?;
    /// let done = app.encrypt_stored::<Named>().actor("ann").await?;
    /// assert_eq!((done[0].events, done[0].changed), (1, 1));
    /// # Ok(())
    /// # });
    /// ```
    pub fn encrypt_stored<E: Event>(&self) -> EncryptStored {
        EncryptStored {
            app: self.clone(),
            event: type_name::<E>(),
            types: const { &E::TYPES },
            read: payloads_of::<E>,
            actor: None,
            timeout: TIMEOUT,
            events_per_step: EVENTS_PER_STEP,
        }
    }

    /// Returns the passes that have encrypted the secrets of stored events ([`App::encrypt_stored`]), sorted by the names of the events. One that
    /// was interrupted is not complete.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub async fn encryptions(&self) -> Result<Vec<Rewrite>, Error> {
        let list = self.run("list the encryptions", self.store().successors()).await?;
        Ok(list.rewrites().iter().filter(|rewrite| rewrite.target.is_secrets()).cloned().collect())
    }
}

/// A pass that encrypts the secrets of stored events. It runs when it is awaited, and returns the [`Rewrite`] of each stored name. Returned by
/// [`App::encrypt_stored`].
#[must_use = "nothing is encrypted before it is awaited"]
pub struct EncryptStored {
    app: App,
    /// The Rust type of the event.
    event: &'static str,
    types: &'static Types,
    /// Returns the payloads that the events which a record is read as would have today.
    read: fn(&Record) -> Result<Vec<Payload>, Invalid>,
    actor: Option<String>,
    timeout: Duration,
    events_per_step: usize,
}

/// A pass over the events with one name, as far as this call is.
struct Pass {
    rewrite: Rewrite,
    /// Whether it was begun by an earlier call.
    is_resumed: bool,
}

/// What a step has found.
struct Step {
    rewrite: Rewrite,
    /// Whether no settled event is left.
    is_last: bool,
    /// The number of values whose subject is forgotten.
    forgotten: u64,
}

impl EncryptStored {
    /// Records the person or program that asks for it: 1 to 200 bytes.
    pub fn actor(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// Sets how long the call waits for projections and policies to handle the events before it begins: 30 seconds without this.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets how many events one step reads: 500 without this. A step is one transaction, and no append runs while it is written.
    pub fn events_per_step(self, events: usize) -> Self {
        Self { events_per_step: events.max(1), ..self }
    }

    /// # Errors
    /// [`Error::Unusable`] if the app has no keys, no field of the event type is a secret, one of the events is parked, or an event has a
    /// personal id in plain text; [`Error::Unavailable`] if a projection or policy has not handled the events in time;
    /// [`Invalid::SecretNotInPlace`] and other errors of events that cannot be read; another [`Error`] of the store or the key store. What is
    /// written stays, and the next call goes on there.
    async fn run(self) -> Result<Vec<Rewrite>, Error> {
        let app = self.app.clone();
        app.run(ENCRYPT, self.encrypt()).await
    }

    async fn encrypt(self) -> Result<Vec<Rewrite>, Error> {
        let store = self.app.sealed_store(ENCRYPT)?;
        let targets = secret_fields(self.types);
        if targets.is_empty() {
            let reason = format!("no field of `{}` has `#[secret(subject = …)]`", self.event);
            return Err(Error::unusable(ENCRYPT, reason));
        }
        self.app.executor().registry.register(self.types)?;
        let keys = store.ring().store();
        let before = keys.erasure_count().await?;
        let mut erasures = KnownErasures::default();
        let mut passes = self.passes(&store, &targets).await?;
        let mut must_erase = false;
        for pass in passes.iter_mut().filter(|pass| !pass.rewrite.is_complete()) {
            must_erase |= self.reach_the_end(&store, pass, &mut erasures).await?;
            // Rows that were folded again meanwhile may have values that were not encrypted yet.
            must_erase |= keys.erasure_count().await? != before;
        }
        if must_erase {
            // Rows, states and snapshots have values that should have been forgotten.
            self.app.inner.erase_copies().await?;
        }
        if passes.iter().any(|pass| !pass.rewrite.is_complete()) {
            // Before the record says that it is complete.
            store.overwrite_replaced().await?;
        }
        let mut pauses = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
        for pass in &mut passes {
            while !pass.rewrite.is_complete() {
                let step = self.step(&store, &pass.rewrite, RewriteState::Complete, &mut erasures).await?;
                if (step.rewrite.state, step.rewrite.up_to) == (pass.rewrite.state, pass.rewrite.up_to) {
                    // The next event is not settled yet.
                    tokio::time::sleep(pauses.next_pause()).await;
                }
                pass.rewrite = step.rewrite;
            }
        }
        store.overwrite_replaced().await?;
        Ok(passes.into_iter().map(|pass| pass.rewrite).collect())
    }

    /// The passes over the events with each name, which are begun if they are not yet. Before the first one begins, the followers have handled
    /// the events.
    async fn passes(
        &self,
        store: &SealedStore,
        targets: &BTreeMap<&'static str, (Vec<String>, u32)>,
    ) -> Result<Vec<Pass>, Error> {
        let list = store.successors().await?;
        // A later version of the type, with the same secrets, has nothing to do.
        let stored = |name: &str, fields: &[String]| {
            let mut named = list.rewrites().iter().filter(|rewrite| rewrite.name == name);
            named
                .find(|rewrite| {
                    matches!(&rewrite.target, RewriteTarget::Secrets { fields: own, .. } if own == fields)
                })
                .cloned()
        };
        let begun: Vec<_> = targets
            .iter()
            .map(|(name, (fields, version))| (*name, fields, *version, stored(name, fields)))
            .collect();
        let new: Vec<&'static str> =
            begun.iter().filter(|(.., stored)| stored.is_none()).map(|(name, ..)| *name).collect();
        for name in &new {
            self.check_events(store, name).await?;
        }
        if !new.is_empty() {
            let deadline = Instant::now() + self.timeout;
            self.app.wait_for_followers(ENCRYPT, &Awaited::Named(&new), deadline).await?;
        }
        let mut passes = Vec::with_capacity(begun.len());
        for (name, fields, version, stored) in begun {
            let is_resumed = stored.is_some();
            let rewrite = match stored {
                Some(stored) => stored,
                None => {
                    let target = RewriteTarget::Secrets { fields: fields.clone(), version };
                    store.rewrite(RewriteStep::begin(name, target, self.actor.clone(), self.now())).await?
                }
            };
            passes.push(Pass { rewrite, is_resumed });
        }
        Ok(passes)
    }

    /// Reads the events with a name, so that a pass which would be refused does not begin.
    async fn check_events(&self, store: &SealedStore, name: &'static str) -> Result<(), Error> {
        let filter = Criteria::from(Item::any().types([name]));
        let (mut after, limit) = (Position::START, PageLimit::CHUNK);
        loop {
            let page = store.inner().feed(&filter, after, limit).await?;
            store.plain_secrets(&page.records, &|record| self.find(record)).await?;
            if !page.is_full {
                return Ok(());
            }
            after = page.up_to;
        }
    }

    /// Encrypts the events up to the end of the log. Returns `true` if the values of forgotten subjects may have been among them.
    async fn reach_the_end(
        &self,
        store: &SealedStore,
        pass: &mut Pass,
        erasures: &mut KnownErasures,
    ) -> Result<bool, Error> {
        let mut forgotten = 0;
        loop {
            let step = self.step(store, &pass.rewrite, RewriteState::Running, erasures).await?;
            forgotten += step.forgotten;
            pass.rewrite = step.rewrite;
            if step.is_last || pass.rewrite.is_complete() {
                break;
            }
        }
        // An earlier call, which was interrupted, may have found some.
        Ok(forgotten > 0 || (pass.is_resumed && !self.app.erasures().await?.is_empty()))
    }

    /// Encrypts the events of the next page.
    async fn step(
        &self,
        store: &SealedStore,
        before: &Rewrite,
        end: RewriteState,
        erasures: &mut KnownErasures,
    ) -> Result<Step, Error> {
        let filter = Criteria::from(Item::any().types([before.name.clone()]));
        let limit = PageLimit { records: self.events_per_step, ..PageLimit::CHUNK };
        let page = store.inner().feed(&filter, before.up_to, limit).await?;
        let encrypted = store.encrypt_page(&page.records, &|record| self.find(record), erasures).await?;
        let step = RewriteStep {
            found: Some((before.state, before.up_to)),
            state: if page.is_full { before.state } else { end },
            up_to: page.up_to,
            events: page.records.len() as u64,
            payloads: encrypted.payloads,
            ..RewriteStep::begin(before.name.clone(), before.target.clone(), None, self.now())
        };
        let rewrite = store.rewrite(step).await?;
        Ok(Step { rewrite, is_last: !page.is_full, forgotten: encrypted.forgotten })
    }

    /// The plain values of an event.
    fn find(&self, record: &Record) -> Result<InPlace, Error> {
        let read = |json: &str| {
            let record = Record { data: Payload::from_stored(json), ..record.clone() };
            let payloads = run_user_code(self.event, || (self.read)(&record))?;
            Ok(payloads.iter().map(|payload| payload.as_str().to_owned()).collect())
        };
        plain_secrets(record.data.as_str(), &read)
    }

    fn now(&self) -> Timestamp {
        self.app.executor().clock.now()
    }
}

impl fmt::Debug for EncryptStored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptStored").field("event", &self.event).finish_non_exhaustive()
    }
}

impl IntoFuture for EncryptStored {
    type Output = Result<Vec<Rewrite>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl App {
    fn sealed_store(&self, operation: &str) -> Result<Arc<SealedStore>, Error> {
        let reason = "the app has no keys: pass some to `App::builder(…).keys(…)`";
        self.inner.keys.sealed.clone().ok_or_else(|| Error::unusable(operation, reason))
    }
}

/// The payloads that the events which a record is read as would have today.
fn payloads_of<E: Event>(record: &Record) -> Result<Vec<Payload>, Invalid> {
    let (codec, mut payloads) = (Codec::default(), Vec::new());
    E::decode_raw(&RawEvent::from(record), &codec, &mut |event| payloads.push(event.encode_payload(&codec)))?;
    payloads.into_iter().collect()
}
