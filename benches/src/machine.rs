//! The machine that the figures were measured on.

use std::{fs, process::Command, time::Instant};

use serde::Serialize;

use crate::{
    Result,
    environment::{Commits, Environment},
    harness::Spread,
};

#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory: String,
    kernel: String,
    postgres: String,
    settings: Vec<(String, String)>,
    /// The time of a commit, measured with one row on one connection.
    commit_milliseconds: Spread,
    slow_commit_milliseconds: Spread,
    size: String,
    compiler: String,
}

pub(crate) async fn describe(environment: &Environment) -> Result<Machine> {
    let pool = environment.pool(1, "public", Commits::Plain).await?;
    let settings = "SELECT name, current_setting(name) FROM pg_settings WHERE name = ANY (ARRAY['fsync', \
                    'synchronous_commit', 'full_page_writes', 'wal_sync_method', 'shared_buffers', 'max_wal_size', \
                    'checkpoint_timeout', 'max_connections', 'server_version']) ORDER BY name";
    let machine = Machine {
        cpu: line_of("/proc/cpuinfo", "model name"),
        cores: std::thread::available_parallelism()?.get(),
        memory: line_of("/proc/meminfo", "MemTotal"),
        kernel: output_of("uname", &["-sr"]),
        postgres: sqlx::query_scalar("SELECT version()").fetch_one(&pool).await?,
        settings: sqlx::query_as(settings).fetch_all(&pool).await?,
        commit_milliseconds: commits(environment, Commits::Plain).await?,
        slow_commit_milliseconds: commits(environment, Commits::Slow).await?,
        size: format!("{:?}", environment.size()).to_lowercase(),
        compiler: output_of("rustc", &["--version"]),
    };
    pool.close().await;
    Ok(machine)
}

async fn commits(environment: &Environment, commits: Commits) -> Result<Spread> {
    let pool = environment.pool(1, "public", commits).await?;
    sqlx::query("CREATE TABLE IF NOT EXISTS commits (at timestamptz)").execute(&pool).await?;
    let mut took = Vec::new();
    for _ in 0..environment.size().of(20, 300, 1_000) {
        let start = Instant::now();
        sqlx::query("INSERT INTO commits VALUES (now())").execute(&pool).await?;
        took.push(start.elapsed().as_secs_f64() * 1e3);
    }
    pool.close().await;
    Ok(Spread::of(took))
}

/// A value from a file of the kernel, or `unknown`.
fn line_of(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'));
    line.map_or("unknown", str::trim).to_owned()
}

fn output_of(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output_text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    output_text.unwrap_or_else(|_| "unknown".to_owned())
}
