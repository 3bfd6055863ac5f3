//! The forms of a line: plain, or as an event of CloudEvents.

use super::{cloud_event, error::TransferError, line::Line};
use crate::{error::BoxError, record::Position};

/// Adds a line and a line break to a text: as an event of CloudEvents if there is a source. `number` is its number in the part that
/// begins after a position.
pub(super) fn write_line(
    line: &Line<'_>,
    source: Option<&str>,
    after: Position,
    number: u64,
    text: &mut Vec<u8>,
) -> Result<(), TransferError> {
    let written = match source {
        Some(source) => cloud_event::encode(line, source, after, number, text),
        None => serde_json::to_writer(&mut *text, line),
    };
    written.map_err(|error| TransferError::content(error.to_string()))?;
    text.push(b'\n');
    Ok(())
}

/// Parses a line in either form.
pub(super) fn with_line<T>(
    text: &[u8],
    use_line: impl FnOnce(Line<'_>) -> Result<T, BoxError>,
) -> Result<T, BoxError> {
    if text.starts_with(cloud_event::START) {
        return cloud_event::decode(text, use_line);
    }
    use_line(serde_json::from_slice(text)?)
}
