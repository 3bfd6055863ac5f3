//! Compile times: a cold build of the README's example, and the cost of each event and command.

mod domains;
mod package;

use std::{fmt::Write as _, process::Command, time::Instant};

use serde::Serialize;

use crate::{
    Result,
    compile::package::{Package, run},
    environment::directory,
    harness::{Size, Spread},
};

pub(crate) use self::domains::{NAME as DOMAINS, measure as measure_domains};

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
    let package = Package::make(BASE)?;
    let number = size.of(10, 100, 200);
    let mut taken: [Vec<f64>; 3] = Default::default();
    for _ in 0..size.of(1, 5, 9) {
        let nothing = check(&package, BASE)?;
        let plain = check(&package, &many(number, plain))?;
        let each = |took: f64, less: f64| (took - less) * 1e3 / number as f64;
        taken[0].push(each(check(&package, &many(number, event))?, plain));
        taken[1].push(each(check(&package, &many(number, command))?, plain));
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

/// The seconds of a `cargo check` of this library.
fn check(package: &Package, library: &str) -> Result<f64> {
    Ok(package.compile("check", library)?.elapsed)
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
