//! Values at the limits of the core are stored unchanged.

use annalist_core::{
    Error, Invalid,
    criteria::Criteria,
    limits::{MAX_APPEND, MAX_KIND, MAX_NAME, MAX_PAYLOAD, MAX_TAG},
    record::{Draft, Metadata, Name, Position},
    store::{Append, Marker, PageLimit, Read},
};

use crate::{
    failure::Outcome,
    support::{fixtures::*, handle::Handle, log::Log},
};

cases!("limits": [
    payloads_keep_every_byte,
    payload_of_one_megabyte,
    payload_of_the_maximum_size,
    append_of_more_than_the_maximum_size,
    tags_and_names_of_the_maximum_length,
    metadata_keeps_special_characters,
    maximum_schema_version,
    thousand_tags_on_one_event,
    hundreds_of_reads_in_one_call,
]);

/// Appends events and compares them with the results of a read and of the feed.
async fn check_round_trip(log: &Handle, drafts: Vec<Draft>) -> Outcome {
    let before = log.settled().await?.position;
    let receipt = log.expect_accepted(append(drafts.clone())).await?;
    let records = log.read_one(Read::all(Criteria::all()).after(before)).await?.records;
    ensure_eq!(records.len(), drafts.len(), "number of events read back");
    let fed = log.feed_until(&Criteria::all(), before, 10, receipt.position()).await?;
    for ((draft, stored), (record, fed)) in drafts.iter().zip(&receipt.events).zip(records.iter().zip(&fed)) {
        let expected = draft.clone().record(stored.position, record.recorded_at, Metadata::default());
        ensure_eq!(record.name, expected.name, "type of an event that was read back");
        ensure_eq!(record.tags, expected.tags, "tags of an event that was read back");
        ensure_eq!(record.data, expected.data, "payload of an event that was read back");
        ensure_eq!(*record, expected, "event that was read back");
        ensure_eq!(*fed, expected, "event returned by the feed");
    }
    Ok(())
}

/// JSON texts that a store changes if it parses and prints them.
pub(super) const UNUSUAL_JSON: [&str; 23] = [
    "null",
    "true",
    "\"\"",
    "0",
    "-0",
    "-0.0",
    "1e308",
    "1E-7",
    "0.1000",
    "123456789012345678901234567890.123456789",
    "[]",
    "[ ]",
    " {} ",
    "\n{\t\"a\" :1\r\n}\n",
    r#"{"b":1,"a":2,"B":3}"#,
    r#"{"a":1,"a":2}"#,
    r#"{"":{"":[[[]]]}}"#,
    r#""\u0000""#,
    r#""\u001f\u007f""#,
    r#""\uD83D\uDE00 😀""#,
    r#""\/ / \\ \" ' '' %s {} $1 ? :x""#,
    "\"é e\u{301} \u{feff} \u{200b} \u{2028}\"",
    "\"\u{7f}\u{80}\"",
];

async fn payloads_keep_every_byte(log: Log) -> Outcome {
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let draft = |text: &str| event_with("a", &[], text);
    check_round_trip(&log, UNUSUAL_JSON.into_iter().chain([deep.as_str()]).map(draft).collect()).await
}

async fn payload_of_one_megabyte(log: Log) -> Outcome {
    let text = format!("{{\"é\":\"{}\"}}", "aé\\n".repeat(1_000_000 / 5));
    check_round_trip(&log, vec![event("before", &[]), event_with("a", &["x:1"], &text), event("after", &[])])
        .await?;
    let found = log.read_one(read(&["a"], &["x:1"])).await?.records;
    ensure!(
        found.len() == 1 && found[0].data.as_str() == text,
        "the payload of one megabyte was not returned unchanged"
    );
    Ok(())
}

async fn payload_of_the_maximum_size(log: Log) -> Outcome {
    let text = format!("\"{}\"", "x".repeat(MAX_PAYLOAD - 2));
    check_round_trip(&log, vec![event_with("a", &[], &text)]).await
}

/// Metadata are stored with each event, so many small events are a large append.
async fn append_of_more_than_the_maximum_size(log: Log) -> Outcome {
    let name = |text: &str| Name::new("name", text.repeat(MAX_NAME)).ok();
    let mut metadata = Metadata::default();
    metadata.command_id = name("i");
    metadata.command = name("c");
    metadata.correlation = name("o");
    metadata.causation = name("a");
    metadata.actor = name("u");
    metadata.trace = name("t");
    let event = event_with("a", &[], "0");
    let events = MAX_APPEND / (6 * MAX_NAME) + 1;
    let too_large = Append { events: vec![event; events], metadata: metadata.into(), ..Append::default() };
    let result = log.append_one(too_large).await;
    ensure!(
        matches!(&result, Err(Error::Invalid(Invalid::TooLarge { size, limit: MAX_APPEND, .. })) if *size > MAX_APPEND),
        "an append of more than the maximum size must be refused as too large, but returned {result:?}"
    );
    ensure_eq!(log.read_all().await?.len(), 0, "number of events after a refused append");
    Ok(())
}

async fn tags_and_names_of_the_maximum_length(log: Log) -> Outcome {
    let kind = "k".repeat(MAX_KIND);
    let repeated = |text: &str, size: usize| text.repeat(size / text.len()) + &"x".repeat(size % text.len());
    let value_length = MAX_TAG - MAX_KIND - 1;
    let values =
        ["x", "é", "😀", "'", "\\", "\n", "\u{1f}", "%", "\""].map(|text| repeated(text, value_length));
    let texts: Vec<String> = values.iter().map(|value| format!("{kind}:{value}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let names = ["n", "é", "😀", "'", "\\"].map(|text| repeated(text, MAX_NAME));
    check_round_trip(&log, names.iter().map(|name| event(name.clone(), &texts)).collect()).await?;
    for name in &names {
        let wide = criteria_for(&[name], &texts);
        let batch = log.read_one(Read::all(wide.clone())).await?;
        ensure_eq!(
            batch.records.len(),
            1,
            "number of events with the longest name and all of the longest tags"
        );
        log.expect_accepted(empty_append().if_unchanged(wide.clone(), batch.marker)).await?;
        let result = log.expect_conflict(empty_append().if_unchanged(wide, Marker::START)).await?;
        ensure_eq!(
            result,
            (0, batch.records[0].position),
            "failed condition and conflicting position of a condition with the longest texts"
        );
    }
    // A tag that differs in the last byte is another tag.
    let almost = format!("{}y", &texts[0][..MAX_TAG - 1]);
    ensure_eq!(
        log.read_one(read(&[], &[&almost])).await?.records,
        [],
        "events with a tag that differs in its last byte"
    );
    Ok(())
}

async fn metadata_keeps_special_characters(log: Log) -> Outcome {
    let texts = [
        " ", "'", "''", "\"", "\\", "\n", "\t\r", "\u{1}", "\u{1f}", "\u{7f}", "é", "e\u{301}", "😀", "%s",
        "$1", "{}", "[\"a\"]", "null", "\u{feff}", "\u{2028}", "a\u{1f}b",
    ];
    let long = "é".repeat(MAX_NAME / 2);
    for text in texts.into_iter().chain([long.as_str()]) {
        let text = text.to_owned();
        let mut metadata = Metadata::default();
        metadata.command_id = Some(name(text.clone()));
        metadata.actor = Some(name(text.clone()));
        metadata.causation = Some(name(text.clone()));
        let at = log
            .expect_accepted(append([event("a", &[])]).with_journal("{}").with_metadata(metadata.clone()))
            .await?
            .position();
        let found =
            log.read_one(Read::all(Criteria::all()).after(Position::new(at.get() - 1))).await?.records;
        ensure_eq!(found.len(), 1, "number of events after the previous one");
        ensure_eq!(found[0].metadata()?, &metadata, "metadata with {text:?}");
    }
    for (record, entry) in log.read_all().await?.iter().zip(log.journal(0, PageLimit::records(100)).await?) {
        ensure_eq!(
            &entry.metadata,
            record.metadata()?,
            "metadata of a journal entry, compared with its event"
        );
    }
    Ok(())
}

async fn maximum_schema_version(log: Log) -> Outcome {
    let draft = |version| Draft::new("a", version, [], payload("{}"));
    check_round_trip(&log, vec![draft(0)?, draft(1)?, draft(i32::MAX.unsigned_abs() + 1)?, draft(u32::MAX)?])
        .await
}

async fn thousand_tags_on_one_event(log: Log) -> Outcome {
    let texts: Vec<String> = (0..1_000).map(|n| format!("n:{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    check_round_trip(&log, vec![event("a", &texts), event("b", &texts[..1])]).await?;
    for some in [&["n:0"][..], &["n:999"], &["n:500", "n:0", "n:999"]] {
        let found = log.read_one(read(&["a"], some)).await?;
        ensure_eq!(found.records.len(), 1, "number of events with the tags {some:?}");
        log.expect_accepted(
            append([event("b", &texts)]).if_unchanged(criteria_for(&["a"], some), found.marker),
        )
        .await?;
    }
    Ok(())
}

async fn hundreds_of_reads_in_one_call(log: Log) -> Outcome {
    let at = log.expect_accepted(append((0..300).map(|n| event("a", &[&format!("n:{n}")])))).await?;
    let at = positions(&at);
    let reads: Vec<Read> = (0..300).rev().map(|n| read(&["a"], &[&format!("n:{n}")])).collect();
    let batches = log.read(&reads).await?;
    ensure_eq!(batches.len(), 300, "number of batches returned for 300 reads");
    for (batch, position) in batches.iter().zip(at.iter().rev()) {
        ensure_eq!(positions_of(&batch.records), [*position], "positions returned for one of 300 reads");
    }
    Ok(())
}
