//! The spans of the steps of the engine. Where no subscriber wants a span, its fields are not even computed.

use tracing::{
    Level, Span, debug_span,
    field::Empty,
    info_span,
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};
use uuid::Uuid;

use crate::position::Position;

/// The name, level and fields of a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanSpec {
    /// Its name.
    pub name: &'static str,
    /// Its level.
    pub level: Level,
    /// The names of its fields.
    pub fields: &'static [&'static str],
}

/// All spans of the engine.
pub const SPANS: &[SpanSpec] = &[
    SpanSpec {
        name: COMMAND,
        level: Level::INFO,
        fields: &["command", "traceparent", "outcome", "events", "position"],
    },
    SpanSpec { name: LOAD, level: Level::DEBUG, fields: &["states", "events"] },
    SpanSpec { name: DECIDE, level: Level::DEBUG, fields: &[] },
    SpanSpec { name: APPEND, level: Level::DEBUG, fields: &["events"] },
    SpanSpec { name: FEED_PAGE, level: Level::DEBUG, fields: &["after", "up_to", "events"] },
    SpanSpec { name: BATCH, level: Level::INFO, fields: &["name", "build", "events", "from", "to", "link"] },
    SpanSpec { name: POLICY, level: Level::INFO, fields: &["name", "event", "position", "link"] },
];

const COMMAND: &str = "annalist.command";
const LOAD: &str = "annalist.load";
const DECIDE: &str = "annalist.decide";
const APPEND: &str = "annalist.append";
const FEED_PAGE: &str = "annalist.feed_page";
const BATCH: &str = "annalist.batch";
const POLICY: &str = "annalist.policy";

/// How the execution of a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    Accepted,
    Rejected,
    Conflict,
    Invalid,
    Panicked,
    Unavailable,
    Unknown,
    /// The caller has dropped the future.
    Cancelled,
}

impl CommandOutcome {
    /// All of them, in their order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Accepted,
        Self::Rejected,
        Self::Conflict,
        Self::Invalid,
        Self::Panicked,
        Self::Unavailable,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The value of the field `outcome`.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Panicked => "panicked",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Makes a span, unless no subscriber wants its level. Such a span would still be offered to the crate `log`, if the program has it, with
/// its fields: 2,000 instructions for each command.
fn span_at(level: Level, span: impl FnOnce() -> Span) -> Span {
    match level <= STATIC_MAX_LEVEL && level <= LevelFilter::current() {
        true => span(),
        false => Span::none(),
    }
}

/// The execution of a command, with all its attempts. Its parent is the span of the caller.
pub(crate) fn command_span(command: &'static str, traceparent: Option<&str>) -> Span {
    span_at(Level::INFO, || {
        info_span!(COMMAND, command, traceparent, outcome = Empty, events = Empty, position = Empty)
    })
}

/// The states of one attempt. `events` is the number of events that are read from the log.
pub(crate) fn load_span(states: usize) -> Span {
    span_at(Level::DEBUG, || debug_span!(LOAD, states, events = Empty))
}

/// The user's decision.
pub(crate) fn decide_span() -> Span {
    span_at(Level::DEBUG, || debug_span!(DECIDE))
}

/// From the decision until the outcome of the append is known, including the wait for the commands that are written together with it.
pub(crate) fn append_span(events: usize) -> Span {
    span_at(Level::DEBUG, || debug_span!(APPEND, events))
}

/// One page of a feed.
pub(crate) fn feed_page_span(after: Position) -> Span {
    span_at(Level::DEBUG, || debug_span!(FEED_PAGE, after = after.get(), up_to = Empty, events = Empty))
}

/// Events that are handled and committed together. The span is a root: the commands that appended the events have ended, perhaps in
/// another process or year. `link` is the trace context that is stored with the event, if the batch has one event.
pub(crate) fn batch_span<'a>(
    name: &'static str,
    build: impl FnOnce() -> String,
    events: usize,
    (from, to): (Position, Position),
    link: impl FnOnce() -> Option<&'a str>,
) -> Span {
    span_at(Level::INFO, || {
        info_span!(
            parent: None,
            BATCH,
            name,
            build = build(),
            events,
            from = from.get(),
            to = to.get(),
            link = link(),
        )
    })
}

/// The reaction of a policy to one event, and the commands that it sends, in the span of its batch. `link` is the trace context that is
/// stored with the event.
pub(crate) fn policy_span<'a>(
    name: &'static str,
    event: Uuid,
    position: Position,
    link: impl FnOnce() -> Option<&'a str>,
) -> Span {
    span_at(Level::INFO, || info_span!(POLICY, name, %event, position = position.get(), link = link()))
}
