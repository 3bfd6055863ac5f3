//! Forgetting in real processes on one store: what another process answers, and what the next process does after one was killed.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    thread,
};

use annalist::keys::{KeyState, SharedKeys};
use tokio::runtime::Builder;
use uuid::Uuid;

use crate::{domain::email_of, secret_log::SecretLog};

/// A process with secrets. It is killed when it is dropped.
struct Process {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the program, which waits before a call of its stores if one is named.
    fn start(log: &SecretLog, held: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secret_process"));
        command.arg(log.location()).args(Some(held).filter(|held| !held.is_empty()));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut process = Self { child, requests, answers: BufReader::new(answers) };
        assert_eq!(process.line(), "ready");
        process
    }

    fn send(&mut self, request: &str) {
        writeln!(self.requests, "{request}").unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn ask(&mut self, request: &str) -> String {
        self.send(request);
        self.line()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// One process forgets while another one answers queries all the time: none fails, and none has the secret once `forget` has returned.
pub(crate) fn other_process_answers_without_the_secret(log: &SecretLog) {
    let (mut process, mut other) = (Process::start(log, ""), Process::start(log, ""));
    for name in ["ann", "bob"] {
        assert_eq!(process.ask(&format!("register {name}")), email_of(name));
    }
    // The other process has rows, states and keys in memory.
    while !other.ask("everything ann").contains(&format!("\"{}\"", email_of("ann"))) {}
    assert_eq!(other.ask("ask ann"), "asking");
    assert_eq!(process.ask("forget ann"), "Ok(None)");
    let answer = other.ask("everything ann");
    assert!(!answer.contains(&email_of("ann")) && answer.contains("forgotten"), "{answer}");
    assert_eq!(other.ask("answers"), "no errors");
    assert!(other.ask("everything bob").contains(&email_of("bob")));
}

/// The calls of the stores that `forget` makes, in their order. It is killed before each of them.
const CALLS: [&str; 8] = [
    "erase",             // of the subject
    "erase_and_readmit", // of the key of the snapshots
    "define",
    "commit",
    "promote",
    "discard",
    "overwrite_deleted",
    "complete_erasure",
];

/// The number of cases that run at the same time.
const MAX_CONCURRENT: usize = 4;

/// The next process completes what a killed one has begun. The control has its record marked as complete, so that no process continues.
///
/// Cases run at the same time, each on its own log: completing an erasure takes two seconds.
pub(crate) fn killed_forgetting_is_completed(log: &SecretLog) {
    let cases: Vec<_> = CALLS.iter().flat_map(|call| [(call, false), (call, true)]).collect();
    for cases in cases.chunks(MAX_CONCURRENT) {
        thread::scope(|scope| {
            for (call, is_control) in cases {
                let log = log.another();
                let runtime = Builder::new_current_thread().enable_all().build().unwrap();
                scope.spawn(move || runtime.block_on(killed_before(&log, call, *is_control)));
            }
        });
    }
}

async fn killed_before(log: &SecretLog, call: &str, is_control: bool) {
    let mut process = Process::start(log, "");
    for name in ["ann", "bob"] {
        assert_eq!(process.ask(&format!("register {name}")), email_of(name));
    }
    drop(process);
    let keys = log.open().await.key_store().unwrap();
    let before: Vec<Uuid> =
        keys.keys_after(Uuid::nil(), 100).await.unwrap().iter().map(|key| key.id).collect();
    // Besides those of the hashes and of the other subject: that of the snapshots may be made later.
    let to_erase = before.len() - 2;

    let mut process = Process::start(log, call);
    process.send("forget ann");
    assert_eq!(process.line(), "reached", "before `{call}`");
    drop(process);

    let begun = keys.erasures(true).await.unwrap();
    assert_eq!(begun.len(), usize::from(call != "erase"), "incomplete before `{call}`");
    if is_control {
        for erasure in &begun {
            keys.complete_erasure(erasure.subject, erasure.erased_at).await.unwrap();
        }
    }
    let mut next = Process::start(log, "");
    assert_eq!(next.ask("completed"), "completed");
    let answer = next.ask("everything ann");
    let bob = next.ask("everything bob");
    assert!(bob.contains(&email_of("bob")), "{bob}");
    drop(next);
    let (erased, stored) = (erased(&keys, &before).await, log.contains(&email_of("ann")).await.unwrap());
    match (call, is_control) {
        ("erase", _) => assert_eq!((erased, answer.contains(&email_of("ann"))), (0, true)),
        // Without the record no process erases the rest.
        ("erase_and_readmit" | "define" | "commit" | "promote" | "discard", true) => {
            assert!(erased > 0 && stored, "control before `{call}`");
        }
        // All copies were erased before.
        (_, true) => {}
        (_, false) => {
            assert_eq!((erased, stored), (to_erase, false), "before `{call}`");
            assert!(!answer.contains(&email_of("ann")) && answer.contains("forgotten"), "{answer}");
        }
    }
}

/// The number of these keys that are erased.
async fn erased(keys: &SharedKeys, ids: &[Uuid]) -> usize {
    let states = keys.keys(ids).await.unwrap();
    states.iter().filter(|state| **state == KeyState::Erased).count()
}
