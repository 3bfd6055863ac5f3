//! Compile times: a cold build of the README's example, and the cost of each event and command.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Instant};

use serde::Serialize;

use crate::{
    Result,
    environment::directory,
    harness::{Size, Spread},
};

/// The name for `--only`.
pub(crate) const NAME: &str = "compile: the README's example, events and commands";

/// The compile times on this machine.
#[derive(Debug, Serialize)]
pub(crate) struct Compile {
    /// A `cargo build` of the README's example from scratch, with the memory store only, in seconds.
    cold_build_seconds: f64,
    /// The number of crates in that build, with the example itself.
    crates: usize,
    /// The additional time of `cargo check` for a struct with `Event` compared with serde's derives alone, in milliseconds.
    milliseconds_per_event: Spread,
    /// The same for a command with its decision.
    milliseconds_per_command: Spread,
    /// The time for the struct with serde's derives alone.
    milliseconds_per_struct_of_serde: Spread,
}

pub(crate) fn measure(size: Size) -> Result<Compile> {
    let (cold_build_seconds, crates) = cold_build()?;
    let package = Package::make()?;
    let number = size.of(10, 100, 200);
    let mut taken: [Vec<f64>; 3] = Default::default();
    for _ in 0..size.of(1, 5, 9) {
        let nothing = package.check(BASE)?;
        let plain = package.check(&many(number, plain))?;
        let each = |took: f64, less: f64| (took - less) * 1e3 / number as f64;
        taken[0].push(each(package.check(&many(number, event))?, plain));
        taken[1].push(each(package.check(&many(number, command))?, plain));
        taken[2].push(each(plain, nothing));
    }
    let [event, command, serde] = taken.map(Spread::of);
    Ok(Compile {
        cold_build_seconds,
        crates,
        milliseconds_per_event: event,
        milliseconds_per_command: command,
        milliseconds_per_struct_of_serde: serde,
    })
}

fn cold_build() -> Result<(f64, usize)> {
    let target = directory()?;
    let example = ["-p", "annalist-readme", "--offline", "--locked"];
    let start = Instant::now();
    run(Command::new("cargo").arg("build").args(example).env("CARGO_TARGET_DIR", target.path()))?;
    let seconds = start.elapsed().as_secs_f64();
    let tree = Command::new("cargo")
        .arg("tree")
        .args(example)
        .args(["-e", "normal,build", "--prefix", "none"])
        .output()?;
    let tree = String::from_utf8(tree.stdout)?;
    let crates: std::collections::BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    Ok((seconds, crates.len()))
}

/// A package outside the workspace, with dependencies that are already checked.
struct Package(tempfile::TempDir);

impl Package {
    fn make() -> Result<Self> {
        let folder = directory()?;
        let root = std::env::current_dir()?;
        let manifest = format!(
            "[package]\nname = \"many\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             annalist = {{ path = {root:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n"
        );
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        fs::copy("Cargo.lock", folder.path().join("Cargo.lock"))?;
        fs::create_dir(folder.path().join("src"))?;
        let package = Self(folder);
        package.check(BASE)?;
        Ok(package)
    }

    /// The seconds of a `cargo check` of this library.
    fn check(&self, library: &str) -> Result<f64> {
        let folder: &Path = self.0.path();
        fs::write(folder.join("src/lib.rs"), library)?;
        let mut check = Command::new("cargo");
        check.args(["check", "--offline", "--quiet"]).current_dir(folder);
        check.env("CARGO_TARGET_DIR", folder.join("target")).env("CARGO_INCREMENTAL", "0");
        let start = Instant::now();
        run(&mut check)?;
        Ok(start.elapsed().as_secs_f64())
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The common part of all measured libraries.
const BASE: &str = "#![allow(dead_code)]
use annalist::prelude::*;
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThingId(Uuid);
#[derive(Event, Serialize, Deserialize)]
pub struct Happened { #[id] thing: ThingId, amount: u64 }
#[derive(Aggregate)]
#[aggregate(on(Happened => Thing::apply))]
pub struct Thing { #[id] id: ThingId, amount: u64 }
impl Thing {
    fn apply(&mut self, event: &Happened) { self.amount += event.amount; }
}
";

fn many(number: usize, one: fn(&mut String, usize)) -> String {
    let mut library = BASE.to_owned();
    (0..number).for_each(|nth| one(&mut library, nth));
    library
}

fn plain(library: &mut String, nth: usize) {
    let _ = writeln!(
        library,
        "#[derive(Serialize, Deserialize)] pub struct T{nth} {{ thing: ThingId, amount: u64 }}"
    );
}

fn event(library: &mut String, nth: usize) {
    let _ = writeln!(
        library,
        "#[derive(Event, Serialize, Deserialize)] pub struct T{nth} {{ #[id] thing: ThingId, amount: u64 }}"
    );
}

fn command(library: &mut String, nth: usize) {
    let _ = writeln!(
        library,
        "#[derive(Command, Serialize, Deserialize)] #[command(decide = decide{nth})]
         pub struct T{nth} {{ #[id(Thing)] thing: ThingId, amount: u64 }}
         fn decide{nth}(thing: &Thing, command: &T{nth}) -> Happened {{
             Happened {{ thing: thing.id, amount: command.amount }}
         }}"
    );
}
