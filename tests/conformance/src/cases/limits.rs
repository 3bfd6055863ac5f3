//! Everything that the core's limits allow comes back equal.

use annalist_core::{
    criteria::Criteria,
    limits::{MAX_KIND, MAX_NAME, MAX_PAYLOAD, MAX_TAG},
    record::{Draft, Metadata, Position},
    store::{Marker, Read},
};

use crate::{
    failure::Outcome,
    given::*,
    log::{Handle, Log},
};

cases!("limits": [
    payloads_keep_every_byte,
    a_payload_of_a_megabyte,
    the_largest_payload,
    the_longest_tags_and_names,
    odd_texts_in_metadata,
    the_highest_schema_version,
    a_thousand_tags_on_one_event,
    hundreds_of_reads_in_one_call,
]);

/// Writes events and compares them with what reads and the feed give.
async fn come_back(log: &Handle, drafts: Vec<Draft>) -> Outcome {
    let before = log.settled().await?.position;
    let receipt = log.accepted(append(drafts.clone())).await?;
    let records = log.look(Read::all(Criteria::all()).after(before)).await?.records;
    ensure_eq!(records.len(), drafts.len(), "events read back");
    let fed = log.drain(&Criteria::all(), before, 10, receipt.position()).await?;
    for ((draft, stored), (record, fed)) in drafts.iter().zip(&receipt.events).zip(records.iter().zip(&fed)) {
        let wanted = draft.clone().record(stored.position, record.recorded_at, Metadata::default());
        ensure_eq!(record.name, wanted.name, "the type that was read");
        ensure_eq!(record.tags, wanted.tags, "the tags that were read");
        ensure_eq!(record.data, wanted.data, "the payload that was read");
        ensure_eq!(*record, wanted, "the event that was read");
        ensure_eq!(*fed, wanted, "the event that the feed gave");
    }
    Ok(())
}

/// Texts that a store which reads or writes JSON itself might change.
pub(super) const ODD_JSON: [&str; 23] = [
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
    come_back(&log, ODD_JSON.into_iter().chain([deep.as_str()]).map(draft).collect()).await
}

async fn a_payload_of_a_megabyte(log: Log) -> Outcome {
    let text = format!("{{\"é\":\"{}\"}}", "aé\\n".repeat(1_000_000 / 5));
    come_back(&log, vec![event("before", &[]), event_with("a", &["x:1"], &text), event("behind", &[])])
        .await?;
    let found = log.look(read(&["a"], &["x:1"])).await?.records;
    ensure!(found.len() == 1 && found[0].data.as_str() == text, "the payload of a megabyte");
    Ok(())
}

async fn the_largest_payload(log: Log) -> Outcome {
    let text = format!("\"{}\"", "x".repeat(MAX_PAYLOAD - 2));
    come_back(&log, vec![event_with("a", &[], &text)]).await
}

async fn the_longest_tags_and_names(log: Log) -> Outcome {
    let kind = "k".repeat(MAX_KIND);
    let filler = |text: &str, size: usize| text.repeat(size / text.len()) + &"x".repeat(size % text.len());
    let room = MAX_TAG - MAX_KIND - 1;
    let values = ["x", "é", "😀", "'", "\\", "\n", "\u{1f}", "%", "\""].map(|text| filler(text, room));
    let texts: Vec<String> = values.iter().map(|value| format!("{kind}:{value}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let names = ["n", "é", "😀", "'", "\\"].map(|text| filler(text, MAX_NAME));
    come_back(&log, names.iter().map(|name| event(name.clone(), &texts)).collect()).await?;
    for name in &names {
        let wide = of(&[name], &texts);
        let batch = log.look(Read::all(wide.clone())).await?;
        ensure_eq!(batch.records.len(), 1, "events of the longest name with all of the longest tags");
        log.accepted(nothing().under(wide.clone(), batch.marker)).await?;
        let answer = log.conflict(nothing().under(wide, Marker::START)).await?;
        ensure_eq!(answer, (0, batch.records[0].position), "what a condition of the longest texts met");
    }
    // The same but for its last byte is another tag.
    let almost = format!("{}y", &texts[0][..MAX_TAG - 1]);
    ensure_eq!(
        log.look(read(&[], &[&almost])).await?.records,
        [],
        "events with a tag that differs in its last byte"
    );
    Ok(())
}

async fn odd_texts_in_metadata(log: Log) -> Outcome {
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
        let at =
            log.accepted(append([event("a", &[])]).journaled("{}").with(metadata.clone())).await?.position();
        let found = log.look(Read::all(Criteria::all()).after(Position::new(at.get() - 1))).await?.records;
        ensure_eq!(found.len(), 1, "events behind the one before");
        ensure_eq!(found[0].metadata()?, &metadata, "metadata with {text:?}");
    }
    for (record, entry) in log.everything().await?.iter().zip(log.journal(0, 100).await?) {
        ensure_eq!(&entry.metadata, record.metadata()?, "metadata of a journal entry");
    }
    Ok(())
}

async fn the_highest_schema_version(log: Log) -> Outcome {
    let draft = |version| Draft::new("a", version, [], payload("{}"));
    come_back(&log, vec![draft(0)?, draft(1)?, draft(i32::MAX.unsigned_abs() + 1)?, draft(u32::MAX)?]).await
}

async fn a_thousand_tags_on_one_event(log: Log) -> Outcome {
    let texts: Vec<String> = (0..1_000).map(|n| format!("n:{n}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    come_back(&log, vec![event("a", &texts), event("b", &texts[..1])]).await?;
    for wanted in [&["n:0"][..], &["n:999"], &["n:500", "n:0", "n:999"]] {
        let found = log.look(read(&["a"], wanted)).await?;
        ensure_eq!(found.records.len(), 1, "events with {wanted:?}");
        log.accepted(append([event("b", &texts)]).under(of(&["a"], wanted), found.marker)).await?;
    }
    Ok(())
}

async fn hundreds_of_reads_in_one_call(log: Log) -> Outcome {
    let at = log.accepted(append((0..300).map(|n| event("a", &[&format!("n:{n}")])))).await?;
    let at = positions(&at);
    let reads: Vec<Read> = (0..300).rev().map(|n| read(&["a"], &[&format!("n:{n}")])).collect();
    let batches = log.read(&reads).await?;
    ensure_eq!(batches.len(), 300, "batches of 300 reads");
    for (batch, position) in batches.iter().zip(at.iter().rev()) {
        ensure_eq!(places(&batch.records), [*position], "the answer to one of 300 reads");
    }
    Ok(())
}
