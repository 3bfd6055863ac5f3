//! The high-water mark of the log: how far it is settled, the gaps above, and wake-ups of other processes.

pub(crate) mod gaps;
pub(crate) mod mark;
pub(crate) mod notify;
pub(crate) mod scan;
