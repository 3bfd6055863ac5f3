//! Data in a file: it survives reopening, and every valid value is returned unchanged.

use annalist_core::store::{CommandKey, PageLimit};
use annalist_core::store::{JournalRecord, Outcome};

use super::*;

#[tokio::test]
async fn reopened_file_has_all_data() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let first = write(
        &store,
        Append {
            recorded_at: TIME,
            key: Some(key("c1")),
            journal: Some(JournalRecord { body: Payload::parse("{\"amount\":5}").unwrap(), rejection: None }),
            ..events([
                draft("opened", &["account:1", "owner:7"], "{\"a\":1}"),
                draft("paid", &["account:1"], "[]"),
            ])
        },
    )
    .await;
    let before = all(&store).await;
    let id = store.log_id();
    store.close().await;

    let store = test_log.open().await;
    assert_eq!(store.log_id(), id);
    assert_eq!(all(&store).await, before);
    assert_eq!(before[0].recorded_at, TIME);
    assert_eq!(store.receipt(&key("c1")).await.unwrap(), Some(first.clone()));
    let again = Append { key: Some(key("c1")), ..events([draft("opened", &[], "0")]) };
    assert_eq!(store.append_one(again).await.unwrap(), AppendOutcome::Duplicate { index: 0, receipt: first });
    let journal = store.journal(0, PageLimit::records(10)).await.unwrap();
    assert_eq!(journal[0].outcome, Outcome::Accepted(vec![Position::new(1), Position::new(2)]));
    assert_eq!((journal[0].number, journal[0].recorded_at, journal.len()), (1, TIME, 1));
    assert_eq!(write(&store, events([draft("paid", &[], "1")])).await.position(), Position::new(3));
    test_log.assert_sound().await;
}

#[tokio::test]
async fn paths_and_urls_name_the_same_file() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    write(&store, events([draft("opened", &[], "0")])).await;
    for scheme in ["sqlite://", "sqlite:"] {
        let url = format!("{scheme}{}", test_log.file().display());
        let again = Sqlite::open(&url).await.unwrap();
        assert_eq!((again.log_id(), all(&again).await.len()), (store.log_id(), 1), "{url}");
        assert_eq!(again.describe(), store.describe());
    }
}

#[tokio::test]
async fn two_prefixes_in_one_file_are_two_logs() {
    let test_log = TestLog::new();
    let bank = Sqlite::options().prefix("bank_").open(test_log.file()).await.unwrap();
    let shop = Sqlite::options().prefix("shop_").open(test_log.file()).await.unwrap();
    assert_ne!(bank.log_id(), shop.log_id());
    for store in [&bank, &shop] {
        let receipt =
            write(store, Append { key: Some(key("same")), ..events([draft("opened", &["a:1"], "0")]) }).await;
        assert_eq!(receipt.position(), Position::new(1));
    }
    write(&bank, events([draft("closed", &["a:1"], "0")])).await;
    assert_eq!(all(&shop).await.len(), 1);
    assert_eq!(read(&bank, with_tag("a:1")).await.records.len(), 2);
    assert!(shop.describe().contains("shop_"));
}

#[tokio::test]
async fn unusual_texts_are_stored_and_found() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut texts: Vec<String> = [
        "'", "\"", "\\", "\\u0041", "%_*", "a\nb\r\t", "{prefix}", "ÄÖ ß", "日本", "🎉", "\u{feff}",
        "\u{2028}", "?1", "",
    ]
    .map(str::to_owned)
    .to_vec();
    let mut random = fastrand::Rng::with_seed(7);
    texts.extend((0..300).map(|_| (0..8).map(|_| random.char('\u{1}'..)).collect()));
    for text in &texts {
        let tags = [tag(&format!("t:{text}")), tag("all:1")];
        let data = Payload::encode("text", text).unwrap();
        let draft = Draft::new("typed", u32::MAX, tags, data).unwrap();
        write(
            &store,
            Append {
                key: Some(CommandKey::new(name(format!("id{text}")), name("c"), [])),
                ..events([draft])
            },
        )
        .await;
    }
    let records = read(&store, with_tag("all:1")).await.records;
    assert_eq!(records.len(), texts.len());
    for (record, text) in records.iter().zip(&texts) {
        assert_eq!(record.data, Payload::encode("text", text).unwrap());
        let tag = tag(&format!("t:{text}"));
        assert!(record.tags.contains(&tag) && record.version == u32::MAX);
        let found = read(&store, Item::any().types(["typed"]).tag(tag).into()).await.records;
        assert!(positions(&found).contains(&record.position.get()), "{text:?}");
        let key = CommandKey::new(name(format!("id{text}")), name("c"), []);
        assert_eq!(store.receipt(&key).await.unwrap().unwrap().position(), record.position);
    }
    test_log.assert_sound().await;
}

#[tokio::test]
async fn large_appends_are_stored_completely() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let many =
        (0..10_000).map(|n| draft("counted", &["all:1", &format!("n:{n}"), &format!("m:{}", n % 100)], "0"));
    let receipt = write(&store, Append { key: Some(key("many")), ..events(many) }).await;
    assert_eq!(receipt.events.len(), 10_000);
    assert_eq!(store.receipt(&key("many")).await.unwrap(), Some(receipt));
    assert_eq!(read(&store, with_tag("m:99")).await.records.len(), 100);
    assert_eq!(positions(&read(&store, with_tag("n:4711")).await.records), [4712]);

    let text = "é\"".repeat(400_000);
    let large = Payload::encode("large", &text).unwrap();
    write(&store, events([Draft::new("large", 1, [], large.clone()).unwrap()])).await;
    let found = read(&store, Item::any().types(["large"]).into()).await.records;
    assert_eq!((found[0].position, &found[0].data), (Position::new(10_001), &large));
    test_log.assert_sound().await;
}

#[tokio::test]
async fn criteria_match_the_same_events_as_in_core() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut random = fastrand::Rng::with_seed(11);
    let kinds = ["a", "b", "c"];
    let tags = ["x:1", "x:2", "y:1", "z:1"];
    for _ in 0..200 {
        let tags: Vec<&str> = tags.into_iter().filter(|_| random.bool()).collect();
        write(&store, events([draft(kinds[random.usize(..3)], &tags, "0")])).await;
    }
    let log = all(&store).await;
    for _ in 0..300 {
        let criteria: Criteria = (0..random.usize(..4))
            .map(|_| {
                let item = Item::any().types(kinds.into_iter().filter(|_| random.u8(..3) == 0));
                tags.into_iter().filter(|_| random.u8(..3) == 0).fold(item, |item, text| item.tag(tag(text)))
            })
            .collect();
        let (after, up_to) = (Position::new(random.u64(..220)), Position::new(random.u64(..220)));
        let matches = |record: &&Record| criteria.matches(&record.name, &record.tags);
        let expected: Vec<Record> = log
            .iter()
            .filter(|record| record.position > after && record.position <= up_to)
            .filter(matches)
            .cloned()
            .collect();
        let found =
            store.read(&[Read::all(criteria.clone()).after(after).up_to(up_to)]).await.unwrap().remove(0);
        assert_eq!(found.records, expected, "{criteria:?}");

        let counted = store.count(&criteria, after, up_to).await.unwrap();
        assert_eq!(counted, expected.len() as u64, "{criteria:?}");

        let limit = random.usize(..30);
        let expected: Vec<Record> = log
            .iter()
            .filter(|record| record.position > after)
            .filter(matches)
            .take(limit)
            .cloned()
            .collect();
        let page = store.feed(&criteria, after, PageLimit::records(limit)).await.unwrap();
        assert_eq!(page.records, expected, "{criteria:?}");

        let texts = log.iter().filter(|record| record.position > after).filter(matches).count() as u64;
        for above in [0, texts, texts + 1, texts.saturating_sub(1)] {
            let marker = annalist_core::store::Marker::new(after, above);
            let condition = Condition { criteria: criteria.clone(), marker };
            let answer =
                store.append_one(Append { conditions: vec![condition], ..Append::default() }).await.unwrap();
            let conflicting_position = log.iter().rfind(|record| record.position > after && matches(record));
            match conflicting_position.filter(|_| above != texts) {
                Some(conflicting_position) => assert_eq!(
                    answer,
                    AppendOutcome::Conflict {
                        index: 0,
                        condition: 0,
                        conflicting_position: conflicting_position.position
                    }
                ),
                None => assert_eq!(answer, AppendOutcome::Appended(Receipt::default())),
            }
        }
    }
}

#[tokio::test]
async fn journal_numbers_are_not_reused_after_deletion() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let entry = || Append {
        journal: Some(JournalRecord { body: Payload::parse("0").unwrap(), rejection: Some("no".to_owned()) }),
        ..Append::default()
    };
    write(&store, entry()).await;
    sqlx::query("DELETE FROM annalist_journal").execute(&mut test_log.raw().await).await.unwrap();
    write(&store, entry()).await;
    let journal = store.journal(1, PageLimit::records(10)).await.unwrap();
    assert_eq!((journal[0].number, &journal[0].outcome), (2, &Outcome::Rejected("no".to_owned())));
}

#[tokio::test]
async fn purge_deletes_more_command_ids_than_one_chunk() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    sqlx::query(
        "INSERT INTO annalist_commands WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n LIMIT 25001)
         SELECT 'c' || n, 'deposit', '[]', n, '[]' FROM n",
    )
    .execute(&mut test_log.raw().await)
    .await
    .unwrap();
    assert_eq!(
        store.purge_command_ids(Timestamp::from_micros(25_000), CommandKey::ALL_IDS).await.unwrap(),
        24_999
    );
    assert_eq!(store.purge_command_ids(Timestamp::MAX, CommandKey::ALL_IDS).await.unwrap(), 2);
}
