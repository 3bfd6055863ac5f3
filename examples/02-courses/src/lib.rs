//! Course subscriptions, the reference example of [dcb.events](https://dcb.events/examples/course-subscriptions/).
//!
//! A course has a capacity, and a student takes at most five courses. Neither rule belongs to one "stream": a subscription
//! is decided over the course *and* the student, and conflicts only with events of these two. Here each event is a
//! separate struct, and each state lists the events that it needs.

pub mod aggregate;
pub mod command;
pub mod decide;
pub mod event;
