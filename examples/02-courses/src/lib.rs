//! Course subscriptions, the reference example of [dcb.events](https://dcb.events/examples/course-subscriptions/).
//!
//! A course has a capacity, and a student takes at most five courses. Neither rule belongs to one "stream": a subscription
//! is decided over the course *and* the student, and conflicts only with events of these two. Here each event is a
//! separate struct, and each state lists the events that it needs.

pub mod aggregate;
pub mod command;
pub mod decide;
pub mod event;

use annalist::app::Builder;

use crate::command::{ChangeCapacity, DefineCourse, Subscribe};

/// Registers the domain: for an app, or for its model.
pub fn domain(builder: Builder) -> Builder {
    builder.commands::<DefineCourse>().commands::<ChangeCapacity>().commands::<Subscribe>()
}
