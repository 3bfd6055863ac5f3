//! Several processes on one log.

use std::process::Stdio;

use annalist::{App, Postgres};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use super::{Line, Point};
use crate::{
    Result,
    environment::{Commits, Environment},
    harness::Size,
    rows::deposits::{self, Load},
};

const TASKS: usize = 32;

pub(super) async fn draw(environment: &Environment) -> Result<Vec<Line>> {
    let mut points = Vec::new();
    for processes in 1..=4 {
        let (_, schema) = environment.log(Commits::Plain).await?;
        let url = environment.url(Commits::Plain);
        let mut workers = Vec::new();
        for _ in 0..processes {
            workers.push(Worker::start(&url, &schema, environment.size()).await?);
        }
        // All workers are ready before the first one begins.
        for worker in &mut workers {
            worker.begin().await?;
        }
        let mut rate = 0.0;
        for worker in workers {
            rate += worker.rate().await?;
        }
        points.push(Point::at(processes, rate));
    }
    Ok(vec![Line { name: "ours", points }])
}

/// Another process of this program, as a worker on a log.
struct Worker {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    async fn start(url: &str, schema: &str, size: Size) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--worker", url, schema, &Load::new(size, 200, TASKS).commands.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().ok_or("a worker has no output")?;
        let mut worker = Self { child, stdout: BufReader::new(stdout).lines() };
        worker.line().await?;
        Ok(worker)
    }

    async fn begin(&mut self) -> Result<()> {
        let input = self.child.stdin.as_mut().ok_or("a worker has no input")?;
        Ok(input.write_all(b"begin\n").await?)
    }

    async fn rate(mut self) -> Result<f64> {
        let rate = self.line().await?.parse()?;
        self.child.wait().await?;
        Ok(rate)
    }

    async fn line(&mut self) -> Result<String> {
        Ok(self.stdout.next_line().await?.ok_or("a worker ended early")?)
    }
}

/// Runs a worker: opens the log, reports that it is ready, waits for the start, works, and reports its speed.
pub(crate) async fn work(url: &str, schema: &str, commands: usize) -> Result<()> {
    let app = App::builder(Postgres::options().schema(schema).connect(url).await?).start().await?;
    let load = Load { accounts: 200, tasks: TASKS, commands };
    let accounts = deposits::ready(&app, load).await?;
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", deposits::run(app, load, accounts).await?);
    Ok(())
}
