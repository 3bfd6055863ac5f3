//! A process, seen from outside: what it says, and its end.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use crate::place::Place;

/// Nothing takes as long; a busy machine may take its time.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// A process that is killed when it is dropped.
pub struct Worker {
    child: Child,
    words: Receiver<String>,
    /// The ids of the commands that it was told are accepted.
    done: BTreeSet<String>,
}

impl Worker {
    /// Starts a program on a place; with a folder it runs the control too.
    pub fn start(program: &str, place: &Place, control: Option<&Path>) -> Self {
        let mut command = Command::new(program);
        command.arg(place.to_string()).args(control).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, words) = channel();
        thread::spawn(move || {
            // Whole words only: its last one may be cut off by its death.
            let words = lines.map_while(Result::ok).filter_map(|line| {
                let (_, word) = line.split_once("<<")?;
                word.strip_suffix(">>").map(str::to_owned)
            });
            words.map_while(|word| sender.send(word).ok()).for_each(drop);
        });
        Self { child, words, done: BTreeSet::new() }
    }

    /// Waits until it has said so many words from now on.
    ///
    /// # Panics
    /// If it ends by itself, or says nothing for a minute.
    pub fn says(&mut self, words: usize) {
        for _ in 0..words {
            self.next();
        }
    }

    /// Waits until a customer has come and gone who came from now on, and nothing of an earlier one is left to be told.
    ///
    /// # Panics
    /// As [`Worker::says`].
    pub fn goes_on(&mut self, customers: usize) {
        self.drain();
        let mut seen = 0;
        while seen < customers {
            seen += usize::from(self.next() == "seen");
        }
    }

    /// Kills it where it stands, and gives the ids of all commands that it was told are accepted.
    ///
    /// # Panics
    /// If it has ended by itself.
    pub fn kill(mut self) -> BTreeSet<String> {
        assert_eq!(self.child.try_wait().unwrap(), None, "it ended by itself");
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while let Ok(word) = self.words.recv() {
            self.note(&word);
        }
        std::mem::take(&mut self.done)
    }

    fn drain(&mut self) {
        while let Ok(word) = self.words.try_recv() {
            self.note(&word);
        }
    }

    fn next(&mut self) -> String {
        let start = Instant::now();
        let word = self.words.recv_timeout(DEFAULT_TIMEOUT);
        let word = word.unwrap_or_else(|error| panic!("{error} after {:?}", start.elapsed()));
        self.note(&word);
        word
    }

    fn note(&mut self, word: &str) {
        if let Some(id) = word.strip_prefix("done ") {
            self.done.insert(id.to_owned());
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
