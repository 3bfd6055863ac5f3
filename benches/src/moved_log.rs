//! A log to export and to import.

use annalist::{
    EventStore, Invalid, Memory, Position, Record, Tag, Timestamp,
    manual::Payload,
    store::{Draft, Metadata, Name},
};

/// A log of events as a bank has them: two tags, and a payload of about 100 bytes.
pub(crate) async fn filled(events: u64) -> Result<Memory, Box<dyn std::error::Error + Send + Sync>> {
    let store = Memory::new();
    let mut import = store.import().await?;
    for start in (0..events).step_by(1_000) {
        let records = (start..events.min(start + 1_000)).map(record);
        import.write_events(records.collect::<Result<_, _>>()?, Vec::new()).await?;
    }
    import.finish().await?;
    Ok(store)
}

/// An event of this log.
pub(crate) fn record(number: u64) -> Result<Record, Invalid> {
    let (from, to) = (number % 10_007, number % 9_973);
    let tags = [Tag::new("account", from)?, Tag::new("account", to + 20_000)?];
    let payload = format!(
        r#"{{"from":{from},"to":{to},"amount":{number},"reference":"transfer {number} of the month","tags":["a","b"]}}"#
    );
    let name = ["account.moved", "account.checked", "account.booked"][(number % 3) as usize];
    let draft = Draft::new(name, 1, tags, Payload::parse(payload)?)?;
    let mut metadata = Metadata::default();
    metadata.actor = Some(Name::new("actor", "ann")?);
    Ok(draft.record(Position::new(number + 1), Timestamp::from_micros(number.cast_signed()), metadata))
}
