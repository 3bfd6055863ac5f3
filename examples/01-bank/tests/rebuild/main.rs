//! Rebuilds while queries continue, with 2,000 events; `docs/rebuild.md` shows the same with 100,000.
#![allow(clippy::unwrap_used)] // in helper functions too

mod gated;

use std::{sync::Arc, time::Duration};

use annalist::{App, Error, Projection, Sqlite, projection::Progress};
use bank::{
    books,
    command::Deposit,
    money::Cents,
    operate::{self, QueryStats},
    policy::WelcomeBonus,
    projection::{Balance, v2},
};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use self::gated::Gated;

const EVENTS: usize = 2_000;
/// Far longer than needed, for busy machines.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of queries before each commit of a build. A build commits twice.
const QUERIES_PER_COMMIT: usize = 5;

/// A file with the log, and its rows behind a gate.
struct Bank {
    folder: TempDir,
    store: Sqlite,
    rows: Arc<Gated>,
}

impl Bank {
    /// Creates a bank with customers, and a program of version 1 with complete rows.
    async fn filled() -> (Self, App) {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(folder.path().join("bank.db")).await.unwrap();
        let rows = Arc::new(Gated::new(store.clone()));
        let bank = Self { folder, store, rows };
        // The first build has no predecessor that could serve queries, so it needs no gate.
        bank.rows.open();
        let app = bank.program::<Balance>().await;
        assert_eq!(books::fill(&app, EVENTS).await.unwrap(), 20);
        app.wait_until_caught_up().await.unwrap();
        bank.rows.close();
        (bank, app)
    }

    async fn program<B: Projection>(&self) -> App {
        let builder = App::builder(self.store.clone()).rows(Arc::clone(&self.rows));
        builder.projection::<B>().policy(WelcomeBonus).start().await.unwrap()
    }

    /// The rows as seen in SQL.
    async fn view(&self) -> Vec<Balance> {
        let url = format!("sqlite://{}", self.folder.path().join("bank.db").display());
        let mut file = SqliteConnection::connect(&url).await.unwrap();
        let rows: Vec<(String, String, i64)> =
            sqlx::query_as("SELECT account, owner, cents FROM annalist_rows_balances ORDER BY account")
                .fetch_all(&mut file)
                .await
                .unwrap();
        let row = |(account, owner, cents): (String, String, i64)| Balance {
            account: account.parse().unwrap(),
            owner,
            cents,
        };
        rows.into_iter().map(row).collect()
    }

    /// Rebuilds with one commit for every few queries, and returns all results, of the program and in SQL.
    async fn rebuild<B: Projection + Into<Balance>>(&self, app: &App) -> Rebuilt {
        let (mut answers, mut views, mut progress) = (Vec::new(), Vec::new(), Vec::new());
        let query = async || {
            views.push(self.view().await);
            answers.push(balances::<B>(app).await?);
            Ok(())
        };
        let report = |step: &Progress, _: &QueryStats| {
            progress.push(step.clone());
            self.rows.permits.add_permits(usize::from(progress.len() % QUERIES_PER_COMMIT == 0));
        };
        self.rows.close();
        let stats = operate::rebuild(app, "balances", query, report).await.unwrap();
        assert_eq!(stats.count, answers.len() as u64);
        Rebuilt { answers, views, progress }
    }
}

struct Rebuilt {
    answers: Vec<Vec<Balance>>,
    views: Vec<Vec<Balance>>,
    progress: Vec<Progress>,
}

/// The result of one query: all accounts, by name.
async fn balances<B: Projection + Into<Balance>>(app: &App) -> Result<Vec<Balance>, Error> {
    let page = app.list::<B>().limit(100).await?;
    Ok(page.rows.into_iter().map(Into::into).collect())
}

/// Asserts that all results are the old one up to some query and the new one from then on.
#[track_caller]
fn first_old_then_new(answers: &[Vec<Balance>], old: &[Balance], new: &[Balance]) {
    let moment = answers.iter().position(|answer| answer != old).unwrap_or(answers.len());
    assert!(moment >= 2 * QUERIES_PER_COMMIT, "the old build gave only {moment} answers");
    assert!(answers[moment..].iter().all(|answer| answer == new), "{:?}", answers[moment]);
}

#[track_caller]
fn progress_is_monotonic(progress: &[Progress]) {
    assert!(!progress.is_empty());
    assert!(progress.is_sorted_by_key(|step| (step.done, step.position)), "{progress:?}");
    let totals: Vec<u64> = progress.iter().filter_map(|step| step.total).collect();
    assert!(totals.iter().all(|total| *total == EVENTS as u64), "{totals:?}");
    assert!(progress.iter().all(|step| step.position < step.target && step.done < EVENTS as u64));
}

#[tokio::test]
async fn rebuild_has_the_same_rows_and_queries_continue() {
    let (bank, app) = Bank::filled().await;
    let before = balances::<Balance>(&app).await.unwrap();
    assert_eq!(before.len(), 20);

    for build in 1..=2 {
        let rebuilt = bank.rebuild::<Balance>(&app).await;
        first_old_then_new(&rebuilt.answers, &before, &before);
        first_old_then_new(&rebuilt.views, &before, &before);
        progress_is_monotonic(&rebuilt.progress);
        let overview = operate::overview(&app).await.unwrap();
        assert!(overview.contains(&format!("1.{build}      2000        0       0")), "{overview}");
    }
    assert_eq!((balances::<Balance>(&app).await.unwrap(), bank.view().await), (before.clone(), before));
}

#[tokio::test]
async fn version_2_is_promoted_while_queries_continue() {
    let (bank, old_program) = Bank::filled().await;
    let old = balances::<Balance>(&old_program).await.unwrap();
    let family_first = |row: &Balance| {
        let (first, family) = row.owner.split_once(' ').unwrap();
        Balance { owner: format!("{family}, {first}"), ..row.clone() }
    };
    let new: Vec<Balance> = old.iter().map(family_first).collect();

    let program = bank.program::<v2::Balance>().await;
    let rebuilt = bank.rebuild::<v2::Balance>(&program).await;
    first_old_then_new(&rebuilt.answers, &old, &new);
    first_old_then_new(&rebuilt.views, &old, &new);
    progress_is_monotonic(&rebuilt.progress);
    assert_eq!((balances::<v2::Balance>(&program).await.unwrap(), bank.view().await), (new.clone(), new));

    // The old program continues with its own build, and both programs see the next event.
    assert_eq!(balances::<Balance>(&old_program).await.unwrap(), old);
    bank.rows.open();
    let account = &old[0].account;
    let receipt = program.execute(Deposit { account: account.clone(), amount: Cents::new(1) }).await.unwrap();
    let seen = old_program.find::<Balance>(account).after(&receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert_eq!(seen.unwrap().cents, old[0].cents + 1);
    let seen = program.find::<v2::Balance>(account).after(&receipt).timeout(DEFAULT_TIMEOUT).await.unwrap();
    assert_eq!(seen.unwrap().cents, old[0].cents + 1);
}
