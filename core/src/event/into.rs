//! The events that a decision returns, and their conversion to drafts.

use super::{Event, Tags, Types, WritableEvent};
use crate::{
    codec::{Codec, RawEvent, check_equal, not_readable},
    error::Invalid,
    limits::MAX_PAYLOAD,
    record::{Draft, Position},
    secret::{Written, encoding},
};

/// The types that a decision can return: one event, a tuple, an array, a `Vec` or an `Option` of events, or `()`.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::testing::given;
///
/// /// Opens an account with a first deposit: two events.
/// #[derive(Command, Serialize)]
/// #[command(decide = open_with)]
/// struct OpenWith {
///     account: AccountId,
///     cents: i64,
/// }
///
/// fn open_with(command: &OpenWith) -> (AccountEvent, Option<AccountEvent>) {
///     let deposit = (command.cents > 0)
///         .then(|| AccountEvent::Deposited { account: command.account.clone(), cents: command.cents });
///     (AccountEvent::Opened { account: command.account.clone(), owner: "Ann".into() }, deposit)
/// }
///
/// given(()).when(OpenWith { account: id("ann"), cents: 5 }).then([opened("ann", "Ann"), deposited("ann", 5)]);
/// given(()).when(OpenWith { account: id("ann"), cents: 0 }).then(opened("ann", "Ann"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be turned into events",
    label = "events are needed here",
    note = "events are one event, a tuple, an array, a `Vec` or an `Option` of events, or `()` for none; an event has `#[derive(Event)]` and is not `retired`",
    note = "a decision returns events or a `Result` with events, and is not `async`"
)]
pub trait IntoEvents {
    /// Adds the events in order.
    ///
    /// # Errors
    /// [`Invalid`] if an event cannot be encoded.
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid>;

    /// Calls `visit` with the event types that a value may contain.
    fn each_type(visit: &mut dyn FnMut(&'static Types));
}

/// Collects the events of a decision as drafts. Each draft is decoded at once and compared with its event, because an event that
/// cannot be decoded would block every later decision that folds it, and one that is decoded as another would be lost.
#[derive(Debug)]
pub struct Events<'a> {
    codec: &'a Codec,
    max_payload: usize,
    drafts: Vec<Draft>,
    /// Those of the drafts; a type that is repeated counts once.
    types: Vec<&'static Types>,
    secrets: Written,
}

impl<'a> Events<'a> {
    /// An empty collection that encodes with this codec.
    pub fn new(codec: &'a Codec) -> Self {
        Self {
            codec,
            max_payload: MAX_PAYLOAD,
            drafts: Vec::new(),
            types: Vec::new(),
            secrets: Written::Nothing,
        }
    }

    /// Sets the maximum size of a payload, in bytes.
    #[must_use]
    pub fn max_payload(self, bytes: usize) -> Self {
        Self { max_payload: bytes, ..self }
    }

    /// Adds one event.
    ///
    /// # Errors
    /// [`Invalid`] if it is retired, cannot be encoded, is too large, has a secret without a subject, or cannot be decoded again
    /// unchanged.
    pub fn push<E: Event>(&mut self, event: &E) -> Result<(), Invalid> {
        let (name, version) = event.stored_type();
        if const { E::TYPES.has_retired() } && const { &E::TYPES }.retires(name) {
            return Err(Invalid::Retired { name: name.to_owned() });
        }
        let mut tags = Tags::default();
        event.collect_tags(&mut tags)?;
        let (data, written) = encoding(|| event.encode_payload(self.codec));
        let data = data?;
        match written {
            Written::Nothing => {}
            Written::WithSubject if const { &E::TYPES }.has_secrets() => {}
            Written::IdOutsideOfSecret => return Err(Invalid::IdOutsideOfSecret { name: name.to_owned() }),
            // Neither does the subject of an id in a field without an attribute count: the rows of the event would not be rebuilt.
            _ => return Err(Invalid::SecretWithoutSubject { name: name.to_owned() }),
        }
        self.secrets = self.secrets.max(written);
        let draft = Draft::with_limit(name, version, tags.into_vec(), data, self.max_payload)?;
        self.check_readable(event, &draft)?;
        self.drafts.push(draft);
        let types = const { &E::TYPES };
        if !self.types.last().is_some_and(|last| std::ptr::eq(*last, types)) {
            self.types.push(types);
        }
        Ok(())
    }

    /// The known secrets of the events.
    pub(crate) fn secrets(&self) -> Written {
        self.secrets
    }

    /// Returns the drafts, and the types of their events.
    pub fn into_parts(self) -> (Vec<Draft>, Vec<&'static Types>) {
        (self.drafts, self.types)
    }

    /// Returns the drafts.
    pub fn into_drafts(self) -> Vec<Draft> {
        self.drafts
    }

    /// Decodes the draft of an event, and compares the result with the event.
    fn check_readable<E: Event>(&self, event: &E, draft: &Draft) -> Result<(), Invalid> {
        let (name, data) = (draft.name(), draft.data());
        let raw = RawEvent::new(name, draft.version(), data.as_str(), Position::START);
        let (mut last, mut count) = (None, 0);
        let mut each = |event| {
            last = Some(event);
            count += 1;
        };
        E::decode_raw(&raw, self.codec, &mut each).map_err(|invalid| match invalid {
            Invalid::Decode { source, .. } => not_readable(name, data, &source.to_string()),
            invalid => not_readable(name, data, &invalid.to_string()),
        })?;
        let Some(again) = last.filter(|_| count == 1) else {
            return Err(not_readable(name, data, &format!("{count} events")));
        };
        check_equal(name, data, |codec| event.encode_payload(codec), |codec| again.encode_payload(codec))
    }
}

impl<E: WritableEvent> IntoEvents for E {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        events.push(&self)
    }

    fn each_type(visit: &mut dyn FnMut(&'static Types)) {
        visit(const { &E::TYPES });
    }
}

impl<E: IntoEvents> IntoEvents for Vec<E> {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }

    fn each_type(visit: &mut dyn FnMut(&'static Types)) {
        E::each_type(visit);
    }
}

impl<E: IntoEvents, const N: usize> IntoEvents for [E; N] {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }

    fn each_type(visit: &mut dyn FnMut(&'static Types)) {
        E::each_type(visit);
    }
}

impl<E: IntoEvents> IntoEvents for Option<E> {
    fn write_events(self, events: &mut Events<'_>) -> Result<(), Invalid> {
        self.into_iter().try_for_each(|event| event.write_events(events))
    }

    fn each_type(visit: &mut dyn FnMut(&'static Types)) {
        E::each_type(visit);
    }
}

impl IntoEvents for () {
    fn write_events(self, _: &mut Events<'_>) -> Result<(), Invalid> {
        Ok(())
    }

    fn each_type(_: &mut dyn FnMut(&'static Types)) {}
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

            fn each_type(visit: &mut dyn FnMut(&'static Types)) {
                $($member::each_type(visit);)+
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
