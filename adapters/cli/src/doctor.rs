//! `doctor`: looks for what an operator has to do.

use std::time::Duration;

use annalist_core::{
    app::{App, Overview},
    error::Error,
    keys::Erasure,
    rows::Build,
    store::{ArchiveState, Rewrite, RewriteState, RewriteTarget},
    time::Timestamp,
};
use serde::Serialize;

use crate::{
    failure::Failure,
    output::Output,
    text::{count, printable},
};

/// An erasure that is incomplete for longer has probably no process that completes it. Rebuilds of large projections take minutes.
const ERASURE: Duration = Duration::from_secs(15 * 60);
/// A projection that lags behind for longer is worth a look.
const LAG: Duration = Duration::from_secs(60);

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    Ok,
    /// It may be intended, or end by itself.
    Warning,
    /// Something does not work.
    Problem,
}

/// The outcome of a check.
#[derive(Serialize)]
struct Check {
    /// The thing that was checked.
    what: String,
    severity: Severity,
    /// What was found, and what to do.
    finding: String,
}

/// Checks the log and what the processes of the application have stored about its projections and policies, and prints what is wrong.
///
/// # Errors
/// [`Failure::Defects`] with the number of problems; another [`Failure`] if the store cannot answer.
pub(crate) async fn run(app: &App, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut checks = vec![log(app).await?, events(app).await?, times(app).await?];
    for overview in app.overview().await? {
        checks.extend(projection(&overview));
    }
    checks.extend(interrupted(app).await?);
    output.print_all("check", &checks, |check| check, |checks, _| text(checks))?;
    match checks.iter().filter(|check| check.severity == Severity::Problem).count() {
        0 => Ok(()),
        problems => Err(Failure::Problems(problems as u64)),
    }
}

fn text(checks: &[Check]) -> String {
    let lines = checks.iter().map(|Check { what, severity, finding }| {
        let severity = match severity {
            Severity::Ok => "ok     ",
            Severity::Warning => "warning",
            Severity::Problem => "PROBLEM",
        };
        format!("{severity}  {}: {}", printable(what), printable(finding))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check(what: impl Into<String>, severity: Severity, finding: impl Into<String>) -> Check {
    Check { what: what.into(), severity, finding: finding.into() }
}

async fn log(app: &App) -> Result<Check, Error> {
    let settled = app.store().settled().await?.position;
    Ok(check("log", Severity::Ok, format!("{}, up to position {settled}", app.store().describe())))
}

/// Whether the program reads the stored events.
async fn events(app: &App) -> Result<Check, Error> {
    Ok(match app.check_stored_events().await {
        Ok(()) => check("events", Severity::Ok, "the program reads the stored types and versions"),
        Err(error @ (Error::UnreadEvents { .. } | Error::Invalid(_))) => {
            check("events", Severity::Problem, error.to_string())
        }
        Err(error) => return Err(error),
    })
}

/// Whether an event from the future hides later ones from reads at a time.
async fn times(app: &App) -> Result<Check, Error> {
    Ok(match app.prefix_at(Timestamp::now()).await?.hidden {
        0 => check("times", Severity::Ok, "no event hides later ones by a time in the future"),
        hidden => {
            let hidden = count(hidden, "event is", "events are");
            let finding = format!(
                "{hidden} hidden from reads at a time, because an earlier event has a time in the future; check the clocks of all servers"
            );
            check("times", Severity::Warning, finding)
        }
    })
}

/// What is wrong with a projection or policy, or that nothing is.
fn projection(overview: &Overview) -> Vec<Check> {
    let name = overview.name;
    let Some(read) = overview.builds.iter().find(|build| build.live).or(overview.builds.last()) else {
        let finding = "it is not built yet; start a process that runs it";
        return vec![check(name, Severity::Warning, finding)];
    };
    let mut found = Vec::new();
    if let Some(reason) = &read.checkpoint.stopped {
        found.push(check(name, Severity::Problem, format!("it is stopped: {reason}")));
    }
    if let Some(pause) = &overview.requests.pause {
        let finding = format!("it is {pause}; `projections resume {name}` ends the pause");
        found.push(check(name, Severity::Warning, finding));
    }
    if !read.live {
        found.push(check(name, Severity::Warning, "its first build is not complete, so queries wait"));
    }
    if overview.lag.time >= LAG {
        let behind = count(overview.lag.events, "event", "events");
        let finding = format!(
            "it is {behind} behind, the first of them for {} s; check that a process runs it",
            overview.lag.time.as_secs()
        );
        found.push(check(name, Severity::Warning, finding));
    }
    if read.checkpoint.parked > 0 {
        let parked = count(read.checkpoint.parked, "event is", "events are");
        let finding = format!("{parked} parked; `parked list {name}` shows why");
        found.push(check(name, Severity::Warning, finding));
    }
    if let Some(conversions) = &overview.other_conversions {
        let finding =
            format!("rows may have been folded otherwise: {conversions}; `projections rebuild {name}`");
        found.push(check(name, Severity::Warning, finding));
    }
    found.extend(other_builds(name, read, &overview.builds));
    if found.is_empty() {
        found.push(check(name, Severity::Ok, "it is live"));
    }
    found
}

/// What is to be said of the builds beside the one that queries read.
fn other_builds(name: &str, read: &Build, builds: &[Build]) -> Vec<Check> {
    let mut found = Vec::new();
    for newer in builds.iter().filter(|build| read.live && build.order() > read.order()) {
        if let Some(reason) = &newer.checkpoint.stopped {
            let finding = format!("version {} build {} is stopped: {reason}", newer.version, newer.build);
            found.push(check(name, Severity::Problem, finding));
        }
    }
    match builds.iter().filter(|build| build.order() < read.order()).count() {
        0 => {}
        older => {
            let older = count(older as u64, "older build is", "older builds are");
            let finding = format!("{older} stored; `projections discard-old {name}` deletes such builds");
            found.push(check(name, Severity::Warning, finding));
        }
    }
    found
}

/// Changes of stored events that were interrupted, unless a process is at work on them.
async fn interrupted(app: &App) -> Result<Vec<Check>, Error> {
    let mut found = Vec::new();
    for archive in app.archives().await? {
        if archive.state == ArchiveState::Closing {
            let finding = format!(
                "archive {} for the file `{}` is not complete; call `App::archive` with its ids again",
                archive.number, archive.file
            );
            found.push(check("archives", Severity::Warning, finding));
        }
    }
    let list = app.store().successors().await?;
    let running = list.rewrites().iter().filter(|rewrite| rewrite.state == RewriteState::Running);
    found.extend(running.map(half_rewritten));
    let store = app.store();
    if let Some(keys) = store.as_stored().unwrap_or(&**store).key_store() {
        found.extend(erasures(keys.erasures(true).await, Timestamp::now()));
    }
    Ok(found)
}

/// A change of stored events that is not complete.
fn half_rewritten(rewrite: &Rewrite) -> Check {
    let Rewrite { name, up_to, updated_at, .. } = rewrite;
    let (what, done, next) = match &rewrite.target {
        RewriteTarget::Tags { kind } => {
            ("retags", format!("have got the tags of the ids `{kind}`"), "run the retag again".to_owned())
        }
        RewriteTarget::Secrets { fields, .. } => (
            "encryptions",
            format!("have their secrets `{}` encrypted", fields.join("`, `")),
            format!(
                "call `App::encrypt_stored` with the event type of `{name}` in a program with keys, which goes on there. Until then the events \
                 after that position have them in plain text, and programs that do not know that they are secrets are refused"
            ),
        ),
    };
    let finding = format!(
        "stored events `{name}` {done} up to position {up_to} only, last at {updated_at}; if no process is at work on it, {next}"
    );
    check(what, Severity::Warning, finding)
}

/// Subjects that are not completely forgotten. One whose erasure has just begun is no problem: a process is at work on it.
fn erasures(incomplete: Result<Vec<Erasure>, Error>, now: Timestamp) -> Vec<Check> {
    let erasures = match incomplete {
        Ok(erasures) => erasures,
        // Such as a role without rights on these tables.
        Err(error) => {
            let finding = format!(
                "it could not be checked whether all forgotten subjects are forgotten completely: {error}"
            );
            return vec![check("erasures", Severity::Warning, finding)];
        }
    };
    let long_ago = now.minus(ERASURE);
    let check_one = |Erasure { erased_at, .. }: &Erasure| match *erased_at <= long_ago {
        true => check(
            "erasures",
            Severity::Problem,
            format!(
                "a subject was to be forgotten at {erased_at}, and not all copies are removed; start a process that has keys and runs the \
                 projections, which completes it"
            ),
        ),
        false => check(
            "erasures",
            Severity::Warning,
            format!(
                "a subject is being forgotten since {erased_at}; copies in rows remain until that is complete"
            ),
        ),
    };
    erasures.iter().map(check_one).collect()
}

#[cfg(test)]
mod tests {
    use annalist_core::keys::SubjectHash;

    use super::*;

    fn begun(erased_at: Timestamp) -> Vec<Erasure> {
        vec![Erasure { subject: SubjectHash([7; 32]), actor: None, erased_at, completed_at: None }]
    }

    #[test]
    fn erasure_is_a_problem_once_it_takes_too_long() {
        let now = Timestamp::from_micros(1_000_000_000_000);
        let severity = |erased_at| erasures(Ok(begun(erased_at)), now)[0].severity;
        assert_eq!(severity(now), Severity::Warning);
        assert_eq!(severity(now.minus(ERASURE - Duration::from_micros(1))), Severity::Warning);
        assert_eq!(severity(now.minus(ERASURE)), Severity::Problem);
        // By a clock that is ahead.
        assert_eq!(severity(Timestamp::MAX), Severity::Warning);
        assert!(erasures(Ok(Vec::new()), now).is_empty());
    }

    #[test]
    fn erasures_that_cannot_be_read_are_a_warning() {
        let refused = Error::unusable("list the erasures", "permission denied for table erasures");
        let checks = erasures(Err(refused), Timestamp::EPOCH);
        assert_eq!((checks.len(), checks[0].severity), (1, Severity::Warning));
        assert!(checks[0].finding.contains("permission denied"), "{}", checks[0].finding);
    }
}
