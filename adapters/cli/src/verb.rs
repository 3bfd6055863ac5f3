//! The verbs, as a part of a command line.

use clap::Subcommand;

use crate::{
    aggregates::Aggregates,
    copy::{CopyLog, ExportLog, ImportLog},
    describe::Describe,
    events::Events,
    journal::Journal,
    output::Format,
    projections::{ParkedEvents, Projections},
    trace::Trace,
};

/// A verb with its arguments, for the command line of an application:
///
/// ```
/// use clap::{Parser, Subcommand};
///
/// #[derive(Parser)]
/// struct Cli {
///     #[command(subcommand)]
///     action: Action,
/// }
///
/// #[derive(Subcommand)]
/// enum Action {
///     /// Open an account.
///     Open { owner: String },
///     #[command(flatten)]
///     Operate(annalist_cli::Verb),
/// }
///
/// assert!(Cli::try_parse_from(["bank", "open", "ann"]).is_ok());
/// assert!(Cli::try_parse_from(["bank", "events", "tail", "-n", "3"]).is_ok());
/// ```
#[derive(Subcommand, Clone, Debug)]
#[non_exhaustive]
pub enum Verb {
    /// Show stored events.
    #[command(subcommand)]
    Events(Events),
    /// Show the state of an aggregate, and what each of its events changed.
    #[command(subcommand)]
    Aggregates(Aggregates),
    /// Show what followed from a command, across policies.
    Trace(Trace),
    /// List commands with their outcomes.
    Journal(Journal),
    /// Show projections and policies, and rebuild projections.
    #[command(subcommand)]
    Projections(Projections),
    /// Show events that failed in a projection or policy, handle them again, or give them up.
    #[command(subcommand)]
    Parked(ParkedEvents),
    /// Print the model of the application, without a store.
    Describe(Describe),
    /// Look for what has to be done: stopped and late projections, parked events, unread types, interrupted changes.
    Doctor(Format),
    /// Check the stored events.
    Verify(Format),
    /// Write the whole log to a file.
    Export(ExportLog),
    /// Read an export into the log, which must be empty.
    Import(ImportLog),
    /// Copy the whole log into an empty one of another store.
    Copy(CopyLog),
}

impl Verb {
    pub(crate) fn format(&self) -> Format {
        match self {
            Self::Events(events) => events.format(),
            Self::Aggregates(aggregates) => aggregates.format(),
            Self::Trace(trace) => trace.format,
            Self::Journal(journal) => journal.format,
            Self::Projections(projections) => projections.format(),
            Self::Parked(parked) => parked.format(),
            Self::Describe(describe) => describe.format,
            Self::Doctor(format) | Self::Verify(format) => *format,
            Self::Export(export) => export.format,
            Self::Import(import) => import.format,
            Self::Copy(copy) => copy.format,
        }
    }
}
