//! Other processes of this program, which work on one log at the same time.

use std::process::Stdio;

use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::Result;

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
