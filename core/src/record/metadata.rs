//! Where events and commands come from.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::Name;

/// Where an event came from. All events of one append share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Metadata {
    /// The id of the command, given by the caller or made by the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<Name>,
    /// The stored name of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Name>,
    /// What belongs together across commands and policies. The app starts one with the command id if none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Name>,
    /// What led to the command: usually the id of an event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Name>,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Name>,
    /// The trace context of the caller, as a W3C `traceparent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Name>,
    /// How many policies stand between the command that somebody asked for and this event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The [`Metadata`] of a record, as a store keeps it: it is read when somebody asks for it, because most folds never do.
#[derive(Clone, Debug, Default)]
pub struct StoredMetadata {
    /// None if it was never a text.
    json: Option<Box<str>>,
    read: OnceLock<Arc<Metadata>>,
}

impl StoredMetadata {
    /// A text that a store kept for us and gives back; it is not checked before somebody asks.
    pub fn from_stored(json: impl Into<Box<str>>) -> Self {
        Self { json: Some(json.into()), read: OnceLock::new() }
    }

    /// What it says.
    ///
    /// # Errors
    /// If the text is no metadata.
    pub fn read(&self) -> Result<&Metadata, serde_json::Error> {
        if let Some(read) = self.read.get() {
            return Ok(read);
        }
        let read: Metadata =
            self.json.as_deref().map_or_else(|| Ok(Metadata::default()), serde_json::from_str)?;
        Ok(self.read.get_or_init(|| Arc::new(read)))
    }
}

impl From<Metadata> for StoredMetadata {
    fn from(metadata: Metadata) -> Self {
        Arc::new(metadata).into()
    }
}

impl From<Arc<Metadata>> for StoredMetadata {
    fn from(metadata: Arc<Metadata>) -> Self {
        Self { json: None, read: OnceLock::from(metadata) }
    }
}

/// Two are equal if they say the same, however it is written.
impl PartialEq for StoredMetadata {
    fn eq(&self, other: &Self) -> bool {
        match (self.read(), other.read()) {
            (Ok(one), Ok(other)) => one == other,
            _ => self.json == other.json,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_when_somebody_asks() {
        let stored = StoredMetadata::from_stored(r#"{"actor":"ann","hops":2}"#);
        let read = stored.read().unwrap();
        assert_eq!((read.actor.as_ref().unwrap().as_str(), read.hops), ("ann", 2));
        assert_eq!(stored, read.clone().into());
        assert_eq!(StoredMetadata::default(), StoredMetadata::from_stored("{ }"));
    }

    #[test]
    fn what_is_damaged_is_an_error_each_time() {
        let stored = StoredMetadata::from_stored(r#"{"actor":""}"#);
        for _ in 0..2 {
            assert!(stored.read().unwrap_err().to_string().contains("must not be empty"));
        }
        assert_eq!(stored, stored.clone());
        assert_ne!(stored, StoredMetadata::default());
    }
}
