//! A small domain and stores that inject faults, for end-to-end tests.

pub mod archives;
pub mod domain;
pub mod encrypted;
pub mod ended_runtimes;
pub mod faulty_commits;
pub mod faulty_rows;
pub mod faulty_store;
pub mod operator_requests;
pub mod policies;
pub mod random_commands;
pub mod read_model;
pub mod replaced_builds;
pub mod retags;
pub mod rolling_deploy;
pub mod successors;
pub mod test_log;
pub mod versions;
pub mod warnings;
