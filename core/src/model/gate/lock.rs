//! The file of what was released: one fact a line, sorted.

use std::{collections::BTreeMap, fmt, path::Path};

use serde_json::Value;

use super::error::GateError;

/// The first line of the file.
const HEADER: &str = "annalist.lock 1";

/// A fact. The order of the lines is that of their texts.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fact {
    /// A payload of a version of an event, with its tags.
    Sample { event: String, version: u32, tags: Vec<String>, data: Value },
    /// A command.
    Command { name: String },
    /// An id of the scope of a command's ids.
    Scope { command: String, field: String, kind: String },
    /// A part of a version of a projection: a column, or an event with its key.
    Projection { name: String, version: u32, part: String },
    /// A policy.
    Policy { name: String },
    /// The stored events with a name get the tags of a kind of ids before this program starts. Written by hand.
    Retag { event: String, kind: String },
    /// The values of a field in the stored events with a name are encrypted once this program runs everywhere. Written by hand.
    Encrypt { event: String, field: String },
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sample { event, version, tags, data } => {
                write!(f, "event {event} {version} {} {data}", Value::from(tags.as_slice()))
            }
            Self::Command { name } => write!(f, "command {}", Value::from(name.as_str())),
            Self::Scope { command, field, kind } => {
                write!(f, "command {} id {field} {kind}", Value::from(command.as_str()))
            }
            Self::Projection { name, version, part } => write!(f, "projection {name} {version} {part}"),
            Self::Policy { name } => write!(f, "policy {name}"),
            Self::Retag { event, kind } => write!(f, "retag {event} {kind}"),
            Self::Encrypt { event, field } => write!(f, "encrypt {event} {field}"),
        }
    }
}

/// The facts of a file, each with the number of its line.
#[derive(Debug, Default)]
pub(super) struct Lock {
    pub(super) facts: Vec<(usize, Fact)>,
}

impl Lock {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// [`GateError::Damaged`] with the first line that is not a fact.
    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, GateError> {
        let damaged = |line, reason| GateError::Damaged { path: path.to_owned(), line, reason };
        let mut lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        match lines.next() {
            Some((HEADER, _)) => {}
            Some((line, number)) => return Err(damaged(number, header_fault(line))),
            None => return Err(damaged(1, format!("the file is empty; its first line is `{HEADER}`"))),
        }
        let mut facts = Vec::new();
        for (line, number) in lines.filter(|(line, _)| !line.starts_with('#')) {
            facts.push((number, parse_line(line).map_err(|reason| damaged(number, reason))?));
        }
        Ok(Self { facts })
    }

    /// The text of a file with these facts, sorted and each once.
    pub(super) fn text(facts: impl IntoIterator<Item = Fact>) -> String {
        let mut lines: Vec<String> = facts.into_iter().map(|fact| fact.to_string()).collect();
        lines.sort();
        lines.dedup();
        format!(
            "{HEADER}\n# Written by a test with ANNALIST_GATE=update. Sorted, one fact a line.\n{}\n",
            lines.join("\n")
        )
    }

    /// Whether the stored events with a name get the tags of a kind of ids.
    pub(super) fn retags(&self, name: &str, kind: &str) -> bool {
        self.facts.iter().any(
            |(_, fact)| matches!(fact, Fact::Retag { event, kind: added } if event == name && added == kind),
        )
    }

    /// The fields whose values are encrypted in the stored events with a name.
    pub(super) fn encrypted<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.facts.iter().filter_map(move |(_, fact)| match fact {
            Fact::Encrypt { event, field } if event == name => Some(field.as_str()),
            _ => None,
        })
    }

    /// The samples of each event, by its stored name.
    pub(super) fn events(&self) -> BTreeMap<&str, Vec<LockedSample<'_>>> {
        let mut events = BTreeMap::<&str, Vec<_>>::new();
        for (line, fact) in &self.facts {
            if let Fact::Sample { event, version, tags, data } = fact {
                let sample = LockedSample { line: *line, version: *version, tags, data };
                events.entry(event).or_default().push(sample);
            }
        }
        events
    }
}

/// A sample in the file.
#[derive(Clone, Copy)]
pub(super) struct LockedSample<'a> {
    pub(super) line: usize,
    pub(super) version: u32,
    pub(super) tags: &'a [String],
    pub(super) data: &'a Value,
}

fn header_fault(line: &str) -> String {
    if is_conflict(line) {
        return CONFLICT.to_owned();
    }
    match line.strip_prefix("annalist.lock ") {
        Some(version) => {
            format!("the format `{version}` is not known to this version of Annalist; it reads the format 1")
        }
        None => format!("the first line is not `{HEADER}`"),
    }
}

const CONFLICT: &str = "an unresolved merge conflict: take the lines of both sides and remove the markers; their order does not matter";

fn is_conflict(line: &str) -> bool {
    ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| line.starts_with(marker))
}

fn parse_line(line: &str) -> Result<Fact, String> {
    if is_conflict(line) {
        return Err(CONFLICT.to_owned());
    }
    let fact = match line.split_once(' ') {
        Some(("event", rest)) => sample(rest),
        Some(("command", rest)) => command(rest),
        Some(("projection", rest)) => projection(rest),
        Some(("policy", name)) => word(name).map(|name| Fact::Policy { name }),
        Some(("retag", rest)) => two_words(rest).map(|(event, kind)| Fact::Retag { event, kind }),
        Some(("encrypt", rest)) => two_words(rest).map(|(event, field)| Fact::Encrypt { event, field }),
        _ => None,
    };
    // A fact is written in one way, so the rest of a line that was cut off is found too.
    let fact = fact.filter(|fact| fact.to_string() == line);
    fact.ok_or_else(|| {
        "it is no fact: it was cut off or changed by hand; restore it from the version control".to_owned()
    })
}

fn word(text: &str) -> Option<String> {
    (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

fn sample(rest: &str) -> Option<Fact> {
    let (event, rest) = rest.split_once(' ')?;
    let (version, rest) = rest.split_once(' ')?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let tags = values.next()?.ok()?;
    let tags =
        tags.as_array()?.iter().map(|tag| tag.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    let data = values.next()?.ok()?;
    Some(Fact::Sample { event: event.to_owned(), version: version.parse().ok()?, tags, data })
}

fn command(rest: &str) -> Option<Fact> {
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let name = values.next()?.ok()?.as_str()?.to_owned();
    let rest = rest.get(values.byte_offset()..)?;
    if rest.is_empty() {
        return Some(Fact::Command { name });
    }
    let (field, kind) = rest.strip_prefix(" id ")?.split_once(' ')?;
    Some(Fact::Scope { command: name, field: word(field)?, kind: word(kind)? })
}

fn two_words(rest: &str) -> Option<(String, String)> {
    let (first, second) = rest.split_once(' ')?;
    Some((word(first)?, word(second)?))
}

fn projection(rest: &str) -> Option<Fact> {
    let (name, rest) = rest.split_once(' ')?;
    let (version, part) = rest.split_once(' ')?;
    let is_part = matches!(
        part.split(' ').collect::<Vec<_>>().as_slice(),
        ["column", _, _, "key" | "index" | "plain" | "secret" | "lookup"]
            | ["event", _, _]
            | ["reads_secrets"]
    );
    let version = version.parse().ok()?;
    is_part.then(|| Fact::Projection { name: name.to_owned(), version, part: part.to_owned() })
}
