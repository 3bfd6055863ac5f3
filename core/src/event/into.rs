//! What a decision may return, and the drafts it becomes.

use super::{Event, Tags, Types};
use crate::{
    codec::Codec,
    error::Invalid,
    limits::{MAX_PAYLOAD, shorten},
    record::{Draft, Position, RawEvent},
};

/// The events of a decision: one event, a tuple, an array, a `Vec`, an `Option` or `()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into events",
    label = "events are needed here",
    note = "events are one event, a tuple, an array, a `Vec` or an `Option` of events, or `()` for none; an event has `#[derive(Event)]`",
    note = "a decision returns events or a `Result` with events, and is not `async`"
)]
pub trait IntoEvents {
    /// Writes the events in order.
    ///
    /// # Errors
    /// [`Invalid`] if one cannot be written.
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid>;
}

/// Collects the events of a decision as drafts. Each is read back at once: one that nobody can read would stop every later
/// decision that has to fold it, for good.
#[derive(Debug)]
pub struct Events<'a> {
    codec: &'a Codec,
    max_payload: usize,
    compare: bool,
    drafts: Vec<Draft>,
    types: Vec<&'static Types>,
}

impl<'a> Events<'a> {
    /// An empty collection that writes with this codec. Debug builds also write what they read back, and compare.
    pub fn new(codec: &'a Codec) -> Self {
        Self {
            codec,
            max_payload: MAX_PAYLOAD,
            compare: cfg!(debug_assertions),
            drafts: Vec::new(),
            types: Vec::new(),
        }
    }

    /// The same with another limit for payloads, in bytes.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        Self { max_payload: bytes, ..self }
    }

    /// The same, comparing what is read back with what was written, also in release builds.
    #[must_use]
    pub fn verified(self) -> Self {
        Self { compare: true, ..self }
    }

    /// Writes one event.
    ///
    /// # Errors
    /// [`Invalid`] if it cannot be written, is too large, or cannot be read back.
    pub fn push<E: Event>(&mut self, event: &E) -> Result<(), Invalid> {
        let (name, version) = event.stored_type();
        let mut tags = Tags::default();
        event.collect_tags(&mut tags)?;
        let data = event.encode_payload(self.codec)?;
        let draft = Draft::with_limit(name, version, tags.into_vec(), data, self.max_payload)?;
        self.check_readable::<E>(&draft)?;
        self.drafts.push(draft);
        self.types.push(const { &E::TYPES });
        Ok(())
    }

    /// The drafts, and the type tables of the events they came from.
    pub fn into_parts(self) -> (Vec<Draft>, Vec<&'static Types>) {
        (self.drafts, self.types)
    }

    /// The drafts.
    pub fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }

    /// Reads the draft again. Where that is asked for, it also writes what was read: both must be the same JSON.
    fn check_readable<E: Event>(&self, draft: &Draft) -> Result<(), Invalid> {
        let (name, data) = (draft.name(), draft.data());
        let raw = RawEvent { name, version: draft.version(), data: data.as_str(), position: Position::START };
        let unreadable = |reason: String| Invalid::NotReadable {
            name: name.into(),
            data: shorten(data.as_str()),
            reason: shorten(&reason),
        };
        let mut again = Vec::new();
        E::decode_raw(&raw, self.codec, &mut |event| again.push(event)).map_err(|invalid| match invalid {
            Invalid::Decode { source, .. } => unreadable(source.to_string()),
            invalid => unreadable(invalid.to_string()),
        })?;
        if !self.compare {
            return Ok(());
        }
        let [event] = again.as_slice() else {
            return Err(unreadable(format!("{} events", again.len())));
        };
        let written = event.encode_payload(self.codec)?;
        if written.is_reordered(data) {
            Ok(())
        } else {
            Err(unreadable(format!("an event that is written as {written}")))
        }
    }
}

impl<E: Event> IntoEvents for E {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        events.push(&self)
    }
}

impl<E: IntoEvents> IntoEvents for Vec<E> {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }
}

impl<E: IntoEvents, const N: usize> IntoEvents for [E; N] {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }
}

impl<E: IntoEvents> IntoEvents for Option<E> {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }
}

impl IntoEvents for () {
    fn write_events(self, _: &mut Events<'_>) -> Result<(), Invalid> {
        Ok(())
    }
}

macro_rules! tuples {
    ($($($member:ident)+;)+) => {
        $(impl<$($member: IntoEvents),+> IntoEvents for ($($member,)+) {
            #[allow(non_snake_case)]
            fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
                let ($($member,)+) = self;
                $($member.write_events(events)?;)+
                Ok(())
            }
        })+
    };
}

tuples! {
    A;
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
    A B C D E F G H;
}
