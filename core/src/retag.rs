//! Adds the tags of a new `#[id]` to stored events.

use std::{
    any::type_name,
    borrow::Cow,
    future::{Future, IntoFuture},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use crate::{
    backoff::Backoff,
    codec::{Codec, RawEvent},
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    event::{Event, Tags, Types},
    id::Id,
    panics::run_user_code,
    position::Position,
    record::Record,
    store::{
        EventStore, FeedPage, IntoEventStore, PageLimit, Rewrite, RewriteState, RewriteStep, RewriteTarget,
    },
    tag::Tag,
    time::Timestamp,
};

/// The number of events that one step reads.
const EVENTS_PER_STEP: usize = 500;

/// Adds the tags of the ids `I` to the stored events of `E`, as the `#[id]` fields of `E` are today. It is for a field that gets its
/// `#[id]` after events of the type were stored: what is read by the id would lack them.
///
/// Tags are computed from the payloads, after all steps of `upcast` and `from`. Payloads, positions and other tags stay. A pass that was
/// interrupted goes on where it was when it is called again; one that is complete does nothing. The log keeps the actor, the
/// times and the number of events: see [`Rewrite`].
///
/// Encrypted secrets are not needed for tags of plain fields. If a step or a function computes the id from a secret, pass `app.store()` of an
/// app with keys.
///
/// Programs may run meanwhile. Until the pass is complete, commands and loads that read `E` by the ids are refused as unavailable
/// ([`Invalid::IdsIncomplete`]), because they would decide on a part of the events. From its end on, programs that append events of `E`
/// without knowing the ids are refused ([`Invalid::IdsUnknown`]). Appends by hand ([`EventStore::append`]) and feeds by tags are not: stop
/// them, and begin such a feed again. Rows that are keyed by the ids need a new `version` of their projection.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::{Memory, operate::retag};
///
/// #[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
/// struct BranchId(String);
///
/// # mod before {
/// #     use annalist_doc_tests::*;
/// #     #[derive(Event, Serialize, Deserialize)]
/// #     #[event(name = "cash.counted")]
/// #     pub struct Counted { #[id] pub till: AccountId, pub branch: String }
/// #     #[derive(Command, Serialize, Deserialize)]
/// #     #[command(decide = count)]
/// #     pub struct Count { #[id(Account)] pub till: AccountId }
/// #     fn count(_: &Account, command: &Count) -> Counted {
/// #         Counted { till: command.till.clone(), branch: "north".to_owned() }
/// #     }
/// # }
/// #[derive(Event, Serialize, Deserialize)]
/// #[event(name = "cash.counted")]
/// struct Counted {
///     #[id]
///     till: AccountId,
///     #[id] // new: stored events have no tags of branches
///     branch: BranchId,
/// }
///
/// let store = Memory::new();
/// # let app = App::builder(store.clone()).start().await?;
/// # app.execute(before::Count { till: id("1") }).await?;
/// let done = retag::<Counted, BranchId>(store.clone()).actor("release 7").await?;
/// assert_eq!((done[0].events, done[0].changed), (1, 1));
///
/// let app = App::builder(store).start().await?;
/// assert_eq!(app.history::<Counted>(&BranchId("north".to_owned())).await?.len(), 1);
/// # Ok(())
/// # });
/// ```
pub fn retag<E: Event, I: Id>(store: impl IntoEventStore) -> Retagging {
    Retagging {
        store: store.into_event_store(),
        event: type_name::<E>(),
        names: names_with(const { &E::TYPES }, I::KIND),
        kind: I::KIND,
        is_secret: I::SECRET.is_some(),
        tags: tags_of::<E>,
        actor: None,
        events_per_step: EVENTS_PER_STEP,
    }
}

/// A pass that adds tags to stored events. It runs when it is awaited, and returns the [`Rewrite`] of each stored name.
#[must_use = "no tag is added before it is awaited"]
pub struct Retagging {
    store: Arc<dyn EventStore>,
    /// The Rust type of the event.
    event: &'static str,
    names: Vec<&'static str>,
    kind: &'static str,
    is_secret: bool,
    tags: fn(&Record) -> Result<Vec<Tag>, Invalid>,
    actor: Option<String>,
    events_per_step: usize,
}

impl Retagging {
    /// Sets the actor that the log keeps: 1 to 200 bytes.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.actor = Some(actor.into());
        self
    }

    /// Sets how many events one step reads: 500 without this. A step is one transaction, and no append runs while it is written.
    pub fn events_per_step(mut self, events: usize) -> Self {
        self.events_per_step = events.max(1);
        self
    }

    /// # Errors
    /// [`Error::Unusable`] if no event type has an id of the kind, or the ids are personal; [`Error::Invalid`] or [`Error::Panicked`] if a stored event cannot be
    /// decoded; another [`Error`] of the store. What is written stays, and the next call goes on there.
    async fn run(self) -> Result<Vec<Rewrite>, Error> {
        if self.names.is_empty() {
            let reason = format!("no event type of `{}` has an `#[id]` of this kind", self.event);
            return Err(Error::unusable(format!("add the tags `{}:…` to stored events", self.kind), reason));
        }
        if self.is_secret {
            let reason = "the ids are personal, and stored events are not given such tags: leave this event type for the stored events, and \
                          declare a new one with the id";
            return Err(Error::unusable(format!("add the tags `{}:…` to stored events", self.kind), reason));
        }
        let mut done = Vec::with_capacity(self.names.len());
        for name in &self.names {
            done.push(self.complete(name).await?);
        }
        Ok(done)
    }

    /// Adds the tags to all events with a stored name.
    async fn complete(&self, name: &str) -> Result<Rewrite, Error> {
        let stored = self.store.successors().await?.retag(name, self.kind).cloned();
        let mut retag = match stored {
            Some(stored) => stored,
            None => self.store.rewrite(self.begin(name)).await?,
        };
        let filter = Criteria::from(Item::any().types([name.to_owned()]));
        let limit = PageLimit { records: self.events_per_step, ..PageLimit::CHUNK };
        let mut pauses = Backoff::new(Duration::from_millis(2), Duration::from_millis(100));
        while !retag.is_complete() {
            let page = self.store.feed(&filter, retag.up_to, limit).await?;
            let next = self.store.rewrite(self.next_step(&retag, &page)?).await?;
            if (next.state, next.up_to) == (retag.state, retag.up_to) {
                // The next event is not settled yet.
                tokio::time::sleep(pauses.next_pause()).await;
            }
            retag = next;
        }
        Ok(retag)
    }

    fn begin(&self, name: &str) -> RewriteStep {
        let target = RewriteTarget::Tags { kind: self.kind.to_owned() };
        RewriteStep::begin(name, target, self.actor.clone(), Timestamp::now())
    }

    /// The step that adds the tags of a page. At the end of the log the pass is closing, so that programs which do not know the ids append
    /// no more events that lack them; then it is complete once it is at the end again.
    fn next_step(&self, retag: &Rewrite, page: &FeedPage) -> Result<RewriteStep, Error> {
        let state = match retag.state {
            state if page.is_full => state,
            RewriteState::Running => RewriteState::Closing,
            _ => RewriteState::Complete,
        };
        let tags = run_user_code(self.event, || {
            let lacking = page.records.iter().filter_map(|record| self.lacking(record).transpose());
            lacking.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(RewriteStep {
            found: Some((retag.state, retag.up_to)),
            state,
            up_to: page.up_to,
            events: page.records.len() as u64,
            tags,
            ..self.begin(&retag.name)
        })
    }

    /// The tags that an event lacks, with its position.
    fn lacking(&self, record: &Record) -> Result<Option<(Position, Vec<Tag>)>, Invalid> {
        let mut tags = (self.tags)(record)?;
        tags.retain(|tag| tag.kind() == self.kind && !record.tags.contains(tag));
        tags.sort_unstable();
        tags.dedup();
        Ok((!tags.is_empty()).then_some((record.position, tags)))
    }
}

impl IntoFuture for Retagging {
    type Output = Result<Vec<Rewrite>, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// The stored names and aliases of the event types that may carry ids of a kind, and the names of the retired types that they are made from.
fn names_with(types: &Types, kind: &str) -> Vec<&'static str> {
    let mut names = Vec::new();
    types.each(&mut |one| {
        if Types::One(*one).carries(kind) {
            names.extend(Types::One(*one).names());
        }
    });
    names.sort_unstable();
    names.dedup();
    names
}

/// The event with forgotten secrets in place of encrypted ones, so that it is decoded without their keys: ids in plain fields do not depend on
/// them. A step of `upcast` or `from`, or a function that collects tags, could compute an id from a secret: then the event stays as it is.
#[cfg(feature = "secrets")]
fn without_sealed<'a>(record: &'a Record, types: &Types) -> Result<Cow<'a, Record>, Invalid> {
    use crate::{
        payload::Payload,
        secret::{contains_sealed, forgotten_json, rewrite_sealed},
    };

    let mut has_plain_ids = false;
    types.each(&mut |one| {
        let is_named = one.name == record.name || one.aliases.iter().any(|alias| *alias == record.name);
        has_plain_ids |= is_named && one.version == record.version && one.collected_ids.is_empty();
    });
    if !has_plain_ids || !contains_sealed(record.data.as_str()) {
        return Ok(Cow::Borrowed(record));
    }
    let data = rewrite_sealed::<Invalid>(record.data.as_str(), &mut |_, _| Ok(forgotten_json()))?;
    Ok(Cow::Owned(Record { data: Payload::from_stored(data), ..record.clone() }))
}

#[cfg(not(feature = "secrets"))]
fn without_sealed<'a>(record: &'a Record, _: &Types) -> Result<Cow<'a, Record>, Invalid> {
    Ok(Cow::Borrowed(record))
}

/// The tags that a stored event would have today.
fn tags_of<E: Event>(record: &Record) -> Result<Vec<Tag>, Invalid> {
    let (mut tags, mut collected) = (Tags::default(), Ok(()));
    let readable = without_sealed(record, const { &E::TYPES })?;
    E::decode_raw(&RawEvent::from(&*readable), &Codec::default(), &mut |event| {
        if collected.is_ok() {
            collected = event.collect_tags(&mut tags);
        }
    })?;
    collected.map(|()| tags.into_vec())
}
