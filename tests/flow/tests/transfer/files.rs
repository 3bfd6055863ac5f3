//! Files that are not what an export has written: the import returns an error that names the place, and the log remains empty.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use annalist::{
    Criteria, EventStore, Memory, Position, Sqlite,
    manual::Payload,
    raw::store::PageLimit,
    store::{Append, Draft},
    transfer::{self, Export, Part, TransferError, Transferred},
};
use fastrand::Rng;
use sha2::{Digest, Sha256};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::io::{AsyncRead, BufReader, ReadBuf};

use crate::logs::{EmptyLog, FORMS, Form, exported, fill};

/// The export of a small log with all kinds of lines, whose payloads are neither large nor deep.
async fn small(form: Form) -> Vec<u8> {
    for seed in 0.. {
        let log = EmptyLog::memory();
        fill(&*log.store, &mut Rng::with_seed(seed)).await;
        let file = exported(&log.store, form).await;
        let part: Part = str::from_utf8(&file).unwrap().lines().last().unwrap().parse().unwrap();
        let Transferred { command_ids, journal_entries, successors, policies, tombstones, retags, .. } =
            part.contents;
        let has_all = tombstones > 0
            && retags > 0
            && command_ids > 3
            && journal_entries > 3
            && successors > 0
            && policies > 0;
        if has_all && file.len() < 20_000 && !file.windows(3).any(|bytes| bytes == b"[[[") {
            return file;
        }
    }
    unreachable!()
}

/// Imports a file that is damaged. The log is empty then, and usable.
pub(crate) async fn refused(file: &[u8]) -> TransferError {
    let store = Memory::new();
    let error = match transfer::import(&store, &mut &*file).await {
        Err(error) => error,
        Ok(imported) => {
            panic!("a damaged file was imported: {imported:?}\n{}", String::from_utf8_lossy(file))
        }
    };
    assert_is_empty(&store).await;
    error
}

async fn assert_is_empty(store: &dyn EventStore) {
    let page = store.feed(&Criteria::all(), Position::START, PageLimit::CHUNK).await.unwrap();
    assert!(page.records.is_empty());
    assert!(store.command_ids("", PageLimit::CHUNK).await.unwrap().is_empty());
    assert!(store.journal(0, PageLimit::CHUNK).await.unwrap().is_empty());
    let event = Draft::new("opened", 1, [], Payload::parse("{}").unwrap()).unwrap();
    store.append_one(Append { events: vec![event], ..Append::default() }).await.unwrap();
}

#[tokio::test]
async fn truncated_file_is_refused() {
    for form in FORMS {
        let file = small(form).await;
        let ends = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let ends: Vec<usize> = ends.collect();
        for (lines, end) in ends[..ends.len() - 1].iter().enumerate() {
            let error = refused(&file[..*end]).await;
            assert!(matches!(error, TransferError::Truncated { lines: found } if found == lines as u64 + 1));
        }
        let mut random = Rng::with_seed(7);
        for _ in 0..200 {
            let at = random.usize(..file.len());
            assert!(matches!(refused(&file[..at]).await, TransferError::Truncated { .. }), "at {at}");
        }
        // The last line without its line break.
        assert!(matches!(refused(&file[..file.len() - 1]).await, TransferError::Truncated { .. }));
    }
}

#[tokio::test]
async fn changed_byte_is_found() {
    for form in FORMS {
        let file = small(form).await;
        let mut random = Rng::with_seed(11);
        let last_line = file[..file.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        // Every bit of the last line, which has the checksum, and some of the others.
        let of_last_line = (last_line..file.len()).flat_map(|at| (0..8).map(move |bit| (at, bit)));
        let of_others: Vec<_> = (0..500).map(|_| (random.usize(..last_line), random.u32(..8))).collect();
        for (at, bit) in of_last_line.chain(of_others) {
            let mut changed = file.clone();
            changed[at] ^= 1 << bit;
            refused(&changed).await;
        }
        let inserted = [&file[..last_line], b" ", &file[last_line..]].concat();
        assert!(matches!(refused(&inserted).await, TransferError::Checksum { .. }));
        let removed = [&file[..40], &file[41..]].concat();
        refused(&removed).await;
    }
}

#[tokio::test]
async fn log_that_is_not_empty_is_refused_and_unchanged() {
    let file = small(Form::Lines).await;
    let store: Arc<dyn EventStore> = Arc::new(Memory::new());
    transfer::import(&*store, &mut file.as_slice()).await.unwrap();
    let error = transfer::import(&*store, &mut file.as_slice()).await.unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    let error = transfer::copy(&Memory::new(), &*store).await.unwrap_err();
    assert!(error.to_string().contains("not empty"), "{error}");
    assert_eq!(exported(&store, Form::Lines).await, file);
}

#[tokio::test]
async fn empty_log_is_exported_and_imported() {
    for form in FORMS {
        let log = EmptyLog::memory();
        let file = exported(&log.store, form).await;
        let imported = transfer::import(&*log.store, &mut file.as_slice()).await.unwrap();
        assert_eq!((imported.events, imported.up_to), (0, Position::START));
        assert_is_empty(&*log.store).await;
    }
}

/// Lines of a made-up part, with its checksum.
pub(crate) fn sealed(lines: &[&str], end: &str) -> Vec<u8> {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let digest = Sha256::digest(text.as_bytes());
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{text}{{\"end\":{{{end},\"sha256\":\"{sha256}\"}}}}\n").into_bytes()
}

const HEADER: &str = r#"{"header":{"version":1,"after":0,"up_to":2,"previous":null}}"#;
const END: &str = r#""after":0,"up_to":2,"last_event":"00000000-0000-0000-0000-000000000002","events":2,"command_ids":1,"journal_entries":1"#;
const ONE: &str = r#"{"event":{"position":1,"id":"00000000-0000-0000-0000-000000000001","type":"a","version":1,"tags":[],"recorded_at":"2026-01-31T12:00:00Z","metadata":{},"data":{}}}"#;
const TWO: &str = r#"{"event":{"position":2,"id":"00000000-0000-0000-0000-000000000002","type":"a","version":1,"tags":["a:1"],"recorded_at":"2026-01-31T12:00:00Z","metadata":{},"data":{}}}"#;
const SUCCESSOR: &str = r#"{"successor":{"of":"b","name":"a","rename":true,"since":2}}"#;
const POLICY: &str = r#"{"policy":{"name":"mailer","position":2,"last_event":[1,"00000000-0000-0000-0000-000000000001"],"parked":[{"event":[1,"00000000-0000-0000-0000-000000000001"],"keys":[""],"error":"no","attempts":1}]}}"#;
const COMMAND: &str = r#"{"command_id":{"id":"c","command":"do","scope":"[]","recorded_at":"2026-01-31T12:00:00Z","events":[[2,"00000000-0000-0000-0000-000000000002"]]}}"#;
const ENTRY: &str = r#"{"journal_entry":{"number":1,"recorded_at":"2026-01-31T12:00:00Z","metadata":{},"outcome":{"accepted":[2]},"command":{}}}"#;

#[tokio::test]
async fn made_up_line_is_refused_with_its_number() {
    let valid = sealed(&[HEADER, ONE, TWO, COMMAND, ENTRY], END);
    transfer::import(&Memory::new(), &mut valid.as_slice()).await.unwrap();

    let cases: &[(&[&str], u64, &str)] = &[
        (&["{}"], 1, "a part of an export should begin here"),
        (&[ONE], 1, "it belongs to no part"),
        (&[HEADER, HEADER], 2, "a part begins before the end"),
        (&[&HEADER.replace("\"version\":1", "\"version\":3")], 1, "use the newer program"),
        (&[&HEADER.replace("\"after\":0", "\"after\":1")], 1, "import the parts before it first"),
        (&[&HEADER.replace("null", "\"00\"")], 1, "import the parts before it first"),
        (&[HEADER, TWO, ONE], 3, "the event at position 1 comes after the event at position 2"),
        (&[HEADER, ONE, ONE], 3, "the event at position 1 comes after the event at position 1"),
        (&[HEADER, &ONE.replace(":1,\"id", ":0,\"id")], 2, "comes after the event at position 0"),
        (&[HEADER, &TWO.replace(":2,\"id", ":3,\"id")], 2, "is after the end of the part at 2"),
        (&[HEADER, ONE, &COMMAND.replace("[2,", "[1,"), TWO], 4, "it is not in order"),
        (&[HEADER, ONE, TWO, ENTRY, COMMAND], 5, "it is not in order"),
        (&[HEADER, ONE, TWO, COMMAND, COMMAND], 5, "it is not in order"),
        (&[HEADER, ONE, TWO, COMMAND, ENTRY, ENTRY], 6, "it is not in order"),
        (&[HEADER, ONE, COMMAND], 3, "its event at position 2 is after the last event at 1"),
        (&[HEADER, ONE, TWO, &COMMAND.replace("[2,", "[0,")], 4, "belongs to an earlier part"),
        (&[HEADER, &ONE.replace("\"a\"", "\"$gap\"")], 2, "reserved for the log"),
        (&[HEADER, &ONE.replace("\"a\"", "\"a b\"")], 2, "white space"),
        (&[HEADER, &ONE.replace("[]", "[\"A:1\"]")], 2, "tag"),
        (&[HEADER, &ONE.replace("[]", "[\"b:1\",\"a:1\"]")], 2, "not sorted"),
        (&[HEADER, &ONE.replace("[]", "[\"a:\\u0000\"]")], 2, "NUL"),
        (&[HEADER, &ONE.replace("\"metadata\":{}", "\"metadata\":{\"actor\":\"\"}")], 2, "must not be empty"),
        (&[HEADER, &ONE.replace("2026-01-31", "2026-02-31")], 2, "is not a time"),
        (&[HEADER, &ONE.replace("\"data\":{}", &format!("\"data\":{}", "[".repeat(200)))], 2, "expected"),
        (
            &[
                HEADER,
                &ONE.replace("\"data\":{}", &format!("\"data\":{}{}", "[".repeat(128), "]".repeat(128))),
            ],
            2,
            "recursion limit",
        ),
        (&[HEADER, &ONE.replace("\"data\"", "\"other\"")], 2, "unknown field"),
        (&[HEADER, ONE, TWO, COMMAND, &ENTRY.replace(":1,", ":0,")], 5, "its number is not valid"),
        (&[HEADER, ONE, TWO, &COMMAND.replace("\"c\"", "\"\"")], 4, "must not be empty"),
        (&[HEADER, ONE, TWO, &COMMAND.replace("\"[]\"", "\"\\u0000\"")], 4, "NUL"),
        // A line that lacks what the last line counts.
        (&[HEADER, ONE, TWO, COMMAND], 5, "1 command ids, 0 journal entries"),
        (&[HEADER, ONE, TWO, SUCCESSOR], 5, "1 successors, 0 command ids"),
        (&[HEADER, ONE, &SUCCESSOR.replace("\"since\":2", "\"since\":1"), TWO], 4, "not in order"),
        (&[HEADER, ONE, TWO, COMMAND, SUCCESSOR], 5, "not in order"),
        (&[HEADER, ONE, TWO, SUCCESSOR, SUCCESSOR], 5, "not in order"),
        (&[HEADER, ONE, TWO, &SUCCESSOR.replace("\"since\":2", "\"since\":3")], 4, "after the last event"),
        (&[HEADER, ONE, TWO, &SUCCESSOR.replace("\"since\":2", "\"since\":0")], 4, "earlier part"),
        (&[HEADER, ONE, TWO, &SUCCESSOR.replace("\"of\":\"b\"", "\"of\":\"\"")], 4, "must not be empty"),
        (&[HEADER, ONE, TWO, POLICY], 5, "and 1 policies"),
        (&[HEADER, ONE, TWO, POLICY, COMMAND], 5, "not in order"),
        (&[HEADER, ONE, TWO, &POLICY.replace("mailer", "Mailer")], 4, "a name that is not valid"),
        (&[HEADER, ONE, TWO, &POLICY.replace("\"position\":2", "\"position\":3")], 4, "after the last event"),
        (&[HEADER, ONE, TWO, &POLICY.replace("\"position\":2", "\"position\":0")], 4, "after its checkpoint"),
        (
            &[HEADER, ONE, TWO, &POLICY.replace("\"last_event\":[1,", "\"last_event\":[3,")],
            4,
            "after its checkpoint",
        ),
        (&[HEADER, ONE], 3, "1 events up to position 1"),
    ];
    for (lines, number, reason) in cases {
        match refused(&sealed(lines, END)).await {
            TransferError::Line { line, reason: found, .. } => {
                assert_eq!(line, *number, "{lines:?}: {found}");
                assert!(found.contains(reason), "{lines:?}: {found}");
            }
            other => panic!("{lines:?}: {other}"),
        }
    }
    let far = HEADER.replace(":2,", ":9000000,");
    let far = sealed(&[&far, ONE, &TWO.replace(":2,\"id", ":9000000,\"id")], END);
    let error = refused(&far).await;
    assert!(error.to_string().contains("positions without an event between 1 and 9000000"), "{error}");
}

#[tokio::test]
async fn wrong_checksum_is_named() {
    let file = String::from_utf8(small(Form::Lines).await).unwrap();
    let at = file.rfind("sha256").unwrap() + 9;
    let changed = format!("{}{}{}", &file[..at], "0".repeat(64), &file[at + 64..]);
    let error = refused(changed.as_bytes()).await;
    assert!(matches!(&error, TransferError::Checksum { expected, actual, .. }
        if *expected == "0".repeat(64) && *actual == file[at..at + 64]));
    assert!(error.to_string().contains(&format!("line {}", file.lines().count())), "{error}");
}

/// A reader that fails, or does not continue, after some bytes.
struct Interrupted<'a> {
    bytes: &'a [u8],
    fails: bool,
}

impl AsyncRead for Interrupted<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.bytes.is_empty() {
            return if self.fails {
                Poll::Ready(Err(io::Error::other("the disk failed")))
            } else {
                Poll::Pending
            };
        }
        let length = to.remaining().min(self.bytes.len());
        to.put_slice(&self.bytes[..length]);
        self.bytes = &self.bytes[length..];
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn interrupted_import_leaves_the_log_empty() {
    let file = small(Form::Lines).await;
    for fails in [true, false] {
        for log in [EmptyLog::memory(), EmptyLog::sqlite().await] {
            let bytes = &file[..file.len() - 10];
            let mut reader = BufReader::with_capacity(64, Interrupted { bytes, fails });
            let import = transfer::import(&*log.store, &mut reader);
            if fails {
                assert!(matches!(import.await, Err(TransferError::Io(_))));
            } else {
                assert!(poll_often(import).await.is_none());
            }
            assert_is_empty(&*log.store).await;
        }
    }
}

/// Polls a future until it completes, or has waited for its reader for a while.
async fn poll_often<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    for _ in 0..1_000 {
        let polled = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context)));
        if let Poll::Ready(output) = polled.await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

#[tokio::test]
async fn damaged_log_is_not_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.db");
    let store: Arc<dyn EventStore> = Arc::new(Sqlite::open(&path).await.unwrap());
    fill(&*store, &mut Rng::with_seed(3)).await;
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    let damage =
        "UPDATE annalist_events SET data = '{' WHERE position = (SELECT max(position) FROM annalist_events)";
    sqlx::query(damage).execute(&mut connection).await.unwrap();
    let last = store.settled().await.unwrap().position;
    let error = Export::new(Arc::clone(&store)).write_to(&mut tokio::io::sink()).await.unwrap_err();
    assert!(matches!(&error, TransferError::Content { .. }), "{error}");
    assert!(error.to_string().contains(&format!("position {last}")), "{error}");
    let target = Memory::new();
    assert!(matches!(transfer::copy(&*store, &target).await, Err(TransferError::Content { .. })));
    assert_is_empty(&target).await;
}

#[tokio::test]
async fn source_of_cloud_events_must_be_a_uri() {
    for bad in ["", "a b", "é", "a\n"] {
        let export = Export::new(Memory::new()).cloud_events(bad);
        let error = export.write_to(&mut tokio::io::sink()).await.unwrap_err();
        assert!(error.to_string().contains("https://bank.example/log"), "{error}");
    }
}

/// What the specification requires of each line: <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>.
#[tokio::test]
async fn cloud_events_have_the_attributes_of_the_standard() {
    let file = String::from_utf8(small(Form::CloudEvents).await).unwrap();
    let mut ids = std::collections::HashSet::new();
    let is_allowed = |character: char| {
        let number = u32::from(character);
        !character.is_control() && !(0xfdd0..=0xfdef).contains(&number) && number & 0xfffe != 0xfffe
    };
    for line in file.lines() {
        let event: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&event["specversion"], &event["source"]),
            (&"1.0".into(), &"https://bank.example/log".into())
        );
        assert!(!event["type"].as_str().unwrap().is_empty());
        assert!(ids.insert(event["id"].as_str().unwrap().to_owned()), "the id of {line} is not unique");
        assert_eq!(event["datacontenttype"], "application/json");
        for (name, value) in event.iter().filter(|(name, _)| *name != "data") {
            assert!(name.len() <= 20 && name.bytes().all(|byte| byte.is_ascii_lowercase()), "{name}");
            assert!(value.as_str().unwrap().chars().all(is_allowed), "{name}: {value:?}");
        }
        if let Some(time) = event.get("time") {
            time.as_str().unwrap().parse::<annalist::Timestamp>().unwrap();
        }
    }
}
