//! `projections` and `parked`: what the processes of the application have stored about projections and policies, and requests to them.

use std::time::Duration;

use annalist_core::{
    app::{App, Overview},
    projection::RetryReport,
    record::Position,
    rows::{Build, Parked, Pause},
};
use clap::Subcommand;
use serde::Serialize;

use crate::{
    failure::Failure,
    operator::Operator,
    output::{Format, Output},
    selection::position,
    text::{suggestion, table},
};

/// How long a retry waits for its outcome.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// What to do with projections and policies.
#[derive(Subcommand, Clone, Debug)]
pub enum Projections {
    /// List projections and policies with their progress.
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show the builds of one projection or policy.
    Status {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Ask a process that runs the projection to fold its rows from all events, beside the ones that are read.
    Rebuild {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Pause it in all processes that run it, until it is resumed.
    Pause {
        /// Its stored name.
        name: String,
        /// Why, for other operators and for callers that wait for it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        operator: Operator,
        #[command(flatten)]
        format: Format,
    },
    /// End a pause, and start it again where it is stopped, in all processes that run it.
    Resume {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Make the newest build the one that is read, without comparing it with the other.
    Promote {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Delete the builds that are older than the one that is read.
    DiscardOld {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
}

/// What to do with parked events, which failed in a projection or policy and wait for a decision.
#[derive(Subcommand, Clone, Debug)]
pub enum ParkedEvents {
    /// List the parked events of a projection or policy.
    List {
        /// Its stored name.
        name: String,
        #[command(flatten)]
        format: Format,
    },
    /// Ask a process that runs the projection or policy to handle its parked events again, and wait up to 30 seconds for the outcome.
    Retry {
        /// The stored name of the projection or policy.
        name: String,
        /// Do not wait for the outcome.
        #[arg(long)]
        no_wait: bool,
        /// Handle the events in this process instead, and send the commands of a policy from it.
        #[arg(long, conflicts_with = "no_wait")]
        here: bool,
        #[command(flatten)]
        operator: Operator,
        #[command(flatten)]
        format: Format,
    },
    /// Give an event up: the projection or policy never handles it.
    Discard {
        /// The stored name of the projection or policy.
        name: String,
        /// The position of the event.
        #[arg(value_parser = position)]
        position: Position,
        #[command(flatten)]
        format: Format,
    },
}

impl Projections {
    pub(crate) fn format(&self) -> Format {
        let (Self::List { format }
        | Self::Status { format, .. }
        | Self::Rebuild { format, .. }
        | Self::Pause { format, .. }
        | Self::Resume { format, .. }
        | Self::Promote { format, .. }
        | Self::DiscardOld { format, .. }) = self;
        *format
    }

    pub(crate) async fn run(self, app: &App, output: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::List { .. } => list(app, output).await,
            Self::Status { name, .. } => status(app, &name, output).await,
            Self::Rebuild { name, .. } => rebuild(app, &name, output).await,
            Self::Pause { name, reason, operator, .. } => {
                pause(&operator.of(app), &name, &reason, output).await
            }
            Self::Resume { name, .. } => resume(app, &name, output).await,
            Self::Promote { name, .. } => {
                find(app, &name).await?;
                app.promote(&name).await?;
                output.print("promoted", || &name, || format!("the newest build of `{name}` is read now"))
            }
            Self::DiscardOld { name, .. } => {
                find(app, &name).await?;
                let builds = app.discard_old_builds(&name).await?;
                output.print(
                    "discarded",
                    || builds,
                    || format!("builds of `{name}` that are deleted: {builds}"),
                )
            }
        }
    }
}

async fn list(app: &App, output: &mut Output<'_>) -> Result<(), Failure> {
    let all: Vec<Line> = app.overview().await?.iter().map(Line::of).collect();
    if all.is_empty() {
        return output.note(|| "the program has no projection and no policy".to_owned());
    }
    output.print_all(
        "projection",
        &all,
        |line| line,
        |lines, width| {
            let heading = ["name", "version", "position", "behind", "parked", "state"];
            table(Some(heading), lines.iter().map(Line::row), width)
        },
    )
}

async fn status(app: &App, name: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    let overview = find(app, name).await?;
    let line = Line::of(&overview);
    output.print("projection", || &line, || line.text(&overview.builds))
}

async fn rebuild(app: &App, name: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    app.rebuild(name).await?;
    let overview = find(app, name).await?;
    output.print("projection", || Line::of(&overview), || {
        format!(
            "the rebuild of `{name}` is requested: a process that runs the projection folds the rows and then makes them the ones that \
             are read; `projections status {name}` shows how far it is"
        )
    })
}

async fn pause(app: &App, name: &str, reason: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    app.pause(name, reason).await?;
    let overview = find(app, name).await?;
    output.print("projection", || Line::of(&overview), || {
        format!(
            "`{name}` is paused: the processes that run it end their current batch within about a second and handle no events until \
             `projections resume {name}`"
        )
    })
}

async fn resume(app: &App, name: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    app.resume(name).await?;
    let overview = find(app, name).await?;
    output.print(
        "projection",
        || Line::of(&overview),
        || format!("`{name}` is resumed: the processes that run it continue within about a second"),
    )
}

/// The overview of one projection or policy.
///
/// # Errors
/// [`Failure::NotFound`] if the program has none of this name.
async fn find(app: &App, name: &str) -> Result<Overview, Failure> {
    let mut all = app.overview().await?;
    match all.iter().position(|one| one.name == name) {
        Some(index) => Ok(all.swap_remove(index)),
        None => {
            let similar = suggestion(name, all.iter().map(|one| one.name));
            Err(Failure::NotFound(format!("the program has no projection or policy `{name}`{similar}")))
        }
    }
}

/// A projection or policy for programs.
#[derive(Serialize)]
struct Line {
    name: &'static str,
    /// The number of events that are not handled yet, and the age of the first of them.
    behind: u64,
    behind_seconds: f64,
    /// Set while it is paused.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: Option<Pause>,
    builds: Vec<BuildLine>,
}

/// A build for programs.
#[derive(Serialize)]
struct BuildLine {
    version: u32,
    build: u32,
    live: bool,
    inline: bool,
    position: u64,
    parked: u64,
    stopped: Option<String>,
    updated_at: String,
}

impl Line {
    fn of(overview: &Overview) -> Self {
        Self {
            name: overview.name,
            behind: overview.lag.events,
            behind_seconds: overview.lag.time.as_secs_f64(),
            paused: overview.requests.pause.clone(),
            builds: overview.builds.iter().map(BuildLine::of).collect(),
        }
    }

    /// The build that is read, or the newest one before the first is complete.
    fn read(&self) -> Option<&BuildLine> {
        self.builds.iter().find(|build| build.live).or(self.builds.last())
    }

    fn row(&self) -> [String; 6] {
        let Some(build) = self.read() else {
            return [self.name, "", "", "", "", "not built yet"].map(str::to_owned);
        };
        [
            self.name.to_owned(),
            build.version.to_string(),
            build.position.to_string(),
            self.behind(),
            build.parked.to_string(),
            self.state(build),
        ]
    }

    fn behind(&self) -> String {
        match self.behind {
            0 => "0".to_owned(),
            events => format!("{events} ({:.0} s)", self.behind_seconds),
        }
    }

    fn state(&self, build: &BuildLine) -> String {
        let newer = self.builds.last().filter(|newest| !newest.live && build.live);
        if let Some(pause) = &self.paused {
            return pause.to_string();
        }
        match (&build.stopped, newer) {
            (Some(reason), _) => format!("stopped: {reason}"),
            (None, Some(newest)) => format!("v{} build {} is being built", newest.version, newest.build),
            (None, None) if !build.live => "is being built".to_owned(),
            (None, None) if build.inline => "inline".to_owned(),
            (None, None) => "live".to_owned(),
        }
    }

    fn text(&self, builds: &[Build]) -> String {
        let heading = ["version", "build", "position", "parked", "changed", "state"];
        let rows = self.builds.iter().zip(builds).map(|(line, build)| line.row(build));
        let paused = self.paused.as_ref().map(|pause| format!(", {pause}")).unwrap_or_default();
        let table = table(Some(heading), rows, None);
        format!("{}: events behind: {}{paused}\n{table}", self.name, self.behind())
    }
}

impl BuildLine {
    fn of(build: &Build) -> Self {
        Self {
            version: build.version,
            build: build.build,
            live: build.live,
            inline: build.inline,
            position: build.checkpoint.position.get(),
            parked: build.checkpoint.parked,
            stopped: build.checkpoint.stopped.clone(),
            updated_at: build.updated_at.to_string(),
        }
    }

    fn row(&self, build: &Build) -> [String; 6] {
        let state = match (&self.stopped, self.live) {
            (Some(reason), _) => format!("stopped: {reason}"),
            (None, true) if self.inline => "live, inline".to_owned(),
            (None, true) => "live".to_owned(),
            (None, false) => "not live".to_owned(),
        };
        let claim = build
            .claim
            .as_ref()
            .map(|claim| format!(", run by process {}", claim.holder))
            .unwrap_or_default();
        [
            self.version.to_string(),
            self.build.to_string(),
            self.position.to_string(),
            self.parked.to_string(),
            self.updated_at.clone(),
            format!("{state}{claim}"),
        ]
    }
}

impl ParkedEvents {
    pub(crate) fn format(&self) -> Format {
        let (Self::List { format, .. } | Self::Retry { format, .. } | Self::Discard { format, .. }) = self;
        *format
    }

    pub(crate) async fn run(self, app: &App, output: &mut Output<'_>) -> Result<(), Failure> {
        match self {
            Self::List { name, .. } => list_parked(app, &name, output).await,
            Self::Retry { name, here: true, .. } => retry_here(app, &name, output).await,
            Self::Retry { name, no_wait, operator, .. } => {
                retry(&operator.of(app), &name, !no_wait, output).await
            }
            Self::Discard { name, position, .. } => discard(app, &name, position, output).await,
        }
    }
}

async fn list_parked(app: &App, name: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    if find(app, name).await?.builds.is_empty() {
        return output.note(|| format!("`{name}` is not built yet"));
    }
    let parked = app.parked(name).await?;
    if parked.is_empty() {
        return output.note(|| format!("`{name}` has no parked events"));
    }
    output.print_all("parked", &parked, ParkedLine::of, |parked, width| {
        let rows = parked.iter().map(|one| {
            [one.position.to_string(), one.attempts.to_string(), one.keys.join(" "), one.error.clone()]
        });
        table(Some(["position", "attempts", "keys", "error"]), rows, width)
    })
}

/// A parked event for programs.
#[derive(Serialize)]
struct ParkedLine<'a> {
    position: u64,
    event: String,
    keys: &'a [String],
    attempts: u32,
    needs_newer: bool,
    error: &'a str,
}

impl<'a> ParkedLine<'a> {
    fn of(parked: &'a Parked) -> Self {
        Self {
            position: parked.position.get(),
            event: parked.event.to_string(),
            keys: &parked.keys,
            attempts: parked.attempts,
            needs_newer: parked.needs_newer,
            error: &parked.error,
        }
    }
}

async fn retry(app: &App, name: &str, waits: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    let number = app.request_retry(name).await?;
    if waits {
        let report = app.wait_for_retry(name, number, RETRY_TIMEOUT).await?;
        return print_report(name, report, output);
    }
    output.print(
        "requested",
        || number,
        || {
            format!(
                "request {number} is stored: a process that runs `{name}` handles its parked events again"
            )
        },
    )
}

async fn retry_here(app: &App, name: &str, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    print_report(name, app.retry_parked(name).await?, output)
}

fn print_report(name: &str, report: RetryReport, output: &mut Output<'_>) -> Result<(), Failure> {
    output.print(
        "retried",
        || serde_json::json!({ "done": report.done, "parked": report.parked }),
        || format!("`{name}`: handled: {}, still parked: {}", report.done, report.parked),
    )
}

async fn discard(app: &App, name: &str, position: Position, output: &mut Output<'_>) -> Result<(), Failure> {
    find(app, name).await?;
    if !app.discard_parked(name, position).await? {
        return Err(Failure::NotFound(format!("`{name}` has no parked event at position {position}")));
    }
    output.print("discarded", || position.get(), || format!("`{name}` never handles event {position}"))
}
