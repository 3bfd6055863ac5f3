//! Crashes of real processes. This test binary starts itself again, with a role that an environment variable names.

use annalist_core::store::PageLimit;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use annalist_core::rows::{
    CommitOutcome, InTransaction, InlineOutcome, PromoteOutcome, RowStore, Transactional,
};

use super::{folds::*, *};

/// The role of the child process, and its file.
const ROLE: &str = "ANNALIST_SQLITE_PART";
const FILE: &str = "ANNALIST_SQLITE_FILE";

/// Not a test: the entry point of the child processes.
#[test]
fn child() {
    let (Ok(part), Ok(file)) = (std::env::var(ROLE), std::env::var(FILE)) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async move {
        match part.as_str() {
            "load" => load(&file).await,
            "count" => count(&file).await,
            "fill" => fill(&file).await,
            "switch" => promote(&file).await,
            "inline" => inline(&file).await,
            "lend" => run_user_code(&file).await,
            other => panic!("no part {other}"),
        }
    });
}

fn start(part: &str, test_log: &TestLog, wrapped: Option<&str>) -> Child {
    let own = std::env::current_exe().unwrap();
    let mut command = match wrapped {
        Some(shell) => {
            let mut command = Command::new("sh");
            command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]).arg(own);
            command
        }
        None => Command::new(own),
    };
    command.args(["--exact", "crashes::child", "--nocapture"]).env(ROLE, part).env(FILE, test_log.file());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// The output of a child, complete words only: the last one may be cut off.
fn words(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.map_while(Result::ok).filter_map(|line| {
        let (_, word) = line.split_once("<<")?;
        word.strip_suffix(">>").map(str::to_owned)
    })
}

/// Six tasks append three events at a time and print each acknowledgement, until the process is killed.
async fn load(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    let run = uuid::Uuid::now_v7();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..6 {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0.. {
                let id = format!("{run}-{task}-{n}");
                let own = (0..3).map(|_| draft("paid", &[&format!("id:{id}"), "all:1"], "{\"amount\":1}"));
                write(&store, Append { key: Some(key(id.as_str())), ..events(own) }).await;
                println!("<<{id}>>");
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_appends_survive_kill_9() {
    let test_log = TestLog::new();
    let mut random = fastrand::Rng::new();
    let mut acknowledged = BTreeSet::new();
    for round in 0..12 {
        let mut child = start("load", &test_log, None);
        let mut words = words(&mut child);
        // Killed after a random number of appends; in some rounds before the file is open.
        let enough = if round % 4 == 0 { 0 } else { random.usize(1..200) };
        acknowledged.extend(words.by_ref().take(enough));
        child.kill().unwrap();
        acknowledged.extend(words);
        child.wait().unwrap();

        if round % 3 == 0 && !test_log.file().exists() {
            continue;
        }
        let store = test_log.open().await;
        let log = all(&store).await;
        assert_eq!(positions(&log), (1..=log.len() as u64).collect::<Vec<_>>());
        let mut whole = BTreeSet::new();
        for three in log.chunks(3) {
            let id = three[0].tags.iter().find(|tag| tag.kind() == "id").unwrap();
            assert!(three.len() == 3 && three.iter().all(|record| record.tags.contains(id)), "{id} is torn");
            whole.insert(id.value().to_owned());
            let receipt = store.receipt(&key(id.value())).await.unwrap();
            assert_eq!(receipt.unwrap().position(), three[2].position);
        }
        let accepted_ids: i64 = sqlx::query_scalar("SELECT count(*) FROM annalist_commands")
            .fetch_one(&mut test_log.raw().await)
            .await
            .unwrap();
        assert_eq!(whole.len() as i64, accepted_ids);
        let lost: Vec<_> = acknowledged.difference(&whole).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        test_log.assert_sound().await;
    }
    println!("{} appends were acknowledged", acknowledged.len());
}

/// Appends the next number 100 times, and retries after conflicts.
async fn count(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    for _ in 0..100 {
        loop {
            let read = read(&store, with_tag("counter:1")).await;
            let next = draft("counted", &["counter:1"], &(read.records.len() + 1).to_string());
            let condition = Condition { criteria: with_tag("counter:1"), marker: read.marker };
            let append = Append { conditions: vec![condition], ..events([next]) };
            if let AppendOutcome::Appended(_) = store.append_one(append).await.unwrap() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn concurrent_processes_lose_no_increment() {
    let test_log = TestLog::new();
    let mut children: Vec<Child> = (0..3).map(|_| start("count", &test_log, None)).collect();
    // The feed of another process returns every event once and in order.
    let store = test_log.open().await;
    let mut texts = Vec::new();
    let mut after = START;
    while texts.len() < 300 && children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        let page = store.feed(&with_tag("counter:1"), after, PageLimit::records(50)).await.unwrap();
        texts.extend(page.records.iter().map(|record| record.data.to_string()));
        after = page.up_to;
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let page = store.feed(&with_tag("counter:1"), after, PageLimit::records(300)).await.unwrap();
    texts.extend(page.records.iter().map(|record| record.data.to_string()));
    assert_eq!(texts, (1..=300).map(|n| n.to_string()).collect::<Vec<_>>());
    test_log.assert_sound().await;
}

/// Appends until the system refuses to write, and prints each outcome.
async fn fill(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    for n in 0..400 {
        let data = Payload::encode("paid", &"x".repeat(3_000)).unwrap();
        let own = (0..3).map(|_| Draft::new("paid", 1, [tag(&format!("id:{n}"))], data.clone()).unwrap());
        match store.append_one(Append { key: Some(key(n.to_string())), ..events(own) }).await {
            Ok(_) => println!("<<done {n}>>"),
            Err(error) if error.is_unknown() => println!("<<unknown {n}>>"),
            Err(error) if error.is_unavailable() => println!("<<unavailable {n}>>"),
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(!all(&store).await.is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn commit_that_the_system_refuses_has_an_unknown_outcome() {
    let test_log = TestLog::new();
    // A limit in blocks of 512 bytes. A write beyond it fails, because the signal is ignored.
    let mut child = start("fill", &test_log, Some("trap '' XFSZ; ulimit -f 600"));
    let words: Vec<String> = words(&mut child).collect();
    assert!(child.wait().unwrap().success());
    assert!(words.iter().any(|word| word.starts_with("unknown")), "{words:?}");

    let store = test_log.open().await;
    let log = all(&store).await;
    assert_eq!(positions(&log), (1..=log.len() as u64).collect::<Vec<_>>());
    for word in words {
        let (what, n) = word.split_once(' ').unwrap();
        let found = read(&store, with_tag(&format!("id:{n}"))).await.records.len();
        let receipt = store.receipt(&key(n)).await.unwrap().map_or(0, |receipt| receipt.events.len());
        assert_eq!(found, receipt);
        match what {
            "done" => assert_eq!(found, 3, "{n} was acknowledged"),
            "unavailable" => assert_eq!(found, 0, "{n} was refused"),
            _ => assert!(found == 0 || found == 3, "{n} is torn"),
        }
    }
    write(&store, events([draft("paid", &[], "0")])).await;
    test_log.assert_sound().await;
}

/// Rebuilds, promotes and discards the previous build in a loop. The owner in the only row of a build is its number.
async fn promote(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    let first = store.builds("owners").await.unwrap().last().map_or(0, |build| build.build + 1);
    for build in first.. {
        let table = OWNERS.built(build);
        let at = store.define(&table, "", store.log_id()).await.unwrap().position.get();
        let rows = vec![owner(1, &build.to_string())];
        assert_eq!(store.commit(change(&table, at, at + 1, rows)).await.unwrap(), CommitOutcome::Done);
        assert_eq!(store.promote(&table, false).await.unwrap(), PromoteOutcome::Done);
        println!("<<{build}>>");
        for older in store.builds("owners").await.unwrap().iter().filter(|older| older.build < build) {
            assert!(store.discard(&OWNERS.built(older.build)).await.unwrap());
        }
    }
}

#[tokio::test]
async fn promotion_is_atomic_after_kill_9() {
    let test_log = TestLog::new();
    let mut random = fastrand::Rng::new();
    let mut last = None;
    for _ in 0..10 {
        let mut child = start("switch", &test_log, None);
        let mut words = words(&mut child);
        last = words.by_ref().take(random.usize(1..60)).last().or(last);
        child.kill().unwrap();
        last = words.last().or(last);
        child.wait().unwrap();

        let store = test_log.open().await;
        let builds = store.builds("owners").await.unwrap();
        let live: Vec<_> = builds.iter().filter(|build| build.live).map(|build| build.build).collect();
        let acknowledged: u32 = last.as_deref().unwrap().parse().unwrap();
        // The next one may be live although its word was not printed.
        assert!(live == [acknowledged] || live == [acknowledged + 1], "{live:?} after {acknowledged}");
        assert_eq!(texts(&test_log, "SELECT owner FROM annalist_rows_owners").await, [live[0].to_string()]);
        let mut names: Vec<_> =
            builds.iter().map(|build| format!("_{}", OWNERS.built(build.build).name())).collect();
        names.push("_owners".to_owned());
        names.sort_unstable();
        let relations = relations(&test_log).await;
        assert_eq!(relations.len(), names.len(), "{relations:?} and {names:?}");
        assert!(
            names.iter().all(|name| relations.contains(&format!("annalist_rows{name}"))),
            "{relations:?}"
        );
        last = Some(live[0].to_string());
        test_log.assert_sound().await;
    }
}

/// Appends with an inline build and prints each acknowledgement; now and then the build becomes asynchronous for a while.
async fn inline(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    store.define(&TALLIES, "", store.log_id()).await.unwrap();
    assert_eq!(store.make_inline(folds::inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
    let run = uuid::Uuid::now_v7();
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..4 {
        let store = store.clone();
        tasks.spawn(async move {
            for n in 0.. {
                let id = format!("id:{run}-{task}-{n}");
                let own = || (0..2).map(|_| draft("paid", &[&id, "all:1"], "0"));
                while let AppendOutcome::InlineRequired { .. } =
                    store.append_one(counted(own())).await.unwrap()
                {}
                println!("<<{id}>>");
                if n % 50 == 49 && task == 0 {
                    store.make_async(&TALLIES).await.unwrap();
                    assert_eq!(store.make_inline(folds::inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
                }
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_and_inline_rows_are_atomic_after_kill_9() {
    let test_log = TestLog::new();
    let mut random = fastrand::Rng::new();
    let mut acknowledged = BTreeSet::new();
    for _ in 0..10 {
        let mut child = start("inline", &test_log, None);
        let mut words = words(&mut child);
        acknowledged.extend(words.by_ref().take(random.usize(1..200)));
        child.kill().unwrap();
        acknowledged.extend(words);
        child.wait().unwrap();

        let store = test_log.open().await;
        // If it was killed while the build was asynchronous, the remaining events are folded now.
        assert_eq!(store.make_inline(folds::inline(TALLIES)).await.unwrap(), InlineOutcome::Done);
        let log = all(&store).await;
        let rows = found(&store, &TALLIES).await;
        assert_eq!(rows, tallies(&log));
        let tags_found: BTreeSet<String> =
            log.iter().flat_map(|record| &record.tags).map(ToString::to_string).collect();
        assert!(acknowledged.is_subset(&tags_found));
        assert_eq!(log.len() + 1 - tags_found.len(), log.len() / 2, "two events for each append");
        test_log.assert_sound().await;
    }
}

/// Inserts a row into a table of the user.
struct Counts;

#[async_trait::async_trait]
impl InTransaction<Sqlite> for Counts {
    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), annalist_core::BoxError> {
        sqlx::query("CREATE TABLE IF NOT EXISTS mine (n INTEGER)").execute(&mut *connection).await?;
        sqlx::query("INSERT INTO mine VALUES (1)").execute(&mut *connection).await?;
        Ok(())
    }
}

async fn run_user_code(file: &str) {
    let store = Sqlite::open(file).await.unwrap();
    let mut at = store.define(&OWNERS, "", store.log_id()).await.unwrap().position.get();
    loop {
        let change = change(&OWNERS, at, at + 1, vec![owner(at.cast_signed(), "Anna")]);
        assert_eq!(store.commit_with(change, &Counts).await.unwrap().unwrap(), CommitOutcome::Done);
        at += 1;
        println!("<<{at}>>");
    }
}

#[tokio::test]
async fn user_statements_and_row_change_are_atomic_after_kill_9() {
    let test_log = TestLog::new();
    let mut random = fastrand::Rng::new();
    for _ in 0..8 {
        let mut child = start("lend", &test_log, None);
        let mut words = words(&mut child);
        let last = words.by_ref().take(random.usize(1..100)).last();
        child.kill().unwrap();
        let last: u64 = words.last().or(last).unwrap().parse().unwrap();
        child.wait().unwrap();

        let store = test_log.open().await;
        let at = store.checkpoint("owners", 1).await.unwrap().unwrap().position.get();
        assert!(at == last || at == last + 1, "{at} after {last}");
        assert_eq!(found(&store, &OWNERS).await.len() as u64, at);
        assert_eq!(texts(&test_log, "SELECT count(*) || '' FROM mine").await, [at.to_string()]);
        test_log.assert_sound().await;
    }
}
