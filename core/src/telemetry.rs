//! What the engine reports about its work: spans of its steps, and the names in them. `docs/telemetry.md` lists all names for users.
//!
//! Fields of spans and log lines have the same names everywhere: `name` is the stored name of a projection or policy, `command` that of a
//! command, `aggregate` the type of a state, `build` the table of a build, `position` a position of the log, `event` the id of an event, and
//! `error` or `reason` what went wrong. None of them contains a payload, an actor or a secret id.

mod reminder;
mod spans;
mod traceparent;

pub use self::spans::{SPANS, SpanSpec};
pub(crate) use self::{
    reminder::Reminder,
    spans::{
        CommandOutcome, append_span, batch_span, command_span, decide_span, feed_page_span, load_span,
        policy_span,
    },
    traceparent::is_traceparent,
};
