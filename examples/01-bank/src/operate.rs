//! Operation of the bank: the status of its read models and policies, and rebuilds while queries continue.

use std::{
    fmt,
    time::{Duration, Instant},
};

use annalist::{
    App, Error, Timestamp,
    app::Overview,
    projection::{Progress, State, Status},
    store::Table,
};
use tokio::time::{MissedTickBehavior, interval};

/// Any error.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Rebuilds a projection, or continues a rebuild in progress, until the new build is live. Meanwhile it executes a query
/// in a loop, and reports the progress of the build and statistics of the queries.
///
/// # Errors
/// Returns the error of the first failed query, or the reason why the projection cannot be rebuilt.
pub async fn rebuild(
    app: &App,
    name: &str,
    mut query: impl AsyncFnMut() -> Result<(), Error>,
    mut report: impl FnMut(&Progress, &QueryStats),
) -> Result<QueryStats, Failure> {
    let old = status(app, name)?.reads.map(|table| table.order());
    app.rebuild(name).await?;
    let mut stats = QueryStats::default();
    let mut ticks = interval(Duration::from_millis(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        stats.measure(&mut query).await?;
        let Status { reads, building, promotion_blocked, .. } = status(app, name)?;
        if reads.map(|table| table.order()) > old {
            return Ok(stats);
        }
        if let Some(reason) = promotion_blocked {
            return Err(reason.into());
        }
        if let Some(progress) = building {
            report(&progress, &stats);
        }
    }
}

/// Statistics of consecutive queries.
#[derive(Clone, Debug, Default)]
pub struct QueryStats {
    /// The number of queries.
    pub count: u64,
    /// The time of the slowest query.
    pub slowest: Duration,
}

impl QueryStats {
    async fn measure(&mut self, query: &mut impl AsyncFnMut() -> Result<(), Error>) -> Result<(), Error> {
        let start = Instant::now();
        query().await?;
        self.count += 1;
        self.slowest = self.slowest.max(start.elapsed());
        Ok(())
    }
}

impl fmt::Display for QueryStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, slowest } = self;
        write!(f, "{count} queries answered, the slowest in {} ms", slowest.as_millis())
    }
}

fn status(app: &App, name: &str) -> Result<Status, Failure> {
    let mut all = app.statuses().into_iter();
    let found = all.find(|(other, _)| *other == name);
    found
        .map(|(_, status)| status)
        .ok_or_else(|| format!("there is no projection or policy named `{name}`").into())
}

/// The status of every projection and policy: a line for each, with further lines for rebuilds and problems.
///
/// # Errors
/// Returns an error if a store fails.
pub async fn overview(app: &App) -> Result<String, Failure> {
    let mut text =
        format!("{:<16} {:>7} {:>9} {:>8} {:>7}\n", "name", "version", "position", "behind", "parked");
    for one in app.overview().await? {
        text += &line(&one);
    }
    let hidden = app.prefix_at(Timestamp::now()).await?.hidden;
    if hidden > 0 {
        text += &format!("an event from the future hides {hidden} later events from queries as of a time\n");
    }
    Ok(text)
}

fn line(Overview { name, status, lag, .. }: &Overview) -> String {
    let (version, behind) = match status.reads {
        Some(Table { version, build: 0, .. }) => (version.to_string(), lag.events.to_string()),
        Some(Table { version, build, .. }) => (format!("{version}.{build}"), lag.events.to_string()),
        // There are no rows to query yet.
        None => ("-".to_owned(), "-".to_owned()),
    };
    let Status { position, parked, .. } = status;
    let mut text = format!("{name:<16} {version:>7} {position:>9} {behind:>8} {parked:>7}\n");
    match &status.state {
        State::Stopped(stopped) => text += &format!("  {stopped}\n"),
        State::Paused(pause) => text += &format!("  {pause}\n"),
        State::Waiting { reason } => text += &format!("  waiting: {reason}\n"),
        State::Standby => text += "  another process runs it\n",
        State::CatchingUp | State::CaughtUp | State::Inline => {}
    }
    if let Some(reason) = &status.promotion_blocked {
        text += &format!("  {reason}\n");
    }
    if let Some(progress) = &status.building {
        text += &format!("  {progress}\n");
    }
    text
}
