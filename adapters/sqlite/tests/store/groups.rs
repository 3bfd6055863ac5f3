//! Group commit: appends that share a transaction also share statements, and each has the outcome that it would have alone.

use annalist_core::store::{Entry, JournalRecord, Marker, PageLimit};
use tokio::task::JoinHandle;

use super::*;

type Answers = Vec<Result<AppendOutcome, Error>>;

/// A lock that another connection holds: appends queue until it is released and then share a transaction.
struct Lock {
    raw: SqliteConnection,
}

impl Lock {
    async fn of(test_log: &TestLog) -> Self {
        let mut raw = test_log.raw().await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut raw).await.unwrap();
        Self { raw }
    }

    /// Sends jobs in their order, and releases the lock when all are queued.
    async fn append_together(mut self, store: &Sqlite, jobs: Vec<Vec<Append>>) -> Answers {
        let mut running: Vec<JoinHandle<_>> = Vec::new();
        for job in jobs {
            let store = store.clone();
            running.push(tokio::spawn(async move { store.append(job).await }));
            tokio::task::yield_now().await;
        }
        sqlx::query("ROLLBACK").execute(&mut self.raw).await.unwrap();
        let mut answers = Vec::new();
        for one in running {
            answers.push(one.await.unwrap());
        }
        answers
    }
}

/// All events and journal entries of a log.
async fn contents(store: &Sqlite) -> (Vec<Record>, Vec<Entry>) {
    (all(store).await, store.journal(0, PageLimit::records(usize::MAX)).await.unwrap())
}

fn receipts(answer: &Result<AppendOutcome, Error>) -> &[Receipt] {
    match answer {
        Ok(AppendOutcome::Appended(receipts)) => receipts,
        other => panic!("not done: {other:?}"),
    }
}

fn under(criteria: Criteria, marker: Marker, append: Append) -> Append {
    Append { conditions: vec![Condition { criteria, marker }], ..append }
}

#[tokio::test]
async fn group_commit_has_the_same_outcomes_as_single_appends() {
    let mut random = fastrand::Rng::with_seed(21);
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..12 {
        let (append_together, alone) = (TestLog::new(), TestLog::new());
        let (store, model) = (append_together.open().await, alone.open().await);
        for round in 0..4 {
            let head = all(&store).await.len() as u64;
            let jobs: Vec<Vec<Append>> = (0..random.usize(1..40)).map(|_| job(&mut random, head)).collect();
            let mut wanted = Answers::new();
            for job in &jobs {
                wanted.push(model.append(job.clone()).await);
            }
            let answers = Lock::of(&append_together).await.append_together(&store, jobs).await;
            for (answer, wanted) in answers.iter().zip(&wanted) {
                assert_eq!(
                    without_path(answer, &append_together),
                    without_path(wanted, &alone),
                    "round {round}"
                );
                match answer {
                    Ok(AppendOutcome::Appended(_)) => accepted += 1,
                    _ => refused += 1,
                }
            }
            assert_eq!(contents(&store).await, contents(&model).await);
        }
        append_together.assert_sound().await;
    }
    assert!(accepted > 100 && refused > 100, "{accepted} accepted, {refused} refused");
}

/// An outcome without the path of the file.
fn without_path(answer: &Result<AppendOutcome, Error>, test_log: &TestLog) -> String {
    format!("{answer:?}").replace(&test_log.file().display().to_string(), "log.db")
}

/// Random appends for one call, in most cases one.
fn job(random: &mut fastrand::Rng, head: u64) -> Vec<Append> {
    let many = if random.u8(..4) == 0 { random.usize(..5) } else { 1 };
    (0..many).map(|_| append(random, head)).collect()
}

fn append(random: &mut fastrand::Rng, head: u64) -> Append {
    let drafts: Vec<Draft> = (0..random.usize(..4))
        .map(|_| {
            let tags: Vec<&str> = TAGS.into_iter().filter(|_| random.u8(..3) == 0).collect();
            draft(KINDS[random.usize(..3)], &tags, "{\"n\":1}")
        })
        .collect();
    let conditions = (0..random.usize(..3)).map(|_| {
        let types: Vec<&str> = KINDS.into_iter().filter(|_| random.u8(..3) == 0).collect();
        let item = Item::any().types(types);
        let tags = TAGS.into_iter().filter(|_| random.u8(..3) == 0);
        let item = tags.fold(item, |item, text| item.tag(tag(text)));
        let settled = if random.u8(..4) == 0 { random.u64(..=head + 3) } else { head };
        let above = if random.u8(..4) == 0 { random.u64(..3) } else { 0 };
        let also = (random.u8(..4) == 0).then(|| Item::any().types(["c"]).tag(tag("z:1")));
        Condition {
            criteria: [item].into_iter().chain(also).collect(),
            marker: Marker::new(Position::new(settled), above),
        }
    });
    let body = || Payload::parse("[1]").unwrap();
    Append {
        conditions: conditions.collect(),
        recorded_at: TIME,
        key: (random.u8(..3) == 0).then(|| key(format!("c{}", random.u8(..30)))),
        journal: random.bool().then(|| JournalRecord { body: body(), rejection: None }),
        ..events(drafts)
    }
}

const KINDS: [&str; 3] = ["a", "b", "c"];
const TAGS: [&str; 4] = ["x:1", "x:2", "y:1", "z:1"];

#[tokio::test]
async fn group_commit_of_any_size_stores_all_appends() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut written = Vec::new();
    // Sizes around those of prepared statements, and more than one transaction takes.
    for many in [1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 128, 129, 300] {
        let marker = read(&store, Criteria::none()).await.marker;
        let own = |n: usize| {
            let tags: Vec<String> = (0..3).map(|t| format!("n:{many}-{n}-{t}")).collect();
            let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
            let sent = events([draft("counted", &tags, &n.to_string()), draft("counted", &["all:1"], "0")]);
            let sent = Append { key: Some(key(format!("{many}-{n}"))), ..sent };
            vec![under(with_tag(tags[0]), marker, sent)]
        };
        let answers = Lock::of(&test_log).await.append_together(&store, (0..many).map(own).collect()).await;
        written.extend(answers.iter().map(|answer| receipts(answer)[0].clone()));
        for (n, answer) in answers.iter().enumerate() {
            let stored = store.receipt(&key(format!("{many}-{n}"))).await.unwrap();
            assert_eq!(stored.as_ref(), Some(&receipts(answer)[0]));
        }
    }
    let appended: Vec<u64> =
        written.iter().flat_map(|receipt| &receipt.events).map(|event| event.position.get()).collect();
    assert_eq!(appended, (1..=appended.len() as u64).collect::<Vec<_>>());
    assert_eq!(positions(&all(&store).await), appended);
    assert_eq!(read(&store, with_tag("all:1")).await.records.len(), written.len());
    test_log.assert_sound().await;
}

#[tokio::test]
async fn group_commit_without_events_replies_to_all() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let nothing = || Append { key: Some(key("c1")), ..Append::default() };
    let jobs = vec![vec![], vec![Append::default()], vec![nothing()], vec![nothing()], vec![nothing()]];
    let answers = Lock::of(&test_log).await.append_together(&store, jobs).await;
    assert_eq!(receipts(&answers[0]), []);
    assert_eq!(receipts(&answers[1]), [Receipt::default()]);
    assert_eq!(receipts(&answers[2]), [Receipt::default()]);
    for again in &answers[3..] {
        let already = AppendOutcome::Duplicate { index: 0, receipt: Receipt::default() };
        assert_eq!(again.as_ref().unwrap(), &already);
    }
    assert_eq!(contents(&store).await, (vec![], vec![]));
}

#[tokio::test]
async fn conflict_in_a_group_commit_refuses_only_its_own_call() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let marker = read(&store, with_tag("a:1")).await.marker;
    let claim =
        |n: usize| under(with_tag("a:1"), marker, events([draft("claimed", &["a:1"], &n.to_string())]));
    let other = || events([draft("other", &["b:1"], "0")]);
    let jobs = vec![
        vec![other()],
        vec![other(), claim(1)],
        vec![claim(2)],
        vec![other(), other(), claim(3)],
        vec![other()],
    ];
    let answers = Lock::of(&test_log).await.append_together(&store, jobs).await;
    let conflict =
        |index| AppendOutcome::Conflict { index, condition: 0, conflicting_position: Position::new(3) };
    assert_eq!(answers[2].as_ref().unwrap(), &conflict(0));
    assert_eq!(answers[3].as_ref().unwrap(), &conflict(2));
    let ends = [0, 1, 4].map(|nth| receipts(&answers[nth]).last().unwrap().position().get());
    assert_eq!(ends, [1, 3, 4]);
    assert_eq!(positions(&all(&store).await), [1, 2, 3, 4]);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn condition_conflicts_with_a_new_type_of_the_same_group_commit() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    write(&store, events([draft("old", &["a:1", "b:1"], "0")])).await;
    for criteria in [with_tag("a:1"), Item::any().tag(tag("a:1")).tag(tag("b:1")).into(), Criteria::all()] {
        let marker = read(&store, criteria.clone()).await.marker;
        let next = marker.settled().get() + 1;
        let first = events([draft("new", &["a:1", "b:1"], "0")]);
        let jobs = vec![vec![first], vec![under(criteria, marker, events([draft("late", &[], "0")]))]];
        let answers = Lock::of(&test_log).await.append_together(&store, jobs).await;
        let conflict =
            AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position: Position::new(next) };
        assert_eq!(answers[1].as_ref().unwrap(), &conflict);
    }
}

#[tokio::test]
async fn events_and_conditions_with_many_tags_are_supported() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let tags: Vec<String> = (0..100).map(|n| format!("t:{n}")).collect();
    let wide =
        Draft::new("wide", 1, tags.iter().map(|text| tag(text)), Payload::parse("0").unwrap()).unwrap();
    let jobs = (0..20).map(|_| vec![events([wide.clone()])]).collect();
    Lock::of(&test_log).await.append_together(&store, jobs).await;
    for text in &tags {
        assert_eq!(read(&store, with_tag(text)).await.records.len(), 20);
    }

    // More index scans than one statement takes; only the last one finds an event.
    let item = |n: usize| Item::any().types(["wide"]).tag(tag(&format!("t:{n}")));
    let marker = read(&store, Criteria::all()).await.marker;
    let criteria = || (100..300).map(item).collect::<Criteria>();
    let jobs = vec![
        vec![under(criteria().or(item(99)), marker, Append::default())],
        vec![under(criteria().or(item(99)), Marker::new(Position::new(19), 0), Append::default())],
        vec![under(criteria().or(item(99)), Marker::new(Position::new(18), 2), Append::default())],
    ];
    let answers = Lock::of(&test_log).await.append_together(&store, jobs).await;
    let conflict =
        AppendOutcome::Conflict { index: 0, condition: 0, conflicting_position: Position::new(20) };
    assert_eq!(receipts(&answers[0]), [Receipt::default()]);
    assert_eq!(answers[1].as_ref().unwrap(), &conflict);
    assert_eq!(receipts(&answers[2]), [Receipt::default()]);
    test_log.assert_sound().await;
}

#[tokio::test]
async fn large_payloads_share_a_transaction() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let large = |n: usize| {
        let text = format!("{n}é\"\\\u{1}").repeat(320_000 + n);
        Draft::new("large", 1, [], Payload::encode("large", &text).unwrap()).unwrap()
    };
    let drafts: Vec<Draft> = (0..9).map(large).collect();
    assert!(drafts[0].data().as_str().len() > 4_000_000);
    let jobs = drafts.iter().map(|draft| vec![events([draft.clone()])]).collect();
    Lock::of(&test_log).await.append_together(&store, jobs).await;
    let stored: Vec<Payload> = all(&store).await.into_iter().map(|record| record.data).collect();
    assert_eq!(stored, drafts.iter().map(|draft| draft.data().clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn append_refused_by_the_database_does_not_affect_others() {
    let test_log = TestLog::new();
    let store = test_log.open().await;
    let mut raw = test_log.raw().await;
    sqlx::query(
        "CREATE TRIGGER bad BEFORE INSERT ON annalist_events WHEN NEW.data = '\"bad\"'
         BEGIN SELECT RAISE(ABORT, 'bad data'); END",
    )
    .execute(&mut raw)
    .await
    .unwrap();
    for bad in [vec![0], vec![39], vec![3, 4, 30], (0..40).collect()] {
        let before = all(&store).await.len();
        let own = |n: usize| {
            let data = if bad.contains(&n) { "\"bad\"" } else { "\"good\"" };
            // The valid append of a job fails with the invalid one.
            vec![events([draft("paid", &["a:1"], "\"good\"")]), events([draft("paid", &["a:1"], data)])]
        };
        let answers = Lock::of(&test_log).await.append_together(&store, (0..40).map(own).collect()).await;
        for (n, answer) in answers.iter().enumerate() {
            match answer {
                Err(error) if bad.contains(&n) => assert!(message(error).contains("bad data"), "{error:?}"),
                answer => assert_eq!(receipts(answer).len(), 2, "{n}"),
            }
        }
        assert_eq!(all(&store).await.len(), before + 2 * (40 - bad.len()));
    }
    test_log.assert_sound().await;
}
