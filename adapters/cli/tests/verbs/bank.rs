//! A log to call the verbs on, and what a call has printed.

use std::{
    io::{self, Write},
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use annalist::{
    EventStore, Memory, Timestamp,
    app::{Builder, Journal},
    cli::{Program, Verb},
    projection::ProjectionOptions,
    testing::ManualClock,
};
use annalist_doc_tests::*;
use clap::Parser;
use expect_test::Expect;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

pub(crate) fn domain(builder: Builder) -> Builder {
    builder
        .commands::<Open>()
        .commands::<Deposit>()
        .projection::<Balance>()
        .projection_with::<Savings>(ProjectionOptions::new().park())
        .policy(WelcomeBonus)
}

/// A log with two accounts: the first with a welcome bonus, the second with a rejected command.
pub(crate) struct Bank {
    pub(crate) log: Memory,
    program: Program,
    /// How many stores were opened.
    opened: Arc<AtomicUsize>,
}

impl Bank {
    /// A log without events.
    pub(crate) fn empty() -> Self {
        Self::of(domain)
    }

    /// A log without events, of a program with another domain.
    pub(crate) fn of(domain: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Self {
        Self::on(Memory::new(), domain)
    }

    /// A program with another domain on this log.
    pub(crate) fn on(log: Memory, domain: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Self {
        let opened = Arc::new(AtomicUsize::new(0));
        let (store, counter) = (log.clone(), Arc::clone(&opened));
        let program = Program::new(domain, move |url| {
            counter.fetch_add(1, Ordering::Relaxed);
            let store: Arc<dyn EventStore> = match url {
                "memory:" => Arc::new(Memory::new()),
                _ => Arc::new(store.clone()),
            };
            Box::pin(async { Ok(store) })
        });
        Self { log, program, opened }
    }

    pub(crate) async fn new() -> Self {
        let bank = Self::empty();
        let clock = ManualClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let builder = domain(App::builder(bank.log.clone())).clock(clock.clone()).journal(Journal::All);
        let app = builder.start().await.unwrap();
        app.execute(open("a", "Ada")).id("open-a").actor("ann").await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        clock.set("2026-01-02T00:00:00Z".parse().unwrap());
        app.execute(open("b", "Bob")).id("open-b").actor("ben").correlation("campaign").await.unwrap();
        app.wait_until_caught_up().await.unwrap();
        app.execute(open("b", "Bob")).id("open-b-again").actor("ben").await.unwrap_err();
        app.shut_down().await;
        bank
    }

    /// Calls a verb whose output is no terminal.
    pub(crate) async fn call(&self, arguments: &[&str]) -> Called {
        self.call_with(arguments, None).await
    }

    /// Calls a verb whose output is a terminal with this number of columns.
    pub(crate) async fn call_with(&self, arguments: &[&str], width: Option<u16>) -> Called {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = self.write(arguments, &mut out, &mut err, width).await;
        let text = |bytes: Vec<u8>| anstream::adapter::strip_bytes(&bytes).into_vec();
        Called { code, out: String::from_utf8(out).unwrap(), err: String::from_utf8(text(err)).unwrap() }
    }

    pub(crate) async fn write(
        &self,
        arguments: &[&str],
        out: &mut (dyn Write + Send),
        err: &mut (dyn Write + Send),
        width: Option<u16>,
    ) -> u8 {
        let arguments = ["bank"].into_iter().chain(arguments.iter().copied());
        let Arguments { verb } = Arguments::try_parse_from(arguments).unwrap();
        self.program.write(verb, "the log", out, err, width).await
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    pub(crate) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

/// The output of a call.
pub(crate) struct Called {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Called {
    /// The output of a call that succeeds, without the ids of events, which are random.
    #[track_caller]
    pub(crate) fn prints(&self, expected: Expect) {
        assert_eq!((self.code, self.err.as_str()), (0, ""), "{}", self.out);
        expected.assert_eq(&without_ids(&self.out));
    }

    /// The error and the exit code of a call that fails.
    #[track_caller]
    pub(crate) fn fails(&self, code: u8, expected: Expect) {
        expected.assert_eq(&format!("{}{}", without_ids(&self.out), self.err));
        assert_eq!(self.code, code);
    }

    /// The positions of the events that a call with `--json` has printed.
    pub(crate) fn positions(&self) -> Vec<u64> {
        assert_eq!(self.code, 0, "{}", self.err);
        let lines = self.out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line["event"]["position"].as_u64().unwrap()).collect()
    }
}

/// Replaces what looks like a UUID.
fn without_ids(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((at, length)) = find_uuid(rest) {
        result += &rest[..at];
        result += "<id>";
        rest = &rest[at + length..];
    }
    result + rest
}

/// Finds a UUID, with or without hyphens: where it begins, and its length.
fn find_uuid(text: &str) -> Option<(usize, usize)> {
    let candidates = (0..text.len()).flat_map(|at| [(at, 36), (at, 32)]);
    let mut found = candidates.filter(|(at, length)| {
        text.get(*at..at + length).is_some_and(|part| uuid::Uuid::parse_str(part).is_ok())
    });
    found.next()
}

/// A writer that shows what is written to it, and is closed after some lines.
#[derive(Clone)]
pub(crate) struct Pipe {
    lines: Arc<Mutex<Vec<u8>>>,
    capacity: usize,
}

impl Pipe {
    pub(crate) fn of(capacity: usize) -> Self {
        Self { lines: Arc::default(), capacity }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.lines.lock().unwrap();
        if written.iter().filter(|byte| **byte == b'\n').count() >= self.capacity {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
