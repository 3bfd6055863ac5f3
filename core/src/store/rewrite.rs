//! Passes that rewrite stored events, to add tags or to encrypt secrets: how far they are, and the steps in which they are written.

use serde::{Deserialize, Serialize};

use crate::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    finding::{Finding, FindingKind},
    limits::{MAX_APPEND, check_event_name, check_name, check_size, is_kind, refuse},
    payload::Payload,
    position::Position,
    tag::Tag,
    time::Timestamp,
};

/// The beginning of the stored text of [`RewriteTarget::Secrets`]. No kind of ids begins with it.
const SECRETS: &str = "$secrets ";

/// How far a [`Rewrite`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewriteState {
    /// Some events are rewritten. If they get tags, what is read by the ids is refused; if their secrets are encrypted, programs that do not
    /// declare the secrets are refused.
    Running,
    /// As [`Running`](RewriteState::Running), and appends of the events are refused if the program does not know the ids.
    Closing,
    /// All events are rewritten. Programs that do not know the ids may still append none of them, and programs that do not declare the
    /// secrets are still refused.
    Complete,
}

impl RewriteState {
    /// For stores: returns the number that is stored.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Returns the state with a stored number.
    const fn from_number(number: i64) -> Option<Self> {
        match number {
            0 => Some(Self::Running),
            1 => Some(Self::Closing),
            2 => Some(Self::Complete),
            _ => None,
        }
    }
}

/// What a [`Rewrite`] changes in the stored events with a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RewriteTarget {
    /// The tags of the ids of this kind are added. Payloads stay.
    Tags {
        /// The kind of the ids.
        kind: String,
    },
    /// The values of secret fields are encrypted. Everything else stays.
    Secrets {
        /// The fields of the Rust type, sorted.
        fields: Vec<String>,
        /// The version of the event type whose fields are these secrets.
        version: u32,
    },
}

impl RewriteTarget {
    /// For stores: returns the text that is stored.
    pub fn to_text(&self) -> String {
        match self {
            Self::Tags { kind } => kind.clone(),
            Self::Secrets { fields, version } => format!("{SECRETS}{version} {}", fields.join(",")),
        }
    }

    /// Returns the target with a stored text.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let Some(secrets) = text.strip_prefix(SECRETS) else {
            return Some(Self::Tags { kind: text.to_owned() });
        };
        let (version, fields) = secrets.split_once(' ')?;
        let fields = fields.split(',').map(str::to_owned).collect();
        Some(Self::Secrets { fields, version: version.parse().ok()? })
    }

    /// Returns `true` if the secrets of fields are encrypted, and not tags added.
    pub fn is_secrets(&self) -> bool {
        matches!(self, Self::Secrets { .. })
    }

    /// Describes what is done to the events, for messages.
    pub(crate) fn describe(&self, name: &str) -> String {
        match self {
            Self::Tags { kind } => format!("the stored events `{name}` get the tags of the ids `{kind}`"),
            Self::Secrets { fields, .. } => {
                format!("the secrets {} of the stored events `{name}` are encrypted", quoted(fields))
            }
        }
    }

    pub(crate) fn check(&self) -> Result<(), Invalid> {
        match self {
            Self::Tags { kind } if is_kind(kind) => Ok(()),
            Self::Tags { kind } => Err(refuse("id kind", kind, "it must be `[a-z][a-z0-9_]*`")),
            Self::Secrets { fields, version } => {
                let is_name = |field: &String| {
                    let is_odd = |c: char| c == ',' || c.is_whitespace() || c.is_control();
                    !field.is_empty() && !field.contains(is_odd)
                };
                match !fields.is_empty() && fields.iter().all(is_name) && *version > 0 {
                    true => Ok(()),
                    false => {
                        let reason = "they must be names of fields, of a version from 1 on";
                        Err(refuse("secret fields", &fields.join(","), reason))
                    }
                }
            }
        }
    }
}

/// Names in backticks.
fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// A pass over the stored events with one name, which adds tags or encrypts secrets. A log keeps it for good: as a record of the change, and
/// because programs that do not know the ids or the secrets are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// The stored name of the events.
    pub name: String,
    /// What is changed.
    pub target: RewriteTarget,
    /// How far it is.
    pub state: RewriteState,
    /// The position up to which the events are rewritten.
    pub up_to: Position,
    /// How many events were read.
    pub events: u64,
    /// How many of them were changed.
    pub changed: u64,
    /// The actor of the first step, if it names one.
    pub actor: Option<String>,
    /// The time of the first step.
    pub started_at: Timestamp,
    /// The time of the last step.
    pub updated_at: Timestamp,
    /// The version that the list of [`Successors`](super::Successors) got when the state last changed.
    pub version: u64,
}

impl Rewrite {
    /// For SQL stores: returns the passes in a JSON array of objects with the fields of `Stored` below.
    ///
    /// # Errors
    /// The error of a text that is damaged.
    pub fn list_from_json(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        let stored: Vec<Stored> = serde_json::from_str(text)?;
        stored.into_iter().map(Stored::into_rewrite).collect()
    }

    /// Returns `true` if all events are rewritten.
    pub fn is_complete(&self) -> bool {
        self.state == RewriteState::Complete
    }

    /// For stores: returns `true` if the step with this result removes all snapshots: the events are encrypted, and states that were saved
    /// before may have the values in plain text.
    pub fn removes_snapshots(&self) -> bool {
        self.is_complete() && self.target.is_secrets()
    }

    /// The finding about events whose secrets are not encrypted yet.
    pub(crate) fn unencrypted(&self) -> Option<Finding> {
        let RewriteTarget::Secrets { fields, .. } = &self.target else { return None };
        (!self.is_complete()).then(|| {
            let problem = format!(
                "a pass encrypts the secrets {}, and is at position {}: later events may have them in plain text",
                quoted(fields),
                self.up_to
            );
            Finding::of(FindingKind::Secrets, format!("events `{}`", self.name), problem)
        })
    }

    /// The error of a program that has encrypted secrets as plain fields; `None` if it `knows` the secrets of the events with the name: the
    /// fields, which are secret in a version.
    pub(crate) fn unknown_secrets(&self, knows: impl Fn(&str, &[String], u32) -> bool) -> Option<Invalid> {
        let RewriteTarget::Secrets { fields, version } = &self.target else { return None };
        (!knows(&self.name, fields, *version)).then(|| Invalid::SecretsUnknown {
            name: self.name.clone(),
            fields: quoted(fields),
            version: *version,
        })
    }

    /// Returns `true` if what matches criteria depends on the tags, or criteria name events whose secrets are encrypted.
    pub(crate) fn concerns(&self, criteria: &Criteria) -> bool {
        criteria.items().iter().any(|item| self.concerns_item(item))
    }

    fn concerns_item(&self, item: &Item) -> bool {
        let names = item.type_names();
        let is_named = names.iter().any(|name| *name == self.name);
        match &self.target {
            RewriteTarget::Tags { kind } => {
                item.tags().iter().any(|tag| tag.kind() == *kind) && (names.is_empty() || is_named)
            }
            RewriteTarget::Secrets { .. } => is_named,
        }
    }
}

/// A pass as SQL stores return it. Times are microseconds since 1970.
#[derive(Deserialize)]
struct Stored {
    name: String,
    kind: String,
    state: i64,
    position: Position,
    events: u64,
    changed: u64,
    actor: Option<String>,
    started_at: i64,
    updated_at: i64,
    version: u64,
}

impl Stored {
    fn into_rewrite(self) -> Result<Rewrite, serde_json::Error> {
        let Self { name, kind, state, position, events, changed, actor, started_at, updated_at, version } =
            self;
        let state = RewriteState::from_number(state)
            .ok_or_else(|| serde::de::Error::custom(format!("{state} is not the state of a pass")))?;
        let target = RewriteTarget::from_text(&kind)
            .ok_or_else(|| serde::de::Error::custom(format!("{kind:?} is not what a pass changes")))?;
        Ok(Rewrite {
            name,
            target,
            state,
            up_to: position,
            events,
            changed,
            actor,
            started_at: Timestamp::from_micros(started_at),
            updated_at: Timestamp::from_micros(updated_at),
            version,
        })
    }
}

/// One step of a [`Rewrite`]: it begins one, or continues it from where it was found.
#[derive(Clone, Debug)]
pub struct RewriteStep {
    /// The stored name of the events.
    pub name: String,
    /// What is changed.
    pub target: RewriteTarget,
    /// The state and the position that the caller has found; `None` if there is no such pass yet. If the log has something else, nothing
    /// is written.
    pub found: Option<(RewriteState, Position)>,
    /// The next state. A pass is complete only if the log has no event with this name after `up_to`; otherwise the state stays.
    pub state: RewriteState,
    /// The position up to which the caller has read the events. It is settled.
    pub up_to: Position,
    /// How many events the caller has read for this step.
    pub events: u64,
    /// The events that lack tags, by position, with the tags to add.
    pub tags: Vec<(Position, Vec<Tag>)>,
    /// The events whose secrets are not encrypted yet, by position, with the payloads that replace the stored ones.
    pub payloads: Vec<(Position, Payload)>,
    /// The actor, for the first step.
    pub actor: Option<String>,
    /// The time of the step.
    pub at: Timestamp,
}

impl RewriteStep {
    /// Begins a pass. The first step rewrites no events.
    pub fn begin(
        name: impl Into<String>,
        target: RewriteTarget,
        actor: Option<String>,
        at: Timestamp,
    ) -> Self {
        Self {
            name: name.into(),
            target,
            found: None,
            state: RewriteState::Running,
            up_to: Position::START,
            events: 0,
            tags: Vec::new(),
            payloads: Vec::new(),
            actor,
            at,
        }
    }

    /// For stores: checks what the caller has passed.
    ///
    /// # Errors
    /// [`Invalid`] if the name, the target or the actor is not valid, a tag is of another kind, or a payload is not valid.
    pub fn check(&self) -> Result<(), Invalid> {
        check_event_name(&self.name)?;
        self.target.check()?;
        if let Some(actor) = &self.actor {
            check_name("actor", actor)?;
        }
        for tag in self.tags.iter().flat_map(|(_, tags)| tags) {
            match &self.target {
                RewriteTarget::Tags { kind } if tag.kind() == kind => {}
                RewriteTarget::Tags { kind } => {
                    return Err(refuse("tag", tag.as_str(), format!("it is not of the kind `{kind}`")));
                }
                RewriteTarget::Secrets { .. } => {
                    return Err(refuse("tag", tag.as_str(), "a pass that encrypts secrets adds no tags"));
                }
            }
        }
        for (position, payload) in &self.payloads {
            if !self.target.is_secrets() {
                let reason = "a pass that adds tags changes no payloads";
                return Err(refuse("payload", &format!("at position {position}"), reason));
            }
            check_size("payload", payload.as_str(), MAX_APPEND)?;
            payload.check()?;
        }
        Ok(())
    }

    /// For stores: returns the pass after this step, or `None` if the log has something else than the caller has found, so that nothing is
    /// written. `has_later` says whether the log has an event with this name after `up_to`, and `version` is that of the list of successors.
    /// No append is running.
    pub fn apply(&self, stored: Option<&Rewrite>, has_later: bool, version: u64) -> Option<Rewrite> {
        let found = stored.map(|stored| (stored.state, stored.up_to));
        let is_back = stored.is_some_and(|stored| self.state < stored.state || self.up_to < stored.up_to);
        if found != self.found || is_back {
            return None;
        }
        let before = stored.map(|stored| stored.state);
        let state = match self.state {
            RewriteState::Complete if has_later => before.unwrap_or(RewriteState::Running),
            state => state,
        };
        let version = match stored {
            Some(stored) if stored.state == state => stored.version,
            _ => super::Successors::version_after(version),
        };
        let changed = self.tags.len() + self.payloads.len();
        Some(Rewrite {
            name: self.name.clone(),
            target: self.target.clone(),
            state,
            up_to: self.up_to,
            events: stored.map_or(0, |stored| stored.events) + self.events,
            changed: stored.map_or(0, |stored| stored.changed) + changed as u64,
            actor: stored.map_or_else(|| self.actor.clone(), |stored| stored.actor.clone()),
            started_at: stored.map_or(self.at, |stored| stored.started_at),
            updated_at: self.at,
            version,
        })
    }

    /// For stores: returns what is stored after a step that is not applied.
    ///
    /// # Errors
    /// [`Error::Unusable`] if there is no such pass: the log that the caller has found it in was replaced by another one.
    pub fn not_applied(&self, stored: Option<Rewrite>, log: &str) -> Result<Rewrite, Error> {
        stored.ok_or_else(|| {
            let reason = "it had a pass over these events that it does not have any more; begin again";
            Error::unusable(format!("rewrite `{}` in the {log}", self.name), reason)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags() -> RewriteTarget {
        RewriteTarget::Tags { kind: "order".to_owned() }
    }

    fn secrets(fields: &[&str]) -> RewriteTarget {
        RewriteTarget::Secrets {
            fields: fields.iter().map(|field| (*field).to_owned()).collect(),
            version: 2,
        }
    }

    fn step(found: Option<(RewriteState, u64)>, state: RewriteState, up_to: u64) -> RewriteStep {
        RewriteStep {
            found: found.map(|(state, up_to)| (state, Position::new(up_to))),
            state,
            up_to: Position::new(up_to),
            events: 2,
            tags: vec![(Position::new(1), vec![Tag::new("order", "7").unwrap()])],
            ..RewriteStep::begin("paid", tags(), Some("ann".to_owned()), Timestamp::from_micros(5))
        }
    }

    #[test]
    fn step_that_found_something_else_is_not_applied() {
        use RewriteState::{Closing, Complete, Running};

        let begun = step(None, Running, 3).apply(None, true, 7).unwrap();
        assert!(begun.version > 7 && begun.actor.as_deref() == Some("ann"));
        for (found, state, up_to) in
            [(None, Running, 3), (Some((Running, 2)), Running, 4), (Some((Closing, 3)), Closing, 4)]
        {
            assert_eq!(step(found, state, up_to).apply(Some(&begun), false, 7), None);
        }
        // Neither the position nor the state goes back.
        assert_eq!(step(Some((Running, 3)), Running, 2).apply(Some(&begun), false, 7), None);
        let next = step(Some((Running, 3)), Running, 9).apply(Some(&begun), true, 7).unwrap();
        assert_eq!((next.version, next.events, next.changed), (begun.version, 4, 2));
        let closing = step(Some((Running, 9)), Closing, 9).apply(Some(&next), true, next.version).unwrap();
        assert!(closing.version > next.version);
        assert_eq!(step(Some((Closing, 9)), Running, 9).apply(Some(&closing), true, 7), None);
        let later = step(Some((Closing, 9)), Complete, 10).apply(Some(&closing), true, 7).unwrap();
        assert_eq!((later.state, later.version), (Closing, closing.version));
        let end = step(Some((Closing, 10)), Complete, 11).apply(Some(&later), false, later.version).unwrap();
        assert!(end.is_complete() && end.version > later.version);
    }

    #[test]
    fn tags_of_other_kinds_and_invalid_names_are_refused() {
        let kind = |kind: &str| RewriteTarget::Tags { kind: kind.to_owned() };
        let valid = step(None, RewriteState::Running, 0);
        assert!(valid.check().is_ok());
        assert!(RewriteStep { name: "$gap".to_owned(), ..valid.clone() }.check().is_err());
        assert!(RewriteStep { target: kind("Order"), tags: Vec::new(), ..valid.clone() }.check().is_err());
        assert!(RewriteStep { target: kind("cart"), ..valid.clone() }.check().is_err());
        assert!(RewriteStep { actor: Some(String::new()), ..valid }.check().is_err());
    }

    #[test]
    fn criteria_with_the_kind_and_the_name_are_concerned() {
        let rewrite = step(None, RewriteState::Running, 0).apply(None, false, 0).unwrap();
        let concerns = |names: &[&'static str], tag: &str| {
            let item = Item::any().types(names.iter().copied()).tag(Tag::parse(tag).unwrap());
            rewrite.concerns(&item.into())
        };
        assert!(concerns(&["paid", "placed"], "order:7") && concerns(&[], "order:7"));
        assert!(!concerns(&["placed"], "order:7") && !concerns(&["paid"], "payment:7"));
    }

    #[test]
    fn payloads_belong_to_secrets_and_tags_to_ids() {
        let payloads = || vec![(Position::new(1), Payload::parse("{}").unwrap())];
        let encrypt = |fields: &[&str]| RewriteStep {
            target: secrets(fields),
            tags: Vec::new(),
            payloads: payloads(),
            ..step(None, RewriteState::Running, 0)
        };
        assert!(encrypt(&["email", "phone"]).check().is_ok());
        for fields in [&[][..], &["a b"], &["a,b", ""], &[""]] {
            assert!(encrypt(fields).check().is_err(), "{fields:?}");
        }
        let damaged = vec![(Position::new(1), Payload::from_stored("{".to_owned()))];
        assert!(RewriteStep { payloads: damaged, ..encrypt(&["email"]) }.check().is_err());
        assert!(
            RewriteStep { payloads: payloads(), ..step(None, RewriteState::Running, 0) }.check().is_err()
        );
        let tagged = step(None, RewriteState::Running, 0).tags;
        assert!(RewriteStep { tags: tagged, ..encrypt(&["email"]) }.check().is_err());
    }

    #[test]
    fn target_is_read_back() {
        for target in [tags(), secrets(&["email"]), secrets(&["email", "phone"])] {
            assert_eq!(RewriteTarget::from_text(&target.to_text()), Some(target));
        }
        assert_eq!(RewriteTarget::from_text("$secrets x email"), None);
    }

    #[test]
    fn criteria_that_name_the_events_are_concerned_by_their_secrets() {
        let begun = RewriteStep { target: secrets(&["email"]), ..step(None, RewriteState::Running, 0) };
        let rewrite = begun.apply(None, false, 0).unwrap();
        let concerns =
            |names: &[&'static str]| rewrite.concerns(&Item::any().types(names.iter().copied()).into());
        assert!(concerns(&["paid", "placed"]) && !concerns(&["placed"]) && !concerns(&[]));
    }
}
