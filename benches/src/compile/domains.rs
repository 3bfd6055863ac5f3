//! Compile times of domains of many events, compared with the same enums with serde's derives alone.

use std::fmt::Write as _;

use serde::Serialize;

use super::package::Package;
use crate::{
    Result,
    harness::{Size, Spread},
};

/// The name for `--only`.
pub(crate) const NAME: &str = "compile: domains of many events";

/// The compile times of a library with one aggregate and one projection over all events, and a command for each enum.
#[derive(Debug, Serialize)]
pub(crate) struct Domain {
    enums: usize,
    events_of_each: usize,
    check: Times,
    /// A debug build. The baseline also has a function that writes and one that reads each enum as JSON.
    build: Times,
}

/// Processor seconds of the library without its dependencies.
#[derive(Debug, Serialize)]
struct Times {
    ours: Spread,
    serde: Spread,
    /// The difference of each pair.
    additional: Spread,
}

pub(crate) fn measure(size: Size) -> Result<Vec<Domain>> {
    let sizes = size.of(&[(1, 2), (2, 2)][..], &[(1, 50), (8, 50), (6, 100)], &[(1, 50), (8, 50), (6, 100)]);
    let package = Package::make(&serde(1, 1))?;
    package.compile("build", &serde(1, 1))?;
    sizes.iter().map(|&(enums, events)| domain(&package, size.of(1, 3, 5), enums, events)).collect()
}

fn domain(package: &Package, pairs: usize, enums: usize, events: usize) -> Result<Domain> {
    println!("    {enums} enums of {events} events");
    Ok(Domain {
        enums,
        events_of_each: events,
        check: compare(package, "check", pairs, enums, events)?,
        build: compare(package, "build", pairs, enums, events)?,
    })
}

fn compare(package: &Package, subcommand: &str, pairs: usize, enums: usize, events: usize) -> Result<Times> {
    let (with_us, with_serde) = (ours(enums, events), serde(enums, events));
    let seconds = |library: &str| -> Result<f64> { Ok(package.compile(subcommand, library)?.processor) };
    let mut taken = Vec::new();
    for pair in 0..pairs {
        taken.push(if pair % 2 == 0 {
            let ours = seconds(&with_us)?;
            (ours, seconds(&with_serde)?)
        } else {
            let serde = seconds(&with_serde)?;
            (seconds(&with_us)?, serde)
        });
    }
    Ok(Times {
        ours: Spread::of(taken.iter().map(|(ours, _)| *ours)),
        serde: Spread::of(taken.iter().map(|(_, serde)| *serde)),
        additional: Spread::of(taken.iter().map(|(ours, serde)| ours - serde)),
    })
}

/// The enums with serde's derives alone.
fn serde(enums: usize, events: usize) -> String {
    let mut library = "#![allow(dead_code)]
use serde::{Deserialize, Serialize};
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThingId(uuid::Uuid);
"
    .to_owned();
    for nth in 0..enums {
        event_enum(&mut library, nth, events, "Serialize, Deserialize", "", "");
        let _ = writeln!(
            library,
            "pub fn write{nth}(event: &Part{nth}) -> String {{ serde_json::to_string(event).unwrap() }}
             pub fn read{nth}(text: &str) -> Part{nth} {{ serde_json::from_str(text).unwrap() }}"
        );
    }
    library
}

/// The enums as events, with all that folds and writes them.
fn ours(enums: usize, events: usize) -> String {
    let mut library = "#![allow(dead_code)]
use annalist::prelude::*;
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThingId(Uuid);
"
    .to_owned();
    for nth in 0..enums {
        let prefix = format!("#[event(prefix = \"company.department{nth}\")] ");
        event_enum(&mut library, nth, events, "Event, Serialize, Deserialize", &prefix, "#[id] ");
        let _ = writeln!(
            library,
            "#[derive(Command, Serialize, Deserialize)] #[command(decide = change{nth})]
             pub struct Change{nth} {{ #[id(Thing)] thing: ThingId, amount: u64 }}
             fn change{nth}(thing: &Thing, command: &Change{nth}) -> Part{nth} {{
                 let amount = command.amount + thing.events;
                 Part{nth}::Happened0 {{ thing: thing.id, amount, note: String::new() }}
             }}"
        );
    }
    let on =
        |handler: &str| -> String { (0..enums).map(|nth| format!("Part{nth} => {handler}, ")).collect() };
    let _ = writeln!(
        library,
        "#[derive(Aggregate)] #[aggregate(on({}))]
         pub struct Thing {{ #[id] id: ThingId, events: u64 }}
         impl Thing {{ fn count<E>(&mut self, _: &E) {{ self.events += 1; }} }}
         #[derive(Projection)] #[projection(name = \"totals\", version = 1, on({}))]
         pub struct Total {{ #[key] thing: ThingId, events: u32 }}
         impl Total {{ fn count<E>(&mut self, _: &E) {{ self.events += 1; }} }}",
        on("Thing::count"),
        on("Total::count"),
    );
    library
}

fn event_enum(library: &mut String, nth: usize, events: usize, derives: &str, attribute: &str, id: &str) {
    let _ = writeln!(library, "#[derive({derives})] {attribute}pub enum Part{nth} {{");
    for event in 0..events {
        let _ = writeln!(library, "    Happened{event} {{ {id}thing: ThingId, amount: u64, note: String }},");
    }
    let _ = writeln!(library, "}}");
}
