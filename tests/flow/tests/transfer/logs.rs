//! Random logs, and what is the same on each pair of stores.

use std::{sync::Arc, time::Duration};

use annalist::{
    App, EventStore, Memory, Position, Record, Sqlite, Tag, Timestamp,
    manual::Payload,
    raw::{
        rows::{Anchor, Parked},
        store::{AcceptedCommand, PolicyCheckpoint, Successor},
    },
    store::{Append, AppendOutcome, CommandKey, Draft, Entry, EventRef, Metadata, Name, Outcome, Receipt},
    transfer::{self, Export},
};
use annalist_flow_tests::{
    domain::{Account, account, deposit, transfer_of},
    read_model::Balance,
};
use fastrand::Rng;
use tempfile::TempDir;

use super::changes::change;

/// Longer than any correct test waits.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// An empty log, and what removes it.
pub(crate) struct EmptyLog {
    pub(crate) store: Arc<dyn EventStore>,
    _folder: Option<TempDir>,
}

impl EmptyLog {
    pub(crate) fn of(store: impl EventStore) -> Self {
        Self { store: Arc::new(store), _folder: None }
    }

    pub(crate) fn memory() -> Self {
        Self::of(Memory::new())
    }

    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::options().relaxed_durability().open(folder.path().join("log.db")).await.unwrap();
        Self { store: Arc::new(store), _folder: Some(folder) }
    }
}

/// Texts that a form of text could get wrong.
const TEXTS: [&str; 12] = [
    "",
    "ann",
    "é😀\u{10ffff}",
    "\"\\'",
    "\n\r\t",
    "\u{7f}\u{85}\u{2028}",
    "{\"a\":1}",
    "\\N",
    "\\.",
    "\u{fffe}\u{fdd0}",
    "a b,c;d",
    "\u{1}\u{1f}",
];

const PAYLOADS: [&str; 12] = [
    "null",
    "{}",
    "[1, 2,3 ]",
    r#"{"b":1.50,"a":"\u0000","a":-0}"#,
    "1E+300",
    "12345678901234567890123456789",
    "-0.0",
    r#""é😀\ud83d\ude00\n""#,
    "{\"text\":\"\u{7f}\u{85}\u{2028}\u{fffe}\"}",
    " { \"a\" :\n\t[ 1 ,\r\n 2 ] } ",
    "\"\\\\N \\\\. \\\\t\"",
    "true",
];

fn text(random: &mut Rng) -> &'static str {
    TEXTS[random.usize(..TEXTS.len())]
}

fn name(random: &mut Rng) -> Option<Name> {
    Name::new("name", text(random)).ok()
}

fn metadata(random: &mut Rng) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.command_id = name(random);
    metadata.command = name(random);
    metadata.correlation = name(random);
    metadata.causation = name(random);
    metadata.actor = name(random);
    metadata.trace = name(random);
    metadata.hops = if random.bool() { 0 } else { random.u32(..) };
    metadata
}

fn time(random: &mut Rng) -> Timestamp {
    match random.u8(..4) {
        0 => Timestamp::MIN,
        1 => Timestamp::MAX,
        _ => Timestamp::from_micros(random.i64(-1_000_000_000_000_000..2_000_000_000_000_000)),
    }
}

fn payload(random: &mut Rng) -> Payload {
    match random.u8(..40) {
        0 => Payload::parse(format!("\"{}\"", "é".repeat(100_000))).unwrap(),
        1 => Payload::parse(format!("{}{}", "[".repeat(127), "]".repeat(127))).unwrap(),
        _ => Payload::parse(PAYLOADS[random.usize(..PAYLOADS.len())]).unwrap(),
    }
}

fn draft(random: &mut Rng) -> Draft {
    let names = ["opened", "a.b-c/d", "é", "{x}", "'\"\\", "null"];
    let tags = (0..random.usize(..4)).map(|_| {
        let kind = ["a", "account", "x_1"][random.usize(..3)];
        Tag::new(kind, text(random)).unwrap()
    });
    let tags: Vec<Tag> = tags.collect();
    Draft::new(names[random.usize(..names.len())], random.u32(..3), tags, payload(random)).unwrap()
}

/// Successors of which each begins with one of the events.
fn successors(records: &[Record], random: &mut Rng) -> Vec<Successor> {
    let some = records.iter().filter(|_| random.u8(..8) == 0);
    let some = some.enumerate().map(|(number, record)| {
        let (of, name) = (format!("'\"\\é{}", number / 2), record.name.clone());
        let successor =
            if number % 2 == 0 { Successor::renamed(of, name) } else { Successor::made(of, name) };
        successor.unwrap().stored_at(record.position)
    });
    some.collect()
}

/// Policies that have handled the events up to one of them, and parked some.
fn policies(records: &[Record], random: &mut Rng) -> Vec<PolicyCheckpoint> {
    let policies = ["bonus", "mailer", "x_1"].into_iter().take(random.usize(..4)).map(|name| {
        let handled = &records[..random.usize(..=records.len())];
        let parked = handled.iter().filter(|_| random.u8(..8) == 0).map(|record| Parked {
            position: record.position,
            event: record.id,
            keys: vec!["".to_owned(), "'\"\\é\n".to_owned()],
            error: "no '\"\\é\n\u{10ffff}".to_owned(),
            attempts: u32::from(record.position.get() % 2 == 0),
            needs_newer: record.position.get() % 3 == 0,
        });
        PolicyCheckpoint {
            name: name.to_owned(),
            position: handled.last().map_or(Position::START, |record| record.position),
            parked: parked.collect(),
            anchor: handled.last().map(Anchor::of),
        }
    });
    policies.collect()
}

/// Fills an empty log with events, gaps between them, and all that an export has besides.
pub(crate) async fn fill(store: &dyn EventStore, random: &mut Rng) {
    let (mut records, mut commands, mut entries) = (Vec::<Record>::new(), Vec::new(), Vec::new());
    let mut position = 0;
    for number in 0..random.usize(1..80) {
        let first = records.len();
        let (metadata, recorded_at) = (metadata(random), time(random));
        for _ in 0..random.usize(..4) {
            position += if random.u8(..5) == 0 { random.u64(1..50) } else { 1 };
            records.push(draft(random).record(Position::new(position), recorded_at, metadata.clone()));
        }
        let events: Vec<EventRef> = records[first..]
            .iter()
            .map(|record| EventRef { position: record.position, id: record.id })
            .collect();
        if random.bool() {
            let id = Name::new("command id", format!("{}{number}", text(random))).unwrap();
            let command = Name::new("command", format!("do {}", text(random))).unwrap();
            let receipt = Receipt { events: events.clone(), ..Receipt::default() };
            let key = CommandKey::new(id, command, []).with_content(&payload(random));
            commands.push(AcceptedCommand { key, recorded_at, receipt });
        }
        if random.bool() {
            let outcome = match events.is_empty() && random.bool() {
                true => Outcome::Rejected(format!("no\0{}", text(random))),
                false => Outcome::Accepted(events.iter().map(|event| event.position).collect()),
            };
            let number = number as u64 * 3 + 1;
            entries.push(Entry { number, recorded_at, metadata, body: payload(random), outcome });
        }
    }
    let mut import = store.import().await.unwrap();
    let (successors, policies) = (successors(&records, random), policies(&records, random));
    import.write_events(records, Vec::new()).await.unwrap();
    import.write_successors(successors).await.unwrap();
    import.write_command_ids(commands).await.unwrap();
    import.write_journal(entries).await.unwrap();
    import.write_policies(policies).await.unwrap();
    import.finish().await.unwrap();
    change(store, random).await;
}

/// Both forms of an export.
pub(crate) const FORMS: [Form; 2] = [Form::Lines, Form::CloudEvents];

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Lines,
    CloudEvents,
}

pub(crate) fn export_of(store: &Arc<dyn EventStore>, form: Form) -> Export {
    let export = Export::new(Arc::clone(store));
    match form {
        Form::Lines => export,
        Form::CloudEvents => export.cloud_events("https://bank.example/log"),
    }
}

/// The whole export of a log.
pub(crate) async fn exported(store: &Arc<dyn EventStore>, form: Form) -> Vec<u8> {
    let mut file = Vec::new();
    export_of(store, form).write_to(&mut file).await.unwrap();
    file
}

/// Exports a random log, imports it into another store and compares the export of that one. The same with a copy.
pub(crate) async fn check_round_trip(from: EmptyLog, to: [EmptyLog; 3], seed: u64) {
    fill(&*from.store, &mut Rng::with_seed(seed)).await;
    let expected = exported(&from.store, Form::Lines).await;
    let [by_lines, by_events, by_copy] = to;
    for (form, to) in [(Form::Lines, &by_lines), (Form::CloudEvents, &by_events)] {
        let file = exported(&from.store, form).await;
        transfer::import(&*to.store, &mut file.as_slice()).await.unwrap();
        assert_eq!(text_of(&exported(&to.store, form).await), text_of(&file), "seed {seed}");
    }
    transfer::copy(&*from.store, &*by_copy.store).await.unwrap();
    for to in [by_lines, by_events, by_copy] {
        assert_eq!(text_of(&exported(&to.store, Form::Lines).await), text_of(&expected), "seed {seed}");
        assert_verified(&to.store).await;
        // Appends continue after the last event.
        let last = to.store.settled().await.unwrap().position;
        let event = Draft::new("opened", 1, [], Payload::parse("{}").unwrap()).unwrap();
        let append = Append { events: vec![event], ..Append::default() };
        match to.store.append_one(append).await.unwrap() {
            AppendOutcome::Appended(receipt) => {
                assert_eq!(receipt.position().get(), last.get() + 1, "seed {seed}");
            }
            refused => panic!("{refused:?}"),
        }
    }
}

fn text_of(file: &[u8]) -> &str {
    str::from_utf8(file).unwrap()
}

async fn assert_verified(store: &Arc<dyn EventStore>) {
    let app = App::builder(Arc::clone(store)).start().await.unwrap();
    let report = app.verify().await.unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
    app.shut_down().await;
}

/// Copies the log of an app into a log that another app follows already, and compares the rows. `second` is the same log as `to`,
/// opened by another process if the store has processes.
pub(crate) async fn check_rows(from: EmptyLog, to: EmptyLog, second: Arc<dyn EventStore>) {
    let app = App::builder(Arc::clone(&from.store)).projection::<Balance>().start().await.unwrap();
    for number in 0..30_u64 {
        let (one, other) = (format!("account {}", number % 4), format!("account {}", number % 3));
        app.execute(deposit(&one, number)).id(format!("deposit {number}")).await.unwrap();
        // Some are rejected.
        drop(app.execute(transfer_of(&one, &other, number / 2)).await);
    }
    app.wait_until_caught_up().await.unwrap();
    let follows_already = App::builder(Arc::clone(&to.store)).projection::<Balance>().start().await.unwrap();
    let cached = follows_already.load::<Account>(&account("account 1")).await.unwrap();
    assert_eq!(cached.balance, 0);

    let copied = transfer::copy(&*from.store, &*second).await.unwrap();

    let reached = follows_already.wait_until("balances", |status| status.position >= copied.up_to);
    tokio::time::timeout(TIMEOUT, reached).await.unwrap().unwrap();
    let rows = app.list::<Balance>().await.unwrap().rows;
    assert_eq!(rows.len(), 4);
    assert_eq!(follows_already.list::<Balance>().await.unwrap().rows, rows);
    let repeated = follows_already.execute(deposit("account 0", 0)).id("deposit 0").await.unwrap();
    assert!(repeated.position() <= copied.up_to, "{repeated:?}");
    // The state that was cached before the copy is brought up to date.
    follows_already.execute(deposit("account 1", 5)).await.unwrap();
    let balance = follows_already.load::<Account>(&account("account 1")).await.unwrap().balance;
    assert_eq!(balance, app.load::<Account>(&account("account 1")).await.unwrap().balance + 5);
    follows_already.wait_until_caught_up().await.unwrap();
    let report = follows_already.verify().await.unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
    follows_already.shut_down().await;
    app.shut_down().await;
}
