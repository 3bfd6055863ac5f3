//! `events`.

use std::sync::Arc;

use annalist::{
    App, EventStore, Position, Tag, Timestamp,
    manual::Payload,
    store::{Draft, Metadata},
};
use annalist_doc_tests::{Deposit, id, open};
use expect_test::expect;

use crate::bank::{Bank, Pipe};

#[tokio::test]
async fn events_are_listed_with_their_origin() {
    let bank = Bank::new().await;
    bank.call(&["events", "list"]).await.prints(expect![[r#"
        position  time                  type               tags       actor                 data
        1         2026-01-01T00:00:00Z  account.opened     account:a  ann                   {"account":"a","owner":"Ada"}
        2         2026-01-01T00:00:00Z  account.deposited  account:a  policy:welcome_bonus  {"account":"a","cents":100}
        3         2026-01-02T00:00:00Z  account.opened     account:b  ben                   {"account":"b","owner":"Bob"}
        4         2026-01-02T00:00:00Z  account.deposited  account:b  policy:welcome_bonus  {"account":"b","cents":100}
    "#]]);
    bank.call(&["events", "list", "--json", "--limit", "1"]).await.prints(expect![[r#"
        {"shape":1,"event":{"position":1,"id":"<id>","type":"account.opened","version":1,"tags":["account:a"],"recorded_at":"2026-01-01T00:00:00Z","metadata":{"command_id":"open-a","command":"open","correlation":"open-a","actor":"ann"},"data":{"account":"a","owner":"Ada"}}}
    "#]]);
}

#[tokio::test]
async fn options_select_events() {
    let bank = Bank::new().await;
    for (options, expected) in [
        (&["--type", "account.opened"][..], &[1, 3][..]),
        (&["--type", "account.opened", "--type", "account.deposited"], &[1, 2, 3, 4]),
        (&["--tag", "account:a"], &[1, 2]),
        (&["--tag", "account:a", "--tag", "account:b"], &[]),
        (&["--tag", "account:a", "--type", "account.deposited"], &[2]),
        (&["--correlation", "campaign"], &[3, 4]),
        (&["--actor", "ann"], &[1]),
        (&["--actor", "policy:welcome_bonus"], &[2, 4]),
        (&["--actor", "an"], &[]),
        (&["--after", "2"], &[3, 4]),
        (&["--after", "18446744073709551615"], &[]),
        (&["--since", "2026-01-02T00:00:00Z"], &[3, 4]),
        (&["--since", "2026-01-02T00:00:00.000001Z"], &[]),
        (&["--before", "2026-01-02T00:00:00Z"], &[1, 2]),
        (&["--limit", "3"], &[1, 2, 3]),
        (&["--limit", "0"], &[]),
    ] {
        let arguments = [&["events", "list", "--json"], options].concat();
        assert_eq!(bank.call(&arguments).await.positions(), expected, "{options:?}");
        // `tail` selects in the same way.
        if !options.contains(&"--limit") {
            let arguments = [&["events", "tail", "--json"], options].concat();
            assert_eq!(bank.call(&arguments).await.positions(), expected, "{options:?}");
        }
    }
}

#[tokio::test]
async fn events_that_a_wrong_clock_recorded_late_are_selected_by_time() {
    let bank = Bank::empty();
    import(&bank, [3, 1, 2].into_iter().map(|day| record(day, &format!("2026-01-0{day}T00:00:00Z")))).await;
    let since = bank.call(&["events", "list", "--json", "--since", "2026-01-02T00:00:00Z"]).await;
    assert_eq!(since.positions(), [1, 3]);
}

#[tokio::test]
async fn listing_says_that_there_is_more() {
    let bank = Bank::new().await;
    bank.call(&["events", "list", "--limit", "1"]).await.prints(expect![[r#"
        position  time                  type            tags       actor  data
        1         2026-01-01T00:00:00Z  account.opened  account:a  ann    {"account":"a","owner":"Ada"}
        there are more: `--limit` lists more at once, `--after 1` the following ones
    "#]]);
    bank.call(&["events", "list", "--after", "9"]).await.prints(expect![[r#"
        no events
    "#]]);
}

#[tokio::test]
async fn unknown_type_is_an_error_with_a_suggestion() {
    let bank = Bank::new().await;
    let called = bank.call(&["events", "list", "--type", "account.open"]).await;
    called.fails(
        3,
        expect![[r#"
        error: the log has no event of type `account.open`; did you mean `account.opened`?
    "#]],
    );
    let called = bank.call(&["events", "list", "--type", "x", "--json"]).await;
    called.fails(
        3,
        expect![[r#"
        {"shape":1,"error":{"code":"not_found","message":"the log has no event of type `x`"}}
        error: the log has no event of type `x`
    "#]],
    );
}

#[tokio::test]
async fn tail_finds_the_last_events_however_far_back() {
    let bank = Bank::empty();
    let records = (1..=10_000).map(|position| {
        let name = if position % 4_000 == 1 { "rare.happened" } else { "common.happened" };
        named(name, position, "2026-01-01T00:00:00Z")
    });
    import(&bank, records).await;
    let tail = async |options: &[&str]| {
        bank.call(&[&["events", "tail", "--json"], options].concat()).await.positions()
    };
    assert_eq!(tail(&["-n", "3"]).await, [9_998, 9_999, 10_000]);
    assert_eq!(tail(&["-n", "2", "--type", "rare.happened"]).await, [4_001, 8_001]);
    assert_eq!(tail(&["-n", "9", "--type", "rare.happened"]).await, [1, 4_001, 8_001]);
    assert_eq!(tail(&["-n", "9", "--type", "rare.happened", "--after", "1"]).await, [4_001, 8_001]);
    assert_eq!(tail(&["-n", "2500"]).await, (7_501..=10_000).collect::<Vec<_>>());
    assert!(tail(&["-n", "0"]).await.is_empty());
}

#[tokio::test]
async fn follow_goes_on_until_the_output_is_closed() {
    let bank = Bank::new().await;
    // A line for each of two stored events and two new ones; the next one finds the output closed.
    let mut pipe = Pipe::of(4);
    let shown = pipe.clone();
    let log = bank.log.clone();
    let appends = async move {
        let app = App::builder(log).start().await.unwrap();
        for cents in 1..=3 {
            app.execute(Deposit { account: id("a"), cents }).await.unwrap();
        }
    };
    let mut errors = Vec::new();
    let arguments = ["events", "tail", "--json", "-n", "2", "--follow"];
    let (code, ()) = tokio::join!(bank.write(&arguments, &mut pipe, &mut errors, None), appends);
    assert_eq!((code, errors.len()), (0, 0));
    assert_eq!(shown.text().lines().count(), 4);
}

#[tokio::test]
async fn one_event_is_shown_as_a_whole() {
    let bank = Bank::new().await;
    bank.call(&["events", "get", "2"]).await.prints(expect![[r#"
        position     2
        id           <id>
        type         account.deposited
        version      1
        tags         account:a
        time         2026-01-01T00:00:00Z
        actor        policy:welcome_bonus
        command      deposit
        command id   policy/welcome_bonus/00000000000000000001/<id>/<id>/0
        correlation  open-a
        causation    <id>

        {
          "account": "a",
          "cents": 100
        }
    "#]]);
    bank.call(&["events", "get", "9"]).await.fails(
        3,
        expect![[r#"
        error: there is no event at position 9; the log ends at 4
    "#]],
    );
    bank.call(&["events", "get", "0"]).await.fails(
        3,
        expect![[r#"
        error: there is no event at position 0; it is a gap
    "#]],
    );
}

#[tokio::test]
async fn payload_is_printed_as_it_is_stored() {
    let bank = Bank::empty();
    let data = r#"{"b":1,"a":[18446744073709551615,0.1],"text":"é\u0000"}"#;
    let draft = Draft::new("thing.happened", 1, [], Payload::parse(data).unwrap()).unwrap();
    let time = "2026-01-01T00:00:00Z".parse().unwrap();
    import(&bank, [draft.record(Position::new(2), time, Metadata::default())]).await;
    assert!(bank.call(&["events", "list", "--json"]).await.out.contains(data));
    assert!(bank.call(&["events", "list"]).await.out.contains(data));
    bank.call(&["events", "get", "2"]).await.prints(expect![[r#"
        position  2
        id        <id>
        type      thing.happened
        version   1
        tags
        time      2026-01-01T00:00:00Z

        {
          "b": 1,
          "a": [
            18446744073709551615,
            0.1
          ],
          "text": "é\u0000"
        }
    "#]]);
    bank.call(&["events", "get", "1"]).await.fails(
        3,
        expect![[r#"
        error: there is no event at position 1; it is a gap
    "#]],
    );
}

#[tokio::test]
async fn stored_text_cannot_act_on_the_terminal() {
    let bank = Bank::new().await;
    let app = App::builder(bank.log.clone()).start().await.unwrap();
    app.execute(open("\u{1b}[2J\u{202e}", "Eve\u{9b}31m")).actor("\u{7}\r\n").await.unwrap();
    for verb in [&["events", "list"][..], &["events", "get", "5"], &["trace", "x"], &["journal"]] {
        let called = bank.call(verb).await;
        let is_safe =
            |character: char| character == '\n' || !character.is_control() && character != '\u{202e}';
        assert!(called.out.chars().all(is_safe), "{:?}", called.out);
    }
}

#[tokio::test]
async fn terminal_of_twenty_columns_has_one_line_for_each_event() {
    let bank = Bank::new().await;
    let called = bank.call_with(&["events", "list"], Some(20)).await;
    assert_eq!(called.out.lines().count(), 5, "{}", called.out);
}

async fn import(bank: &Bank, records: impl IntoIterator<Item = annalist::Record>) {
    let log: Arc<dyn EventStore> = Arc::new(bank.log.clone());
    let mut import = log.import().await.unwrap();
    let mut records: Vec<annalist::Record> = records.into_iter().collect();
    for (index, record) in records.iter_mut().enumerate() {
        record.position = record.position.max(Position::new(index as u64 + 1));
    }
    import.write_events(records, Vec::new()).await.unwrap();
    import.finish().await.unwrap();
}

fn record(number: u64, time: &str) -> annalist::Record {
    named("thing.happened", number, time)
}

fn named(name: &str, number: u64, time: &str) -> annalist::Record {
    let payload = Payload::parse(format!(r#"{{"number":{number}}}"#)).unwrap();
    let draft = Draft::new(name.to_owned(), 1, [Tag::new("thing", 1).unwrap()], payload).unwrap();
    let time: Timestamp = time.parse().unwrap();
    draft.record(Position::START, time, Metadata::default())
}
