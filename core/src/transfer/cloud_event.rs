//! The lines of an export as events of CloudEvents 1.0 in JSON.
//!
//! An event of the log becomes an event of its type, with its payload as data. Every other line becomes an event of a type that starts
//! with `$`, as no type of a log does, with the line as data.

use std::{borrow::Cow, fmt::Write};

use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::line::{EventLine, Line};
use crate::{
    error::{BoxError, Invalid},
    record::{Metadata, Name, Position},
    tag::Tag,
    time::Timestamp,
};

/// What each of these events starts with.
pub(super) const START: &[u8] = br#"{"specversion""#;

/// The type of the lines that are no events of the log.
const OTHER_LINE: &str = "$annalist.export";

const SPEC_VERSION: &str = "1.0";
const JSON: &str = "application/json";

/// The attributes of the standard, then the extensions. The value of an extension is a text, because an integer of CloudEvents has 32
/// bits.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    name: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<Timestamp>,
    #[serde(borrow)]
    datacontenttype: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    position: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    eventversion: Extension<'a>,
    /// A JSON array.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    tags: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    commandid: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    command: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    correlationid: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    causationid: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    actor: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    traceparent: Extension<'a>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    hops: Extension<'a>,
    /// The metadata whose texts an attribute cannot have, as a JSON object.
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    othermetadata: Extension<'a>,
    #[serde(borrow)]
    data: Cow<'a, RawValue>,
}

type Extension<'a> = Option<Cow<'a, str>>;

/// Adds a line to a text, as an event of this source. `number` is the number of the line in its part, which begins after a position.
pub(super) fn encode(
    line: &Line<'_>,
    source: &str,
    after: Position,
    number: u64,
    text: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let envelope = match line {
        Line::Event(event) => of_event(event, source)?,
        other => Envelope {
            id: format!("{after}/{number}").into(),
            ..plain(source, OTHER_LINE, Cow::Owned(to_raw_value(other)?))
        },
    };
    serde_json::to_writer(text, &envelope)
}

/// Passes the line that such an event contains to `use_line`.
pub(super) fn decode<T>(
    text: &[u8],
    use_line: impl FnOnce(Line<'_>) -> Result<T, BoxError>,
) -> Result<T, BoxError> {
    let envelope: Envelope<'_> = serde_json::from_slice(text)?;
    if envelope.specversion != SPEC_VERSION || envelope.datacontenttype != JSON {
        return Err(format!("only CloudEvents {SPEC_VERSION} with data of {JSON} are imported").into());
    }
    if envelope.name == OTHER_LINE {
        return match serde_json::from_str(envelope.data.get())? {
            Line::Event(_) => Err("an event of the log must have its own type".into()),
            other => use_line(other),
        };
    }
    use_line(Line::Event(to_event(envelope)?))
}

/// The source of such an event; `None` if the text is none.
pub(super) fn source_of(text: &[u8]) -> Option<String> {
    let envelope: Envelope<'_> = serde_json::from_slice(text).ok()?;
    Some(envelope.source.into_owned())
}

fn plain<'a>(source: &'a str, name: &'a str, data: Cow<'a, RawValue>) -> Envelope<'a> {
    Envelope {
        specversion: SPEC_VERSION.into(),
        id: "".into(),
        source: source.into(),
        name: name.into(),
        time: None,
        datacontenttype: JSON.into(),
        position: None,
        eventversion: None,
        tags: None,
        commandid: None,
        command: None,
        correlationid: None,
        causationid: None,
        actor: None,
        traceparent: None,
        hops: None,
        othermetadata: None,
        data,
    }
}

fn of_event<'a>(event: &'a EventLine<'_>, source: &'a str) -> Result<Envelope<'a>, serde_json::Error> {
    let mut other = Metadata::default();
    let Metadata { command_id, command, correlation, causation, actor, trace, hops } = &*event.metadata;
    let attribute = |value: &'a Option<Name>, other: &mut Option<Name>| match value {
        Some(value) if value.as_str().chars().all(is_allowed) => Some(Cow::Borrowed(value.as_str())),
        _ => {
            other.clone_from(value);
            None
        }
    };
    let mut envelope = Envelope {
        id: event.id.to_string().into(),
        time: Some(event.recorded_at),
        position: Some(event.position.to_string().into()),
        eventversion: Some(event.version.to_string().into()),
        tags: Some(with_escapes(&serde_json::to_string(&event.tags)?).into()),
        commandid: attribute(command_id, &mut other.command_id),
        command: attribute(command, &mut other.command),
        correlationid: attribute(correlation, &mut other.correlation),
        causationid: attribute(causation, &mut other.causation),
        actor: attribute(actor, &mut other.actor),
        traceparent: attribute(trace, &mut other.trace),
        hops: (*hops > 0).then(|| hops.to_string().into()),
        ..plain(source, &event.name, Cow::Borrowed(&event.data))
    };
    if other != Metadata::default() {
        envelope.othermetadata = Some(with_escapes(&serde_json::to_string(&other)?).into());
    }
    Ok(envelope)
}

fn to_event(envelope: Envelope<'_>) -> Result<EventLine<'_>, BoxError> {
    let required = |value: Extension<'_>, what: &str| {
        value.map(Cow::into_owned).ok_or_else(|| format!("the attribute `{what}` is missing"))
    };
    let mut metadata: Metadata = match envelope.othermetadata {
        Some(json) => serde_json::from_str(&json)?,
        None => Metadata::default(),
    };
    set(&mut metadata.command_id, envelope.commandid)?;
    set(&mut metadata.command, envelope.command)?;
    set(&mut metadata.correlation, envelope.correlationid)?;
    set(&mut metadata.causation, envelope.causationid)?;
    set(&mut metadata.actor, envelope.actor)?;
    set(&mut metadata.trace, envelope.traceparent)?;
    if let Some(hops) = envelope.hops {
        metadata.hops = hops.parse()?;
    }
    let tags: Vec<Tag> = serde_json::from_str(&required(envelope.tags, "tags")?)?;
    Ok(EventLine {
        position: Position::new(required(envelope.position, "position")?.parse()?),
        id: Uuid::parse_str(&envelope.id)?,
        name: envelope.name,
        version: required(envelope.eventversion, "eventversion")?.parse()?,
        tags: Cow::Owned(tags),
        recorded_at: envelope.time.ok_or("the attribute `time` is missing")?,
        metadata: Cow::Owned(metadata),
        data: envelope.data,
    })
}

fn set(name: &mut Option<Name>, value: Extension<'_>) -> Result<(), Invalid> {
    if let Some(value) = value {
        *name = Some(Name::new("metadata", value.into_owned())?);
    }
    Ok(())
}

/// Whether a text of CloudEvents may have this character: no control character and no noncharacter.
fn is_allowed(character: char) -> bool {
    let number = u32::from(character);
    !character.is_control() && !(0xfdd0..=0xfdef).contains(&number) && number & 0xfffe != 0xfffe
}

/// A JSON text in which the characters that CloudEvents does not allow are escaped. They are inside of strings.
fn with_escapes(json: &str) -> String {
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_allowed(character) {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped
}
