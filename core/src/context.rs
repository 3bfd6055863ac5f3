//! The context of a decision or an event.

use crate::{
    error::Invalid,
    record::{Metadata, Name, Position, Record},
    tag::Tag,
    time::Timestamp,
};

/// The context of a decision, or of an event that is folded. A function receives it if its attribute says `context`.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::at;
///
/// /// Opens an account for the actor of the command.
/// #[derive(Command, Serialize)]
/// #[command(decide = open_own, error = AccountError, context)]
/// struct OpenOwn {
///     account: AccountId,
/// }
///
/// fn open_own(command: &OpenOwn, context: &Context) -> Result<AccountEvent, AccountError> {
///     let owner = format!("{} at {}", context.actor().unwrap_or("unknown"), context.time);
///     Ok(AccountEvent::Opened { account: command.account.clone(), owner })
/// }
///
/// let start = at("2026-01-31T12:00:00Z".parse()?).by("ann");
/// start.when(OpenOwn { account: id("a") }).then(opened("a", "ann at 2026-01-31T12:00:00Z"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// In a decision: the current time, which its events record. In a fold: the recorded time of the event.
    pub time: Timestamp,
    /// The position of the event; `None` in a decision.
    pub position: Option<Position>,
    /// Actor, command, correlation and causation.
    pub metadata: &'a Metadata,
    /// The tags of the event, one for each id that it carries; empty in a decision.
    pub tags: &'a [Tag],
}

impl<'a> Context<'a> {
    /// Creates the context of a decision.
    ///
    /// ```
    /// use annalist::{Context, Timestamp, store::Metadata};
    ///
    /// let metadata = Metadata::default();
    /// let context = Context::decision(Timestamp::EPOCH, &metadata);
    /// assert_eq!((context.actor(), context.position), (None, None));
    /// ```
    pub fn decision(time: Timestamp, metadata: &'a Metadata) -> Self {
        Self { time, position: None, metadata, tags: &[] }
    }

    /// Creates the context of an event.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// # run(async {
    /// # let app = bank().await?;
    /// use annalist::{Context, Criteria, Position};
    ///
    /// let page = app.feed(Criteria::all()).next().await?;
    /// let context = Context::of(&page.records[0])?;
    /// assert_eq!(context.position, Some(Position::new(1)));
    /// assert_eq!(context.time, page.records[0].recorded_at);
    /// assert_eq!(context.tags[0].as_str(), "account:a");
    /// # Ok(())
    /// # });
    /// ```
    ///
    /// # Errors
    /// [`Invalid::Damaged`] if the metadata of the record cannot be decoded.
    pub fn of(record: &'a Record) -> Result<Self, Invalid> {
        Ok(Self {
            time: record.recorded_at,
            position: Some(record.position),
            metadata: record.metadata()?,
            tags: &record.tags,
        })
    }

    /// Returns the actor: the user or system that sent the command.
    ///
    /// ```
    /// use annalist::{Context, Timestamp, store::{Metadata, Name}};
    ///
    /// let mut metadata = Metadata::default();
    /// metadata.actor = Some(Name::new("actor", "ann")?);
    /// assert_eq!(Context::decision(Timestamp::EPOCH, &metadata).actor(), Some("ann"));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn actor(&self) -> Option<&'a str> {
        self.metadata.actor.as_ref().map(Name::as_str)
    }

    /// Returns the correlation id, which all events of one business process share.
    ///
    /// ```
    /// use annalist::{Context, Timestamp, store::{Metadata, Name}};
    ///
    /// let mut metadata = Metadata::default();
    /// metadata.correlation = Some(Name::new("correlation", "order-7")?);
    /// assert_eq!(Context::decision(Timestamp::EPOCH, &metadata).correlation(), Some("order-7"));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn correlation(&self) -> Option<&'a str> {
        self.metadata.correlation.as_ref().map(Name::as_str)
    }

    /// Returns the trace context of the caller as a W3C `traceparent`, to pass it on in a request to another system.
    ///
    /// ```
    /// use annalist::{Context, Timestamp, store::{Metadata, Name}};
    ///
    /// let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    /// let mut metadata = Metadata::default();
    /// metadata.trace = Some(Name::new("traceparent", traceparent)?);
    /// assert_eq!(Context::decision(Timestamp::EPOCH, &metadata).traceparent(), Some(traceparent));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn traceparent(&self) -> Option<&'a str> {
        self.metadata.trace.as_ref().map(Name::as_str)
    }
}
