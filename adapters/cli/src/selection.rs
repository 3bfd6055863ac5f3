//! Which events a verb shows.

use annalist_core::{
    criteria::{Criteria, Item},
    error::Error,
    record::{Name, Position, Record},
    store::EventStore,
    tag::Tag,
    time::Timestamp,
};
use clap::Args;

use crate::{failure::Failure, text::suggestion};

/// Which events to show. All options that are given must apply.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only events of this type; can be given several times, for events of any of them.
    #[arg(long = "type", value_name = "NAME")]
    types: Vec<String>,
    /// Only events with this tag, such as `account:ann`; can be given several times, for events with all of them.
    #[arg(long = "tag", value_name = "KIND:VALUE", value_parser = |text: &str| Tag::parse(text))]
    tags: Vec<Tag>,
    /// Only events of this correlation.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Only events of commands of this actor.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only events after this position.
    #[arg(long, value_name = "POSITION", value_parser = position)]
    after: Option<Position>,
    /// Only events recorded at this time or later, such as `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Only events recorded before this time.
    #[arg(long, value_name = "TIME")]
    before: Option<Timestamp>,
}

impl Selection {
    /// The events of a correlation.
    pub(crate) fn of_correlation(correlation: String, since: Option<Timestamp>) -> Self {
        Self { correlation: Some(correlation), since, ..Self::default() }
    }

    /// Checks the names of types, and returns what a store can search for.
    ///
    /// # Errors
    /// [`Failure::NotFound`] if the log has no event of a type.
    pub(crate) async fn criteria(&self, store: &dyn EventStore) -> Result<Criteria, Failure> {
        if !self.types.is_empty() {
            let stored = store.stored_types().await?;
            for name in &self.types {
                if !stored.iter().any(|one| one.name == *name) {
                    let similar = suggestion(name, stored.iter().map(|one| one.name.as_str()));
                    return Err(Failure::NotFound(format!("the log has no event of type `{name}`{similar}")));
                }
            }
        }
        let item = self.tags.iter().cloned().fold(Item::any().types(self.types.clone()), Item::tag);
        Ok(item.into())
    }

    /// The position after which the first event may be. Clocks may have been wrong, so a time only says where to begin: the events that
    /// were recorded before it end there at the earliest.
    pub(crate) async fn start(&self, store: &dyn EventStore) -> Result<Position, Error> {
        let after = self.after.unwrap_or(Position::START);
        let Some(since) = self.since else { return Ok(after) };
        let earlier = since.minus(std::time::Duration::from_micros(1));
        Ok(store.prefix_at(earlier).await?.up_to.max(after))
    }

    /// Whether an event that matches the criteria is selected.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the metadata of the event are damaged.
    pub(crate) fn has(&self, record: &Record) -> Result<bool, Error> {
        let Self { correlation, actor, since, before, .. } = self;
        let time = record.recorded_at;
        if since.is_some_and(|since| time < since) || before.is_some_and(|before| time >= before) {
            return Ok(false);
        }
        if correlation.is_none() && actor.is_none() {
            return Ok(true);
        }
        let metadata = record.metadata()?;
        let is = |wanted: &Option<String>, stored: &Option<Name>| {
            wanted
                .as_deref()
                .is_none_or(|wanted| stored.as_ref().is_some_and(|stored| stored.as_str() == wanted))
        };
        Ok(is(correlation, &metadata.correlation) && is(actor, &metadata.actor))
    }
}

/// Parses a position.
pub(crate) fn position(text: &str) -> Result<Position, String> {
    text.parse()
        .map(Position::new)
        .map_err(|_| format!("`{text}` is not a position, which is a whole number such as 7"))
}
