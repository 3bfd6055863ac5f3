//! Lines of archives, tombstones and retags that do not fit are refused.

use annalist::{
    Memory,
    transfer::{self, TransferError},
};

use super::files::{refused, sealed};

const HEADER: &str = r#"{"header":{"version":2,"after":0,"up_to":4,"previous":null,"changes":"00"}}"#;
const END: &str = r#""after":0,"up_to":4,"last_event":"00000000-0000-0000-0000-000000000004","events":2,"tombstones":2,"archives":2,"retags":1,"changes":"00","command_ids":0,"journal_entries":0"#;
const COMPLETE: &str = r#"{"archive":{"number":1,"ids":["a:1","a:2"],"state":"complete","up_to":4,"file":"a","actor":"ann","closed_at":"2026-01-31T12:00:00Z","removed":{"events":2,"first":1,"last":4,"checksum":"0a","shared_with":[],"at":"2026-01-31T12:00:00Z"},"opened_at":null,"version":7,"retags":0}}"#;
const CLOSING: &str = r#"{"archive":{"number":2,"ids":["a:3"],"state":"closing","up_to":4,"file":"b","actor":null,"closed_at":"2026-01-31T12:00:00Z","removed":null,"opened_at":null,"version":0,"retags":0}}"#;
const RETAG: &str = r#"{"retag":{"name":"a","kind":"b","state":"running","up_to":3,"events":2,"changed":1,"actor":null,"started_at":"2026-01-31T12:00:00Z","updated_at":"2026-01-31T12:00:00Z","version":8}}"#;
const ONE: &str = r#"{"tombstone":{"position":1,"id":"00000000-0000-0000-0000-000000000001"}}"#;
const TWO: &str = r#"{"event":{"position":2,"id":"00000000-0000-0000-0000-000000000002","type":"a","version":1,"tags":["a:3"],"recorded_at":"2026-01-31T12:00:00Z","metadata":{},"data":{}}}"#;
const THREE: &str = r#"{"event":{"position":3,"id":"00000000-0000-0000-0000-000000000003","type":"a","version":1,"tags":[],"recorded_at":"2026-01-31T12:00:00Z","metadata":{},"data":{}}}"#;
const FOUR: &str = r#"{"tombstone":{"position":4,"id":"00000000-0000-0000-0000-000000000004"}}"#;

/// All lines, with some of them replaced. An empty line is left out.
fn file(replaced: &[(usize, &str)]) -> Vec<u8> {
    let mut lines = [HEADER, COMPLETE, CLOSING, RETAG, ONE, TWO, THREE, FOUR];
    for (index, line) in replaced {
        lines[*index] = line;
    }
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    sealed(&lines, END)
}

async fn assert_refused(file: &[u8], number: u64, reason: &str) {
    match refused(file).await {
        TransferError::Line { line, reason: found, .. } => {
            assert_eq!(line, number, "{reason}: {found}");
            assert!(found.contains(reason), "{reason}: {found}");
        }
        other => panic!("{reason}: {other}"),
    }
}

#[tokio::test]
async fn made_up_line_is_refused_with_its_number() {
    let imported = transfer::import(&Memory::new(), &mut file(&[]).as_slice()).await.unwrap();
    assert_eq!((imported.archives, imported.retags, imported.tombstones, imported.events), (2, 1, 2, 2));

    let complete = |from: &str, to: &str| COMPLETE.replace(from, to);
    let closing = |from: &str, to: &str| CLOSING.replace(from, to);
    let retag = |from: &str, to: &str| RETAG.replace(from, to);
    let cases = [
        // Out of order, twice, or missing.
        (0, HEADER.replace(":2,", ":1,"), 2, "version 1 of the form"),
        (1, closing("\"b\"", "\"c\""), 2, "the next one should be archive 1"),
        (1, String::new(), 2, "the next one should be archive 1"),
        (2, COMPLETE.to_owned(), 3, "not in order"),
        (2, closing("\"number\":2", "\"number\":3"), 3, "the next one should be archive 2"),
        (3, format!("{RETAG}\n{RETAG}"), 5, "not in order"),
        (3, format!("{RETAG}\n{CLOSING}"), 5, "not in order"),
        (4, TWO.to_owned(), 6, "position 2 comes after the event at position 2"),
        (5, format!("{ONE}\n{TWO}"), 6, "position 1 comes after the event at position 1"),
        (6, format!("{THREE}\n{RETAG}"), 8, "not in order"),
        (7, FOUR.replace(":4,", ":5,"), 8, "after the end of the part"),
        (7, String::new(), 8, "1 tombstones, 2 archives, 1 retags"),
        // Archives.
        (1, complete(":1,\"ids", ":0,\"ids"), 2, "its number or a version is not valid"),
        (1, complete("a:2", "a:1"), 2, "its ids are not sorted"),
        (1, complete("\"a:1\",\"a:2\"", ""), 2, "its ids are not sorted, or too many or none"),
        (1, complete("a:1", "A:1"), 2, "tag"),
        (1, complete("\"a\",\"actor", "\"\",\"actor"), 2, "file name"),
        (1, complete("ann", ""), 2, "must not be empty"),
        (1, complete("complete", "closing"), 2, "what belongs to its state"),
        (1, complete("complete", "opened"), 2, "what belongs to its state"),
        (1, complete("complete", "lost"), 2, "unknown variant"),
        (1, complete("\"version\":7", "\"version\":0"), 2, "what belongs to its state"),
        (1, complete("\"version\":7", "\"version\":18446744073709551615"), 2, "a version is not valid"),
        (1, complete("\"first\":1", "\"first\":0"), 2, "the removed events is not valid"),
        (1, complete("\"first\":1", "\"first\":5"), 2, "the removed events is not valid"),
        (1, complete("\"last\":4", "\"last\":5"), 2, "the removed events is not valid"),
        (1, complete("\"events\":2", "\"events\":5"), 2, "the removed events is not valid"),
        (1, complete("\"0a\"", "\"a b\""), 2, "the removed events is not valid"),
        (1, complete("with\":[]", "with\":[1]"), 2, "the removed events is not valid"),
        (1, complete("\"retags\":0", "\"other\":0"), 2, "unknown field"),
        (2, closing("a:3", "a:2"), 3, "its id `a:2` is closed by archive 1"),
        // Tombstones and retags.
        (4, ONE.replace("000001", "000000"), 5, "has the id of an event"),
        (3, retag("\"a\"", "\"$a\""), 4, "reserved for the log"),
        (3, retag("\"b\"", "\"B\""), 4, "of the retag is not valid"),
        (3, retag(":8", ":0"), 4, "of the retag is not valid"),
        (3, retag("running", "lost"), 4, "unknown variant"),
        (3, retag("null", "\"\""), 4, "must not be empty"),
    ];
    for (index, line, number, reason) in &cases {
        assert_refused(&file(&[(*index, line)]), *number, reason).await;
    }
    // Another one begins before it is complete.
    let first = CLOSING.replace(":2,\"ids", ":1,\"ids");
    let second = COMPLETE.replace(":1,\"ids", ":2,\"ids");
    assert_refused(&file(&[(1, &first), (2, &second)]), 3, "the one before it is not complete").await;
    let outside = COMPLETE.replace("\"events\":2,\"first\":1", "\"events\":2,\"first\":2");
    assert_refused(&file(&[(1, &outside)]), 5, "no archive has the event").await;
}

/// Each line is valid, and together they are not those of a log.
#[tokio::test]
async fn archives_that_do_not_fit_the_events_are_refused() {
    let refused_with = async |replaced: &[(usize, &str)], reason: &str| {
        let error = refused(&file(replaced)).await;
        assert!(matches!(error, TransferError::Content { .. }), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    };
    let missing = "the archives have 3 events, and there are tombstones of 2";
    refused_with(&[(1, &COMPLETE.replace("\"events\":2", "\"events\":3"))], missing).await;
    // The first of its events is in the log.
    let three = TWO.replace("event\":{\"position\":2", "event\":{\"position\":1");
    let two = ONE.replace(":1,", ":2,");
    refused_with(&[(4, &three), (5, &two)], "a part or a line is missing").await;
    refused_with(
        &[(2, &CLOSING.replace("\"up_to\":4", "\"up_to\":5"))],
        "archive 2 was closed at position 5",
    )
    .await;
    refused_with(&[(3, &RETAG.replace("\"up_to\":3", "\"up_to\":5"))], "got tags up to position 5").await;
}

/// Parts of a log whose archives changed between them, and a part that lacks the last ones.
#[tokio::test]
async fn parts_of_changed_logs_are_refused() {
    let first = HEADER.replace("\"up_to\":4", "\"up_to\":2");
    let end = END.replace("\"up_to\":4", "\"up_to\":2").replace("000004\"", "000002\"");
    let end = end.replace("\"events\":2,\"tombstones\":2", "\"events\":1,\"tombstones\":1");
    let first = sealed(&[&first, COMPLETE, CLOSING, RETAG, ONE, TWO], &end);
    let error = refused(&first).await;
    assert!(error.to_string().contains("there are tombstones of 1"), "{error}");

    let text = str::from_utf8(&first).unwrap();
    let checksum = text.rsplit('"').nth(1).unwrap();
    let second = |header: &dyn Fn(String) -> String, lines: &[&str], end: &dyn Fn(String) -> String| {
        let previous =
            HEADER.replace("\"after\":0", "\"after\":2").replace("null", &format!("\"{checksum}\""));
        let last = END.replace("\"after\":0", "\"after\":2");
        let last = last.replace("\"events\":2,\"tombstones\":2", "\"events\":1,\"tombstones\":1");
        let header = header(previous);
        let lines: Vec<&str> = [header.as_str()].into_iter().chain(lines.iter().copied()).collect();
        [first.clone(), sealed(&lines, &end(last))].concat()
    };
    let same = |text: String| text;
    let all = [COMPLETE, CLOSING, RETAG, THREE, FOUR];
    transfer::import(&Memory::new(), &mut second(&same, &all, &same).as_slice()).await.unwrap();
    let changed = |text: String| text.replace("\"00\"", "\"01\"");
    assert_refused(&second(&changed, &all, &changed), 8, "changed between this part").await;
    let without = |text: String| text.replace("\"retags\":1,", "");
    let lines = [COMPLETE, CLOSING, THREE, FOUR];
    assert_refused(&second(&same, &lines, &without), 13, "lacks archives or retags").await;
}
