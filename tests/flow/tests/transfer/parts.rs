//! Exports in several parts.

use std::sync::Arc;

use annalist::{
    EventStore, Memory, Position, Timestamp,
    manual::Payload,
    store::{Append, AppendOutcome, CommandKey, Draft, JournalRecord, Name},
    transfer::{self, Part, TransferError},
};
use fastrand::Rng;
use tokio::io::AsyncReadExt;

use super::logs::{EmptyLog, FORMS, Form, export_of, exported, fill};

/// The parts of an export that end at these positions, and at the end.
async fn parts(store: &Arc<dyn EventStore>, form: Form, ends: &[u64]) -> Vec<Vec<u8>> {
    let (mut files, mut last) = (Vec::new(), None::<Part>);
    for end in ends.iter().copied().chain([u64::MAX]) {
        let mut export = export_of(store, form).up_to(Position::new(end));
        if let Some(last) = &last {
            export = export.after(last);
        }
        let mut file = Vec::new();
        let part = export.write_to(&mut file).await.unwrap();
        // The part can be continued by a program that has only the file.
        let text = str::from_utf8(&file).unwrap();
        assert_eq!(text.lines().last().unwrap().parse::<Part>().unwrap(), part);
        last = Some(part);
        files.push(file);
    }
    files
}

pub(crate) async fn check_wholes(new_log: impl AsyncFn() -> EmptyLog, seeds: u64) {
    for (seed, form) in (0..seeds).flat_map(|seed| FORMS.map(|form| (seed, form))) {
        let log = new_log().await;
        let mut random = Rng::with_seed(seed);
        fill(&*log.store, &mut random).await;
        let last = log.store.settled().await.unwrap().position.get();
        let mut ends: Vec<u64> = (0..random.usize(1..6)).map(|_| random.u64(..=last + 1)).collect();
        ends.sort_unstable();
        let files = parts(&log.store, form, &ends).await;
        let imported = new_log().await;
        transfer::import(&*imported.store, &mut files.concat().as_slice()).await.unwrap();
        assert_eq!(
            String::from_utf8(exported(&imported.store, form).await).unwrap(),
            String::from_utf8(exported(&log.store, form).await).unwrap(),
            "seed {seed}, ends {ends:?}"
        );
    }
}

pub(crate) async fn check_order(new_log: impl AsyncFn() -> EmptyLog) {
    let log = new_log().await;
    fill(&*log.store, &mut Rng::with_seed(3)).await;
    let files = parts(&log.store, Form::Lines, &[5, 10]).await;
    let [first, second, third] = [0, 1, 2].map(|index| files[index].as_slice());
    transfer::import(&*new_log().await.store, &mut first.chain(second).chain(third)).await.unwrap();
    let lines = first.iter().filter(|byte| **byte == b'\n').count() as u64;
    for (wrong, number) in
        [(vec![second, third], 1), (vec![first, third], lines + 1), (vec![first, first], lines + 1)]
    {
        let to = new_log().await;
        match transfer::import(&*to.store, &mut wrong.concat().as_slice()).await {
            Err(TransferError::Line { line, .. }) => assert_eq!(line, number),
            other => panic!("{other:?}"),
        }
        assert_eq!(to.store.settled().await.unwrap().position, Position::START);
    }
    // A part that continues after a part of the same length of another log.
    let other = new_log().await;
    fill(&*other.store, &mut Rng::with_seed(3)).await;
    let others = parts(&other.store, Form::CloudEvents, &[5, 10]).await;
    let mixed = [first, &others[1]].concat();
    assert!(matches!(
        transfer::import(&Memory::new(), &mut mixed.as_slice()).await,
        Err(TransferError::Line { .. })
    ));
}

/// An append of some events with a command id and a journal entry.
async fn append(store: &dyn EventStore, id: &'static str, events: usize, seconds: i64) {
    let draft = || Draft::new("a", 1, [], Payload::parse("{}").unwrap()).unwrap();
    let name = |text| Name::new("name", text).unwrap();
    let append = Append {
        events: (0..events).map(|_| draft()).collect(),
        key: Some(CommandKey::new(name(id), name("do"), [])),
        journal: Some(JournalRecord { body: Payload::parse("{}").unwrap(), rejection: None }),
        recorded_at: Timestamp::from_micros(seconds * 1_000_000),
        ..Append::default()
    };
    assert!(matches!(store.append_one(append).await.unwrap(), AppendOutcome::Appended(_)));
}

pub(crate) async fn check_continuation(new_log: impl AsyncFn() -> EmptyLog) {
    let log = new_log().await;
    append(&*log.store, "first", 2, 1).await;
    append(&*log.store, "no events", 0, 1).await;
    let mut file = Vec::new();
    let part = export_of(&log.store, Form::Lines).write_to(&mut file).await.unwrap();
    assert_eq!((part.contents.events, part.contents.command_ids, part.contents.journal_entries), (2, 2, 2));

    // Its id is purged, and another command is accepted under it.
    log.store.purge_command_ids(Timestamp::from_micros(2_000_000), "f".."g").await.unwrap();
    append(&*log.store, "first", 1, 3).await;
    append(&*log.store, "second", 1, 3).await;
    let rest = export_of(&log.store, Form::Lines).after(&part).write_to(&mut file).await.unwrap();
    assert_eq!((rest.after, rest.contents.up_to.get(), rest.contents.events), (part.contents.up_to, 4, 2));

    let imported = new_log().await;
    transfer::import(&*imported.store, &mut file.as_slice()).await.unwrap();
    assert_eq!(exported(&imported.store, Form::Lines).await, exported(&log.store, Form::Lines).await);
}

pub(crate) async fn check_other_logs(new_log: impl AsyncFn() -> EmptyLog) {
    let log = new_log().await;
    append(&*log.store, "first", 2, 1).await;
    let part = export_of(&log.store, Form::Lines).write_to(&mut tokio::io::sink()).await.unwrap();
    let empty = new_log().await;
    let continued = export_of(&empty.store, Form::Lines).after(&part);
    let error = continued.write_to(&mut tokio::io::sink()).await.unwrap_err();
    assert!(error.to_string().contains("the earlier part is of another log"), "{error}");
    // A log of the same length.
    let other = new_log().await;
    append(&*other.store, "first", 2, 1).await;
    let continued = export_of(&other.store, Form::Lines).after(&part);
    let error = continued.write_to(&mut tokio::io::sink()).await.unwrap_err();
    assert!(error.to_string().contains("that part is of another log"), "{error}");
    assert!("{}".parse::<Part>().is_err());
}
