//! Compares a model with the committed file of what was released, so that no change loses what is stored.

mod error;
mod generate;
mod lock;
mod rules;
mod secrets;

use std::{
    collections::BTreeMap,
    env, fs, io,
    path::{Path, PathBuf},
};

pub use self::error::GateError;
use self::{
    error::VARIABLE,
    lock::{Fact, Lock},
};
use super::types::Model;
use crate::event::Event;

/// The gate that changes of the domain pass before they are released: a committed file with what was released, and a check in a test
/// of the application.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::model::{Gate, Model};
///
/// # let file = std::env::temp_dir().join(format!("annalist-{}.lock", std::process::id()));
/// # std::fs::write(&file, "annalist.lock 1\n")?;
/// // In a test: `let file = concat!(env!("CARGO_MANIFEST_DIR"), "/annalist.lock");`
/// let model = Model::of(|builder| builder.commands::<Open>().projection::<Balance>())?;
/// let report = Gate::new(&file).samples([opened("ann", "Ann"), deposited("ann", 5)])?.check(&model)?;
/// assert!(report.additions.iter().any(|line| line.starts_with("event account.opened 1 ")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The file has samples of the payloads of every version of every event, with their tags; the commands with the ids of their scopes;
/// the versions of projections with their columns and events; and the policies. Every sample is decoded by the program of today, through
/// all steps and conversions.
///
/// | `ANNALIST_GATE` | the check |
/// |---|---|
/// | not set | fails for changes that lose something; additions pass |
/// | `update` | the same, and writes the additions to the file |
/// | `strict` | the same, and fails for additions that the file does not have |
///
/// A sample is made from the JSON Schema of the event (feature `schema`), and [`samples`](Gate::samples) adds samples or
/// replaces the missing ones. A sample is written if the file has none of the same version with the same fields and types.
#[derive(Clone, Debug)]
#[must_use = "it does nothing before `check`"]
pub struct Gate {
    path: PathBuf,
    samples: Vec<Fact>,
}

/// The result of a check that did not fail.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateReport {
    /// The lines that the file lacks, or lacked before it was updated.
    pub additions: Vec<String>,
    /// The events whose current version has no sample, because none was given and none could be made.
    pub without_samples: Vec<String>,
}

/// What a check does besides.
enum Mode {
    Check,
    Update,
    Strict,
}

impl Gate {
    /// The gate with this file. A test runs in the folder of its package.
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().to_owned(), samples: Vec::new() }
    }

    /// Adds samples: events as the application writes them.
    ///
    /// # Errors
    /// [`GateError::Sample`] if one cannot be encoded.
    pub fn samples<E: Event>(mut self, events: impl IntoIterator<Item = E>) -> Result<Self, GateError> {
        for event in events {
            self.samples.push(rules::sample_of(&event)?);
        }
        Ok(self)
    }

    /// Checks the model against the file, as the environment variable `ANNALIST_GATE` says.
    ///
    /// # Errors
    /// [`GateError`] if something that was released is lost, or the file cannot be read or written.
    pub fn check(&self, model: &Model) -> Result<GateReport, GateError> {
        let mode = match env::var(VARIABLE) {
            Err(env::VarError::NotPresent) => Mode::Check,
            Err(env::VarError::NotUnicode(mode)) => return Err(GateError::Mode(mode.display().to_string())),
            Ok(mode) if mode.is_empty() => Mode::Check,
            Ok(mode) if mode == "update" => Mode::Update,
            Ok(mode) if mode == "strict" => Mode::Strict,
            Ok(mode) => return Err(GateError::Mode(mode)),
        };
        self.run(model, &mode)
    }

    /// Checks the model against the file and writes the additions, as with `ANNALIST_GATE=update`.
    ///
    /// # Errors
    /// As [`check`](Gate::check); and [`GateError::Incomplete`] if an event has no sample.
    pub fn update(&self, model: &Model) -> Result<GateReport, GateError> {
        self.run(model, &Mode::Update)
    }

    fn run(&self, model: &Model, mode: &Mode) -> Result<GateReport, GateError> {
        let lock = self.read(mode)?;
        let mut problems = rules::problems(&lock, model);
        problems.extend(rules::sample_problems(&self.samples, model));
        if !problems.is_empty() {
            return Err(GateError::Refused { path: self.path.clone(), problems });
        }
        let facts = self.facts(&lock, model);
        let known: Vec<String> = lock.facts.iter().map(|(_, fact)| fact.to_string()).collect();
        let lines = facts.iter().map(Fact::to_string);
        let mut additions: Vec<String> = lines.filter(|line| !known.contains(line)).collect();
        additions.sort();
        additions.dedup();
        let without_samples = without_samples(&facts, model);
        match mode {
            Mode::Check => {}
            Mode::Strict if additions.is_empty() => {}
            Mode::Strict => {
                let missing = additions
                    .iter()
                    .map(|line| format!("`{line}` is missing: run the test with {VARIABLE}=update"));
                return Err(GateError::Incomplete { path: self.path.clone(), missing: missing.collect() });
            }
            Mode::Update => self.write(facts, &without_samples)?,
        }
        Ok(GateReport { additions, without_samples })
    }

    fn read(&self, mode: &Mode) -> Result<Lock, GateError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => Lock::parse(&self.path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound && matches!(mode, Mode::Update) => {
                Ok(Lock::default())
            }
            Err(source) => Err(GateError::File { path: self.path.clone(), source }),
        }
    }

    /// The facts of the file with those of today.
    fn facts(&self, lock: &Lock, model: &Model) -> Vec<Fact> {
        let mut facts = rules::still_valid(lock);
        for sample in self.samples.iter().cloned() {
            if !facts.iter().any(|fact| rules::is_same_shape(fact, &sample)) {
                facts.push(sample);
            }
        }
        facts.extend(model.events.iter().flat_map(|event| rules::made_samples(event, model)));
        facts.extend(rules::facts(model));
        facts
    }

    fn write(&self, facts: Vec<Fact>, without_samples: &[String]) -> Result<(), GateError> {
        if !without_samples.is_empty() {
            let missing = without_samples.iter().map(|event| {
                format!("no sample of {event} could be made: give one with `Gate::samples`, or derive `JsonSchema` with the feature `schema`")
            });
            return Err(GateError::Incomplete { path: self.path.clone(), missing: missing.collect() });
        }
        let failed = |source| GateError::File { path: self.path.clone(), source };
        // As a whole or not at all.
        let mut name = self.path.clone().into_os_string();
        name.push(".new");
        fs::write(&name, Lock::text(facts)).map_err(failed)?;
        fs::rename(&name, &self.path).map_err(failed)
    }
}

/// The events whose current version has no sample.
fn without_samples(facts: &[Fact], model: &Model) -> Vec<String> {
    let mut sampled: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    for fact in facts {
        if let Fact::Sample { event, version, .. } = fact {
            sampled.entry(event).or_default().push(*version);
        }
    }
    let has_sample =
        |name: &str, version: u32| sampled.get(name).is_some_and(|versions| versions.contains(&version));
    let missing = model.events.iter().filter(|event| !has_sample(&event.name, event.version));
    missing.map(|event| format!("`{}` version {} (`{}`)", event.name, event.version, event.rust)).collect()
}
