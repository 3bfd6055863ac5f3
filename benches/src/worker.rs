//! Other processes of this program, which work on one log at the same time.

use std::process::Stdio;

use annalist::{App, Postgres};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{
    Result,
    baseline::bank::Bank,
    environment,
    rows::{
        deposits::{self, Load},
        hot_processes,
    },
};

/// Another process of this program.
pub(crate) struct Worker {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    /// Starts a process with a kind of work and its arguments, and waits until it is ready.
    pub(crate) async fn start(arguments: &[&str]) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--worker").args(arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().ok_or("a worker has no output")?;
        let mut worker = Self { child, stdout: BufReader::new(stdout).lines() };
        worker.line().await?;
        Ok(worker)
    }

    /// Lets all workers begin, and returns their results when all have ended.
    pub(crate) async fn run_all(mut workers: Vec<Self>) -> Result<Vec<String>> {
        // All workers are ready before the first one begins.
        for worker in &mut workers {
            let input = worker.child.stdin.as_mut().ok_or("a worker has no input")?;
            input.write_all(b"begin\n").await?;
        }
        let mut results = Vec::new();
        for mut worker in workers {
            results.push(worker.line().await?);
            worker.child.wait().await?;
        }
        Ok(results)
    }

    async fn line(&mut self) -> Result<String> {
        Ok(self.stdout.next_line().await?.ok_or("a worker ended early")?)
    }
}

/// Runs as a worker: gets ready, says so, waits for the start, works, and reports its result.
pub(crate) async fn work(arguments: &[String]) -> Result<()> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["deposits", url, schema, tasks, commands] => {
            let app = open(url, schema).await?;
            let load = Load { accounts: 200, tasks: tasks.parse()?, commands: commands.parse()? };
            let accounts = deposits::ready(&app, load).await?;
            begin()?;
            println!("{}", deposits::run(app, load, accounts).await?);
        }
        ["hot", url, schema, account, tasks, commands] => {
            let app = open(url, schema).await?;
            begin()?;
            let account = account.parse()?;
            println!("{}", hot_processes::deposit(app, account, tasks.parse()?, commands.parse()?).await?);
        }
        ["hot-by-hand", url, schema, account, tasks, commands] => {
            let (account, tasks) = (account.parse()?, tasks.parse()?);
            let bank = Bank::of(environment::pool(url, tasks, schema).await?);
            begin()?;
            println!("{}", hot_processes::deposit_by_hand(bank, account, tasks, commands.parse()?).await?);
        }
        _ => return Err(format!("no such work: {}", arguments.join(" ")).into()),
    }
    Ok(())
}

async fn open(url: &str, schema: &str) -> Result<App> {
    Ok(App::builder(Postgres::options().schema(schema).connect(url).await?).start().await?)
}

/// Says that this worker is ready, and waits for the start.
fn begin() -> Result<()> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
