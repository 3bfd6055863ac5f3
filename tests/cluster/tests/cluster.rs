//! Tests with running clusters. On a machine without PostgreSQL's programs every test is listed as ignored.

use std::{
    env,
    error::Error,
    io::{self, BufRead, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use annalist_cluster::{Cluster, Options, Programs, Stop};
use libtest_mimic::{Arguments, Trial};

type Outcome = Result<(), Box<dyn Error>>;
type Test = fn() -> Outcome;

const TESTS: &[(&str, Test)] = &[
    ("settings_for_tests_are_applied", settings_for_tests_are_applied),
    ("two_clusters_run_concurrently", two_clusters_run_concurrently),
    ("crash_loses_no_committed_data", crash_loses_no_committed_data),
    ("clean_stop_and_new_start", clean_stop_and_new_start),
    ("failed_start_shows_the_log", failed_start_shows_the_log),
    ("server_that_ended_by_itself_is_reported", server_that_ended_by_itself_is_reported),
    ("drop_removes_the_cluster", drop_removes_the_cluster),
    ("killed_process_leaves_no_cluster", killed_process_leaves_no_cluster),
];

/// The argument that makes this program hold a cluster, for the test that kills it.
const HOLD: &str = "--hold-a-cluster";

fn main() -> ExitCode {
    if env::args().any(|argument| argument == HOLD) {
        return hold();
    }
    let no_programs = Programs::find().is_err();
    let trials = TESTS.iter().map(|&(name, test)| {
        Trial::test(name, move || test().map_err(Into::into)).with_ignored_flag(no_programs)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn settings_for_tests_are_applied() -> Outcome {
    let cluster = Options::new().setting("work_mem", "5MB").start()?;
    for (name, value) in [
        ("fsync", "off"),
        ("max_connections", "200"),
        ("max_prepared_transactions", "20"),
        ("work_mem", "5MB"),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(psql(&cluster, &format!("SHOW {name}"))?, value, "{name}");
    }
    assert_eq!(psql(&cluster, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'")?, "C");
    let durable = Options::new().durable().start()?;
    assert_eq!(psql(&durable, "SHOW fsync")?, "on");
    Ok(())
}

fn two_clusters_run_concurrently() -> Outcome {
    let (one, other) = (Cluster::start()?, Cluster::start()?);
    assert_ne!(one.port(), other.port());
    psql(&one, "CREATE DATABASE only_here")?;
    assert_eq!(psql(&other, "SELECT count(*) FROM pg_database WHERE datname = 'only_here'")?, "0");
    assert!(one.url_of("only_here").ends_with("/only_here"));
    Ok(())
}

fn crash_loses_no_committed_data() -> Outcome {
    let mut cluster = Cluster::start()?;
    let url = cluster.url();
    psql(&cluster, "CREATE TABLE seen (id bigserial, what text)")?;
    psql(&cluster, "INSERT INTO seen (what) VALUES ('committed')")?;
    let mut writer = Command::new(cluster.programs().path("psql"));
    let mut writer = writer.args(["-X", "-q", &url]).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    if let Some(input) = &mut writer.stdin {
        io::Write::write_all(input, b"BEGIN; INSERT INTO seen (what) VALUES ('open');\n")?;
    }
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'";
    eventually(|| Ok(psql(&cluster, open)? == "1"))?;

    cluster.stop(Stop::Immediate)?;
    writer.kill()?;
    writer.wait()?;
    assert!(psql(&cluster, "SELECT 1").is_err(), "it is stopped");
    cluster.start_again()?;

    assert!(cluster.log().contains("not properly shut down"), "{}", cluster.log());
    assert_eq!(cluster.url(), url);
    assert_eq!(psql(&cluster, "SELECT string_agg(what, ',') FROM seen")?, "committed");
    Ok(())
}

fn clean_stop_and_new_start() -> Outcome {
    let mut cluster = Cluster::start()?;
    psql(&cluster, "CREATE TABLE stored (n int)")?;
    cluster.start_again()?; // runs already
    cluster.stop(Stop::Fast)?;
    cluster.stop(Stop::Fast)?; // stopped already
    cluster.start_again()?;
    assert!(!cluster.log().contains("not properly shut down"), "{}", cluster.log());
    assert_eq!(psql(&cluster, "SELECT count(*) FROM stored")?, "0");
    Ok(())
}

fn failed_start_shows_the_log() -> Outcome {
    let Err(error) = Options::new().setting("no_such_setting", "1").start() else {
        return Err("started with a setting that does not exist".into());
    };
    assert!(error.to_string().contains("unrecognized configuration parameter"), "{error}");
    Ok(())
}

fn server_that_ended_by_itself_is_reported() -> Outcome {
    let mut cluster = Cluster::start()?;
    cluster.check()?;
    let pid_file = std::fs::read_to_string(cluster.dir().join("data/postmaster.pid"))?;
    let pid = pid_file.lines().next().ok_or("no process id")?;
    assert!(Command::new("kill").args(["-QUIT", pid]).status()?.success());
    eventually(|| Ok(cluster.check().is_err_and(|error| error.to_string().contains("immediate shutdown"))))?;
    cluster.start_again()?;
    cluster.check()?;
    cluster.stop(Stop::Fast)?;
    Ok(cluster.check()?)
}

fn drop_removes_the_cluster() -> Outcome {
    let cluster = Cluster::start()?;
    let (dir, port) = (cluster.dir().to_path_buf(), cluster.port());
    assert!(dir.exists() && TcpStream::connect(("127.0.0.1", port)).is_ok());
    drop(cluster);
    assert!(!dir.exists() && TcpStream::connect(("127.0.0.1", port)).is_err());
    Ok(())
}

fn killed_process_leaves_no_cluster() -> Outcome {
    let mut holder = Command::new(env::current_exe()?).arg(HOLD).stdout(Stdio::piped()).spawn()?;
    let output = holder.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    let mut line = || lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()));
    let (dir, port) = (line()?, line()?.parse::<u16>()?);
    assert!(Path::new(&dir).exists() && TcpStream::connect(("127.0.0.1", port)).is_ok());
    holder.kill()?;
    holder.wait()?;
    eventually(|| Ok(!Path::new(&dir).exists() && TcpStream::connect(("127.0.0.1", port)).is_err()))
}

#[allow(clippy::print_stdout, clippy::print_stderr)]
fn hold() -> ExitCode {
    match Cluster::start() {
        Ok(cluster) => {
            println!("{}\n{}", cluster.dir().display(), cluster.port());
            thread::sleep(Duration::from_secs(600));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn psql(cluster: &Cluster, sql: &str) -> Result<String, Box<dyn Error>> {
    let mut psql = Command::new(cluster.programs().path("psql"));
    let output = psql.args(["-X", "-A", "-t", "-c", sql, &cluster.url()]).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into())
    }
}

fn eventually(mut reached: impl FnMut() -> Result<bool, Box<dyn Error>>) -> Outcome {
    let start = Instant::now();
    while !reached()? {
        if start.elapsed() > Duration::from_secs(30) {
            return Err("not within half a minute".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
