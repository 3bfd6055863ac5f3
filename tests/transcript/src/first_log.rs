//! The first log of an example, an export beside the README `tests/first/README.md`: every later version of the program continues it, on
//! SQLite and on PostgreSQL.
#![allow(clippy::print_stderr)] // skipped tests are printed

use std::path::Path;

use annalist::{EventStore, Postgres, Sqlite, transfer};
use libtest_mimic::{Arguments, Failed, Trial};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::Transcript;

const URL: &str = "ANNALIST_POSTGRES_URL";

/// Runs the tests of a program without the harness of Rust: imports the log `first.jsonl` beside the README, and executes the calls of
/// the package in the README, at least so many, as [`check`](super::check) does. The program takes its store as `--store URL`.
///
/// Without a server (`cargo xtask test` starts one) the test on PostgreSQL is listed as ignored.
pub fn check_first_log(readme: &'static str, package: &'static str, program: &'static str, least: usize) {
    let url = std::env::var(URL).ok();
    let transcript = move || Transcript { readme: Path::new(readme), package, program, least };
    let on_a_file = Trial::test("sqlite::program_continues_its_first_log", move || on_a_file(&transcript()));
    let server = url.clone().unwrap_or_default();
    let on_a_server =
        Trial::test("postgres::program_continues_its_first_log", move || on_a_server(&transcript(), &server));
    if url.is_none() {
        eprintln!("skipped, because {URL} names no server: the first log on PostgreSQL");
    }
    let trials = vec![on_a_file, on_a_server.with_ignored_flag(url.is_none())];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

/// The log is in the file that the program opens by default.
fn on_a_file(transcript: &Transcript<'_>) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join(format!("{}.db", transcript.package));
    wait_for(async { import(&Sqlite::open(file).await?, transcript.readme).await })?;
    transcript.check(folder.path(), None);
    Ok(())
}

/// The log is in a database of its own, because the program opens the default schema.
fn on_a_server(transcript: &Transcript<'_>, server: &str) -> Result<(), Failed> {
    let database = format!("first_log_{}", Uuid::now_v7().simple());
    let (before, _) = server.rsplit_once('/').ok_or("the URL has no database")?;
    let url = format!("{before}/{database}");
    wait_for(async {
        execute(server, format!("CREATE DATABASE {database} ENCODING 'UTF8' TEMPLATE template0")).await?;
        import(&Postgres::connect(&url).await?, transcript.readme).await
    })?;
    let folder = tempfile::tempdir()?;
    transcript.check(folder.path(), Some(&url));
    wait_for(execute(server, format!("DROP DATABASE {database} WITH (FORCE)")))
}

fn wait_for(work: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    tokio::runtime::Runtime::new()?.block_on(work)
}

async fn import(store: &impl EventStore, readme: &Path) -> Result<(), Failed> {
    let log = tokio::fs::File::open(readme.with_file_name("first.jsonl")).await?;
    transfer::import(store, &mut tokio::io::BufReader::new(log)).await?;
    Ok(())
}

async fn execute(server: &str, sql: String) -> Result<(), Failed> {
    let mut connection = PgConnection::connect(server).await?;
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}
