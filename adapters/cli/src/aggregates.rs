//! `aggregates`: the state of an aggregate, and what each of its events changed.

use annalist_core::{
    app::{App, ChangedState, Moment, StateHistory},
    error::Error,
    record::{Name, Position},
    time::Timestamp,
};
use clap::Subcommand;
use serde::Serialize;
use similar::TextDiff;

use crate::{
    failure::Failure,
    output::{Format, Output},
    text::{count, printable, suggestion},
};

/// What to show of aggregates.
#[derive(Subcommand, Clone, Debug)]
pub enum Aggregates {
    /// List the names of the aggregates of the program.
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show the state of an aggregate, and what each of its last events changed.
    Show {
        /// The name of the aggregate, as `aggregates list` prints it.
        name: String,
        /// The id, as tags have it, such as `ann` of `account:ann`; nothing for an aggregate without id.
        #[arg(default_value = "")]
        id: String,
        /// Show the state at this position or time instead of now.
        #[arg(long, value_name = "POSITION|TIME", value_parser = moment)]
        at: Option<Moment>,
        /// The number of events to show.
        #[arg(short, long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        number: u32,
        #[command(flatten)]
        format: Format,
    },
}

impl Aggregates {
    pub(crate) fn format(&self) -> Format {
        let (Self::List { format } | Self::Show { format, .. }) = self;
        *format
    }

    pub(crate) async fn run(self, app: &App, output: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::List { .. } => {
                let names: Vec<&str> = app.aggregates().collect();
                output.print_all("aggregate", &names, |name| name, |names, _| names.join("\n"))
            }
            Self::Show { name, id, at, number, .. } => {
                let history = states(app, &name, &id, at, number).await?;
                let changes = changes(&history)?;
                output.print_all(
                    "state",
                    &changes,
                    |change| Line::of(&name, &id, change),
                    |changes, _| text(&name, &id, &history, changes),
                )
            }
        }
    }
}

async fn states(
    app: &App,
    name: &str,
    id: &str,
    at: Option<Moment>,
    number: u32,
) -> Result<StateHistory, Failure> {
    if !app.aggregates().any(|known| known == name) {
        let similar = suggestion(name, app.aggregates());
        return Err(Failure::NotFound(format!("the program has no aggregate `{name}`{similar}")));
    }
    let states = app.states_of(name, id).last(usize::try_from(number).unwrap_or(usize::MAX));
    let history = match at {
        Some(at) => states.at(at).await?,
        None => states.await?,
    };
    match history.events {
        0 => {
            let until = if at.is_some() { " up to then" } else { "" };
            Err(Failure::NotFound(format!("no event of `{name}` has the id `{id}`{until}")))
        }
        _ => Ok(history),
    }
}

/// An event of the aggregate, with the states before and after it.
struct Change<'a> {
    event: &'a ChangedState,
    before: &'a str,
    actor: Option<Name>,
}

/// The shown events.
///
/// # Errors
/// [`Error::Invalid`] if the metadata of an event are damaged.
fn changes(history: &StateHistory) -> Result<Vec<Change<'_>>, Error> {
    let before = std::iter::once(&history.before).chain(history.changes.iter().map(|change| &change.state));
    let changes = history.changes.iter().zip(before).map(|(event, before)| {
        let actor = event.record.metadata()?.actor.clone();
        Ok(Change { event, before, actor })
    });
    changes.collect()
}

/// An event and the state after it, for programs.
#[derive(Serialize)]
struct Line<'a> {
    aggregate: &'a str,
    id: &'a str,
    position: u64,
    #[serde(rename = "type")]
    name: &'a str,
    recorded_at: Timestamp,
    actor: Option<&'a str>,
    state: &'a str,
}

impl<'a> Line<'a> {
    fn of(aggregate: &'a str, id: &'a str, change: &'a Change<'_>) -> Self {
        let ChangedState { record, state } = change.event;
        Self {
            aggregate,
            id,
            position: record.position.get(),
            name: &record.name,
            recorded_at: record.recorded_at,
            actor: change.actor.as_ref().map(Name::as_str),
            state,
        }
    }
}

/// The changed lines of the state at each event, and the state after the last one.
fn text(name: &str, id: &str, history: &StateHistory, changes: &[Change<'_>]) -> String {
    let shown = match changes.len() as u64 {
        all if all == history.events => String::new(),
        some => format!(", shown: the last {some}"),
    };
    let title = format!("{name} {id}");
    let events = count(history.events, "event", "events");
    let mut lines = vec![printable(&format!("{}: {events}{shown}", title.trim_end()))];
    for Change { event: ChangedState { record, state }, before, actor } in changes {
        let by = actor.as_ref().map(|actor| format!(" by {}", actor.as_str())).unwrap_or_default();
        let (position, at) = (record.position, record.recorded_at);
        lines.push(String::new());
        lines.push(printable(&format!("position {position}: {} at {at}{by}", record.name)));
        lines.extend(changed_lines(before, state));
    }
    let state = changes.last().map_or(history.before.as_str(), |change| &change.event.state);
    lines.extend([String::new(), "the state after it:".to_owned()]);
    lines.extend(state.lines().map(printable));
    lines.join("\n")
}

/// The lines that differ, with one line before and after them.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(1).iter().enumerate() {
        if number > 0 {
            lines.push("  …".to_owned());
        }
        let changes = group.iter().flat_map(|operation| diff.iter_changes(operation));
        lines.extend(changes.map(|change| {
            let line = format!("{} {}", change.tag(), printable(change.value().trim_end_matches('\n')));
            line.trim_end().to_owned()
        }));
    }
    if lines.is_empty() { vec!["  (nothing changed)".to_owned()] } else { lines }
}

/// Parses a position or a time.
fn moment(text: &str) -> Result<Moment, String> {
    let position = text.parse().map(|position| Moment::Position(Position::new(position)));
    position.or_else(|_| text.parse().map(Moment::Time)).map_err(|_| {
        format!("`{text}` is neither a position such as 7 nor a time such as `2026-01-31T12:00:00Z`")
    })
}
