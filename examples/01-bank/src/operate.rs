//! What those who run the bank do: see how far everything is, and build a read model anew while questions go on.

use std::{
    fmt,
    time::{Duration, Instant},
};

use annalist::{
    App, Error,
    app::Overview,
    projection::{Progress, State, Status},
    rows::Table,
};
use tokio::time::{MissedTickBehavior, interval};

/// Whatever stands in the way.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Builds a projection anew, or goes on with the build that is under way, until it has taken over. Meanwhile it keeps
/// asking a question, and tells now and then how far the build is and how the questions are answered.
///
/// # Errors
/// That of the first question that is not answered, or why the projection cannot be built.
pub async fn rebuild(
    app: &App,
    name: &str,
    mut question: impl AsyncFnMut() -> Result<(), Error>,
    mut tell: impl FnMut(&Progress, &Asked),
) -> Result<Asked, Failure> {
    let old = status(app, name)?.reads.map(|table| table.order());
    app.rebuild(name).await?;
    let mut asked = Asked::default();
    let mut questions = interval(Duration::from_millis(1));
    questions.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        questions.tick().await;
        asked.ask(&mut question).await?;
        let Status { reads, building, promotion_blocked, .. } = status(app, name)?;
        if reads.map(|table| table.order()) > old {
            return Ok(asked);
        }
        if let Some(reason) = promotion_blocked {
            return Err(reason.into());
        }
        if let Some(progress) = building {
            tell(&progress, &asked);
        }
    }
}

/// Questions that were asked one after the other.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// How many were answered.
    pub answers: u64,
    /// How long the slowest answer took.
    pub slowest: Duration,
}

impl Asked {
    async fn ask(&mut self, question: &mut impl AsyncFnMut() -> Result<(), Error>) -> Result<(), Error> {
        let start = Instant::now();
        question().await?;
        self.answers += 1;
        self.slowest = self.slowest.max(start.elapsed());
        Ok(())
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, slowest } = self;
        write!(f, "{answers} questions answered, the slowest in {} ms", slowest.as_millis())
    }
}

fn status(app: &App, name: &str) -> Result<Status, Failure> {
    let mut all = app.statuses().into_iter();
    let known = all.find(|(known, _)| *known == name);
    known.map(|(_, status)| status).ok_or_else(|| format!("nothing here is named `{name}`").into())
}

/// How every projection and policy does: a line for each, and one more for what is being built or in the way.
///
/// # Errors
/// If a store does not answer.
pub async fn overview(app: &App) -> Result<String, Failure> {
    let mut text =
        format!("{:<16} {:>7} {:>9} {:>8} {:>7}\n", "name", "version", "position", "behind", "parked");
    for one in app.overview().await? {
        text += &line(&one);
    }
    Ok(text)
}

fn line(Overview { name, status, lag, .. }: &Overview) -> String {
    let (version, behind) = match status.reads {
        Some(Table { version, build: 0, .. }) => (version.to_string(), lag.events.to_string()),
        Some(Table { version, build, .. }) => (format!("{version}.{build}"), lag.events.to_string()),
        // Nothing is there to be asked yet.
        None => ("-".to_owned(), "-".to_owned()),
    };
    let Status { position, parked, .. } = status;
    let mut text = format!("{name:<16} {version:>7} {position:>9} {behind:>8} {parked:>7}\n");
    match &status.state {
        State::Stopped(stopped) => text += &format!("  {stopped}\n"),
        State::Waiting { reason } => text += &format!("  waiting: {reason}\n"),
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
