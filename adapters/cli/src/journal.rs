//! `journal`: lists commands with their outcomes.

use annalist_core::{
    record::{Metadata, Name},
    store::{Entry, EventStore, Outcome, PageLimit},
    time::Timestamp,
};
use clap::Args;
use serde::Serialize;

use crate::{
    failure::Failure,
    json::Json,
    output::{Format, Output},
    text::table,
};

/// The options of `journal`.
#[derive(Args, Clone, Debug)]
pub struct Journal {
    /// Only entries after the one with this number.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
    /// Only rejected commands.
    #[arg(long)]
    rejected: bool,
    /// The largest number of entries.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: usize,
    #[command(flatten)]
    pub(crate) format: Format,
}

impl Journal {
    pub(crate) async fn run(self, store: &dyn EventStore, output: &mut Output<'_>) -> Result<(), Failure> {
        let (mut after, mut left) = (self.after, self.limit);
        let mut heading = Some(["number", "time", "command", "id", "actor", "outcome"]);
        while left > 0 {
            let entries = store.journal(after, PageLimit::CHUNK).await?;
            let Some(last) = entries.last() else { break };
            after = last.number;
            let shown = entries.into_iter().filter(|entry| !self.rejected || is_rejected(entry));
            let shown: Vec<Entry> = shown.take(left).collect();
            left -= shown.len();
            if !shown.is_empty() {
                let heading = heading.take();
                output.print_all("journal_entry", &shown, EntryLine::of, |entries, width| {
                    table(heading, entries.iter().map(row), width)
                })?;
            }
        }
        if heading.is_some() {
            output
                .note(|| "no entries; an application writes them if `Builder::journal` says so".to_owned())?;
        }
        Ok(())
    }
}

fn is_rejected(entry: &Entry) -> bool {
    matches!(entry.outcome, Outcome::Rejected(_))
}

fn row(entry: &Entry) -> [String; 6] {
    let metadata = &entry.metadata;
    let text = |name: &Option<Name>| name.as_ref().map(ToString::to_string).unwrap_or_default();
    [
        entry.number.to_string(),
        entry.recorded_at.to_string(),
        text(&metadata.command),
        text(&metadata.command_id),
        text(&metadata.actor),
        match &entry.outcome {
            Outcome::Accepted(positions) => {
                let positions: Vec<String> = positions.iter().map(ToString::to_string).collect();
                format!("accepted {}", positions.join(", ")).trim_end().to_owned()
            }
            Outcome::Rejected(reason) => format!("rejected: {reason}"),
        },
    ]
}

/// An entry for programs, with the field names of an export.
#[derive(Serialize)]
struct EntryLine<'a> {
    number: u64,
    recorded_at: Timestamp,
    metadata: &'a Metadata,
    outcome: OutcomeLine<'a>,
    command: Json<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeLine<'a> {
    Accepted(Vec<u64>),
    Rejected(&'a str),
}

impl<'a> EntryLine<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            number: entry.number,
            recorded_at: entry.recorded_at,
            metadata: &entry.metadata,
            outcome: match &entry.outcome {
                Outcome::Accepted(positions) => {
                    OutcomeLine::Accepted(positions.iter().map(|position| position.get()).collect())
                }
                Outcome::Rejected(reason) => OutcomeLine::Rejected(reason),
            },
            command: Json::of(&entry.body),
        }
    }
}
