//! What a change of the domain must not do, given what was released.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    generate::payloads,
    lock::{Fact, Lock, LockedSample},
    secrets::{personal_problem, plain_problem},
};
use crate::{
    error::Invalid,
    event::{Event, EventType, draft_of},
    model::{
        schemas::sorted,
        types::{EventModel, Model},
    },
    payload::Payload,
    position::Position,
    record::{Draft, Metadata, Record},
    secret::contains_secret,
    tag::Tag,
    time::Timestamp,
};

/// Each change that loses something, with what it concerns and what to write.
pub(super) fn problems(lock: &Lock, model: &Model) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, samples) in lock.events() {
        problems.extend(event_problems(name, &samples, lock, model));
    }
    problems.extend(command_problems(lock, model));
    problems.extend(projection_problems(lock, model));
    problems.extend(policy_problems(lock, model));
    problems
}

/// Samples of the application that no registered type reads.
pub(super) fn sample_problems(samples: &[Fact], model: &Model) -> BTreeSet<String> {
    let unknown = samples.iter().filter_map(|fact| match fact {
        Fact::Sample { event, .. } if model.event(event).is_none() => Some(format!(
            "event `{event}`: a sample of it is given, but no registered type reads it: register its commands, or the event with \
             `Builder::events`"
        )),
        _ => None,
    });
    unknown.collect()
}

fn event_problems(name: &str, samples: &[LockedSample<'_>], lock: &Lock, model: &Model) -> Vec<String> {
    let lines = lines(samples.iter().map(|sample| sample.line));
    let Some(event) = model.event(name) else {
        return vec![format!(
            "event `{name}` ({lines}): no registered type reads it, so its stored events are lost. If the type or variant was renamed, write \
             `#[event(name = \"{name}\")]` or `alias = \"{name}\"`; if it is not written any more, leave the type and mark it as \
             `retired`; if it was never released, delete the lines"
        )];
    };
    let newest = samples.iter().map(|sample| sample.version).max().unwrap_or_default();
    if newest > event.version {
        let version = event.version;
        return vec![format!(
            "event `{name}` ({lines}): version {newest} was released, and the program has version {version}, which cannot read it: write \
             `version = {newest}` with the steps from the older versions"
        )];
    }
    samples.iter().flat_map(|sample| read_problems(name, sample, event, lock, model)).collect()
}

/// What is wrong with the way in which today's program reads a sample.
fn read_problems(
    name: &str,
    sample: &LockedSample<'_>,
    event: &EventModel,
    lock: &Lock,
    model: &Model,
) -> Vec<String> {
    let LockedSample { line, version, tags, data } = *sample;
    let at = format!("event `{name}` version {version} (line {line})");
    let record = match record(name, version, tags, data) {
        Ok(record) => record,
        Err(error) => return vec![format!("{at}: the sample is not valid: {error}")],
    };
    let mut problems = Vec::new();
    if event.secrets.is_empty() && contains_secret(&data.to_string()) {
        problems.push(format!(
            "{at}: it has secrets, and today's type has no field with `#[secret(…)]` or a personal id, so new ones would be stored in plain text. \
             Restore the attribute; a field that is no secret any more is a new field"
        ));
    }
    for reader in model.types.readers(name).filter(|reader| !is_owner(reader, event)) {
        if let Some(Err(error)) = decode(reader, &record) {
            let rust = reader.rust;
            problems.push(format!(
                "{at}: its stored events are also read by `{rust}`, which fails: {}",
                text_of(&error)
            ));
        }
    }
    let owner = model.types.readers(name).find(|reader| is_owner(reader, event));
    match owner.and_then(|owner| decode(owner, &record)) {
        None => {}
        Some(Err(error)) => problems.push(format!(
            "{at}: its stored events cannot be read: {}. {}",
            text_of(&error),
            advice(version, event)
        )),
        Some(Ok(drafts)) => match drafts.as_slice() {
            [draft] => {
                problems.extend(tag_problem(&at, name, tags, draft, lock));
                problems.extend(personal_problem(&at, tags, data, draft));
                match version == event.version {
                    true => problems.extend(payload_problem(&at, data, draft, event)),
                    false => problems.extend(plain_problem(&at, (name, data), draft, owner, lock)),
                }
            }
            drafts => problems.push(format!("{at}: it is read as {} events instead of one", drafts.len())),
        },
    }
    problems
}

/// What to write if a payload cannot be read.
fn advice(version: u32, event: &EventModel) -> String {
    if version < event.version {
        return format!(
            "Correct the step from version {version}, or one after it: stored events do not change"
        );
    }
    let next = event.version + 1;
    format!(
        "Undo the change, give an added field `#[serde(default)]` and a renamed one `#[serde(alias = …)]`, or write `version = {next}, \
         upcast(…, {version} => from_v{version})` with a function that takes the former shape"
    )
}

fn tag_problem(at: &str, name: &str, stored: &[String], draft: &Draft, lock: &Lock) -> Option<String> {
    let stored: BTreeSet<&str> = stored.iter().map(String::as_str).collect();
    let today: BTreeSet<&str> = draft.tags().iter().map(Tag::as_str).collect();
    let kind = |tag: &str| tag.split_once(':').map_or(tag, |(kind, _)| kind).to_owned();
    let is_expected = |tag: &&str| lock.retags(name, &kind(tag));
    let added: Vec<_> = today.difference(&stored).copied().filter(|tag| !is_expected(tag)).collect();
    let lost: Vec<_> = stored.difference(&today).copied().collect();
    if added.is_empty() && lost.is_empty() {
        return None;
    }
    let change = match (added.is_empty(), lost.is_empty()) {
        (false, true) => format!("it has the new tag `{}`", added.join("`, `")),
        (true, _) => format!("it has lost the tag `{}`", lost.join("`, `")),
        (false, false) => format!("its tag was `{}` and is `{}`", lost.join("`, `"), added.join("`, `")),
    };
    let retag = match added.as_slice() {
        [tag, ..] if lost.is_empty() => {
            let kind = kind(tag);
            format!(
                ". Or have the tags added to the stored events: write the line `retag {name} {kind}`, and call \
                 `annalist::operate::retag::<Event, Id>(store)` with the types of the event and of the id before the program starts"
            )
        }
        _ => String::new(),
    };
    Some(format!(
        "{at}: {change}. The tags of stored events do not change by themselves, so what is read by this id would have only a part of the \
         events. Undo the change of `#[id]`, of the kind or of the text of the id, or declare a new event type for the new events and \
         leave this one for the stored ones{retag}"
    ))
}

fn payload_problem(at: &str, data: &Value, draft: &Draft, event: &EventModel) -> Option<String> {
    let today: Value = serde_json::from_str(draft.data().as_str()).ok()?;
    let mut changes = Vec::new();
    differences("", data, &today, &mut changes);
    if changes.is_empty() {
        return None;
    }
    Some(format!("{at}: {}. {}", changes.join("; "), advice(event.version, event)))
}

/// The parts of a payload that are lost or changed when it is read and written again. Added members of objects are none.
fn differences(path: &str, old: &Value, new: &Value, changes: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match new.get(name) {
                    Some(other) => differences(&path, value, other, changes),
                    None => changes.push(format!("the field `{path}` is not read and written any more")),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (value, other)) in old.iter().zip(new).enumerate() {
                differences(&format!("{path}[{index}]"), value, other, changes);
            }
        }
        _ if old == new => {}
        _ => changes.push(format!("`{path}` was `{old}` and is written as `{new}`")),
    }
}

/// The ids of the scope of a command's ids: each a field and a kind.
type Scope<'a> = BTreeSet<(&'a str, &'a str)>;

/// What the file says of one name: the numbers of its lines, and its parts.
type Released<T> = (Vec<usize>, BTreeSet<T>);

fn command_problems(lock: &Lock, model: &Model) -> Vec<String> {
    let mut scopes: BTreeMap<&str, Released<(&str, &str)>> = BTreeMap::new();
    for (line, fact) in &lock.facts {
        match fact {
            Fact::Command { name } => scopes.entry(name).or_default().0.push(*line),
            Fact::Scope { command, field, kind } => {
                let (lines, scope) = scopes.entry(command).or_default();
                lines.push(*line);
                scope.insert((field, kind));
            }
            _ => {}
        }
    }
    let today = scopes_of(model);
    let problem = |(name, (at, scope)): (&str, Released<(&str, &str)>)| {
        let at = format!("command `{name}` ({})", lines(at));
        let Some(now) = today.get(name) else {
            return Some(format!(
                "{at}: no registered command has this name. Command ids and journals refer to it: if the type was renamed, write \
                 `#[command(name = \"{name}\")]`; if it was removed, delete the lines"
            ));
        };
        (scope != *now).then(|| {
            format!(
                "{at}: the scope of its command ids was [{}] and is [{}]. A command that is repeated under its id by a newer program would be \
                 refused. Undo the change of its `#[id]` fields or give the command a new `name`; if no client repeats commands across this \
                 release, delete the lines",
                words(&scope),
                words(now)
            )
        })
    };
    scopes.into_iter().filter_map(problem).collect()
}

fn words(scope: &Scope<'_>) -> String {
    scope.iter().map(|(field, kind)| format!("{field} {kind}")).collect::<Vec<_>>().join(", ")
}

/// The fields and kinds of the ids of each command.
fn scopes_of(model: &Model) -> BTreeMap<&str, Scope<'_>> {
    let scopes = model.commands.iter().map(|command| {
        let ids = command
            .reads
            .iter()
            .filter_map(|state| Some((state.field.as_deref().unwrap_or("-"), state.kind.as_deref()?)));
        (command.name.as_str(), ids.collect())
    });
    scopes.collect()
}

fn projection_problems(lock: &Lock, model: &Model) -> Vec<String> {
    let mut released: BTreeMap<(&str, u32), Released<String>> = BTreeMap::new();
    for (line, fact) in &lock.facts {
        if let Fact::Projection { name, version, part } = fact {
            let (lines, parts) = released.entry((name, *version)).or_default();
            lines.push(*line);
            parts.insert(with_todays_name(part, model));
        }
    }
    let mut problems = Vec::new();
    for ((name, version), (at, parts)) in released {
        let at = format!("projection `{name}` version {version} ({})", lines(at));
        let Some(projection) = model.projections.iter().find(|one| one.name == name) else {
            problems.push(format!(
                "{at}: no registered projection has this name, so its rows are not updated. If it was renamed, its rows are built again \
                 under the new name: delete the lines; the same if it was removed"
            ));
            continue;
        };
        let today = parts_of(projection);
        if version > projection.version {
            problems.push(format!(
                "{at}: the program has the older version {}: write `version = {version}`",
                projection.version
            ));
        } else if version == projection.version && today != parts {
            let removed = parts.difference(&today).map(|part| format!("`{part}` was removed"));
            let added = today.difference(&parts).map(|part| format!("`{part}` was added"));
            let changes: Vec<String> = removed.chain(added).collect();
            problems.push(format!(
                "{at}: {}. The stored rows do not have this: write `version = {}`, and the rows are built again beside the old ones",
                changes.join(", "),
                version + 1
            ));
        }
    }
    problems
}

/// The columns and events of a projection, as in the file.
fn parts_of(projection: &crate::model::ProjectionModel) -> BTreeSet<String> {
    let columns = projection.columns.iter().map(|column| {
        let optional = if column.nullable { "?" } else { "" };
        format!("column {} {}{optional} {}", column.name, column.kind, column.role)
    });
    let events = projection
        .events
        .iter()
        .map(|folded| format!("event {} {}", folded.event, folded.key.as_deref().unwrap_or("-")));
    let reads_secrets = projection.reads_secrets.then(|| "reads_secrets".to_owned());
    columns.chain(events).chain(reads_secrets).collect()
}

/// The part with the stored name of today, if the event was renamed with an alias.
fn with_todays_name(part: &str, model: &Model) -> String {
    let renamed = part.strip_prefix("event ").and_then(|rest| {
        let (name, key) = rest.split_once(' ')?;
        Some(format!("event {} {key}", model.event(name)?.name))
    });
    renamed.unwrap_or_else(|| part.to_owned())
}

fn policy_problems(lock: &Lock, model: &Model) -> Vec<String> {
    let gone = lock.facts.iter().filter_map(|(line, fact)| match fact {
        Fact::Policy { name } if model.policies.iter().all(|policy| policy.name != *name) => Some(format!(
            "policy `{name}` (line {line}): no registered policy has this name. Under another name it begins again, and handles events \
             again or passes over some: write `name = \"{name}\"`; if it was removed, delete the line"
        )),
        _ => None,
    });
    gone.collect()
}

/// The samples, the retags and the encryptions of the file. All other facts follow from the model, once it has no problems.
pub(super) fn still_valid(lock: &Lock) -> Vec<Fact> {
    let is_valid =
        |fact: &Fact| matches!(fact, Fact::Sample { .. } | Fact::Retag { .. } | Fact::Encrypt { .. });
    let valid = lock.facts.iter().filter(|(_, fact)| is_valid(fact));
    valid.map(|(_, fact)| fact.clone()).collect()
}

/// The facts of a model, without samples.
pub(super) fn facts(model: &Model) -> Vec<Fact> {
    let mut facts = Vec::new();
    for (name, scope) in scopes_of(model) {
        facts.push(Fact::Command { name: name.to_owned() });
        let ids = scope.into_iter().map(|(field, kind)| Fact::Scope {
            command: name.to_owned(),
            field: field.to_owned(),
            kind: kind.to_owned(),
        });
        facts.extend(ids);
    }
    for projection in &model.projections {
        let (name, version) = (&projection.name, projection.version);
        let parts = parts_of(projection).into_iter();
        facts.extend(parts.map(|part| Fact::Projection { name: name.clone(), version, part }));
    }
    facts.extend(model.policies.iter().map(|policy| Fact::Policy { name: policy.name.clone() }));
    facts
}

/// The sample that an event of the application is.
///
/// # Errors
/// [`Invalid`] if it cannot be encoded.
pub(super) fn sample_of<E: Event>(event: &E) -> Result<Fact, Invalid> {
    draft_of(event).map(|draft| fact_of(&draft))
}

/// Samples of the current version that are made from its JSON Schema; none if none of them can be read.
pub(super) fn made_samples(event: &EventModel, model: &Model) -> Vec<Fact> {
    let owner = model.types.readers(&event.name).find(|reader| is_owner(reader, event));
    let Some((owner, schema)) = owner.zip(event.schema.as_ref()) else { return Vec::new() };
    let made = payloads(schema).into_iter().filter_map(|data| {
        let record = record(&event.name, event.version, &[], &data).ok()?;
        match decode(owner, &record)?.ok()?.as_slice() {
            [draft] if draft.name() == event.name => Some(fact_of(draft)),
            _ => None,
        }
    });
    made.collect()
}

/// Whether two facts are samples of one version with the same fields and types of values.
pub(super) fn is_same_shape(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (
            Fact::Sample { event, version, data, .. },
            Fact::Sample { event: other_event, version: other_version, data: other_data, .. },
        ) => event == other_event && version == other_version && shape(data) == shape(other_data),
        _ => false,
    }
}

/// A value with the same members and other leaves: one for each type.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => Value::Bool(true),
        Value::Number(_) => Value::from(0),
        Value::String(_) => Value::from(""),
        Value::Array(items) => {
            let mut shapes: Vec<Value> = Vec::new();
            for shape in items.iter().map(shape) {
                if !shapes.contains(&shape) {
                    shapes.push(shape);
                }
            }
            Value::Array(shapes)
        }
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), shape(value))).collect(),
    }
}

fn fact_of(draft: &Draft) -> Fact {
    Fact::Sample {
        event: draft.name().to_owned(),
        version: draft.version(),
        tags: draft.tags().iter().map(|tag| tag.as_str().to_owned()).collect(),
        data: serde_json::from_str(draft.data().as_str()).map(sorted).unwrap_or_default(),
    }
}

/// A stored event as the store would return it.
fn record(name: &str, version: u32, tags: &[String], data: &Value) -> Result<Record, Invalid> {
    let tags = tags.iter().map(|tag| Tag::parse(tag.as_str())).collect::<Result<Vec<_>, _>>()?;
    let draft = Draft::new(name.to_owned(), version, tags, Payload::parse(data.to_string())?)?;
    Ok(draft.record(Position::new(1), Timestamp::EPOCH, Metadata::default()))
}

/// Reads a record and writes it again; `None` for a type that was written by hand.
fn decode(reader: &EventType, record: &Record) -> Option<Result<Vec<Draft>, Invalid>> {
    Some((reader.vtable?.decode)(record))
}

/// Whether it is the Rust type that the model describes.
fn is_owner(reader: &EventType, event: &EventModel) -> bool {
    reader.rust == event.rust && reader.name == event.name
}

/// The text of an error with that of its cause.
fn text_of(error: &Invalid) -> String {
    error.to_string().replace(" at position 1", "")
}

fn lines(numbers: impl IntoIterator<Item = usize>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    match numbers.as_slice() {
        [one] => format!("line {one}"),
        several => format!("lines {}", several.join(", ")),
    }
}
