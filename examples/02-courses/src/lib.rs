//! Course subscriptions, the reference example of [dcb.events](https://dcb.events/examples/course-subscriptions/).
//!
//! A course has a capacity, a student takes at most five courses. Neither rule belongs to one "stream": a subscription
//! is decided over the course *and* the student, and conflicts with others only where it must. Here each event is a
//! struct of its own, and each state lists just those that it needs.

pub mod aggregate;
pub mod command;
pub mod decide;
pub mod event;
