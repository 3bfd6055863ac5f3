//! A small domain, and stores that misbehave on purpose, for the tests of the whole flow.

pub mod domain;
pub mod faulty;
pub mod faulty_rows;
pub mod policies;
pub mod read_model;
pub mod stage;
pub mod troubled;
pub mod versions;
