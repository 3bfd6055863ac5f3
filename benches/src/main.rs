//! What it costs: each kind of work beside a baseline written by hand, in the same run. See `benches/README.md`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line talks

mod compile;
mod crowd;
mod curves;
mod domain;
mod hand;
mod harness;
mod machine;
mod place;
mod plot;
mod report;
mod rows;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

use crate::{
    curves::{CURVES, Curve},
    harness::{Row, Size},
    place::Place,
    report::Report,
};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// Measures this library beside baselines written by hand.
#[derive(Debug, Parser)]
struct Arguments {
    /// All rows with smaller sizes, in minutes.
    #[arg(long)]
    quick: bool,
    /// Sizes so small that the figures mean nothing: whether the rows run at all.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Only rows and curves whose name contains this text; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Shows the rows and curves and runs none.
    #[arg(long)]
    list: bool,
    /// Where the report goes.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Address, schema and number of commands: what a curve tells the processes that it starts.
    #[arg(long, hide = true, num_args = 3)]
    worker: Vec<String>,
}

impl Arguments {
    fn size(&self) -> Size {
        match (self.smoke, self.quick) {
            (true, _) => Size::Smoke,
            (false, true) => Size::Quick,
            (false, false) => Size::Full,
        }
    }

    fn rows(&self) -> Vec<&'static Row> {
        let wanted = |row: &&Row| self.only.is_empty() || self.only.iter().any(|text| row.is_called(text));
        rows::ROWS.iter().filter(wanted).collect()
    }

    fn wants(&self, name: &str) -> bool {
        let named = |text: &String| name.to_lowercase().contains(&text.to_lowercase());
        self.only.is_empty() || self.only.iter().any(named)
    }

    fn curves(&self) -> Vec<&'static Curve> {
        let wanted =
            |curve: &&Curve| self.only.is_empty() || self.only.iter().any(|text| curve.is_called(text));
        CURVES.iter().filter(wanted).collect()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    if let [url, schema, commands] = arguments.worker.as_slice() {
        return curves::work_as_a_process(url, schema, commands.parse()?).await;
    }
    let (rows, curves) = (arguments.rows(), arguments.curves());
    let compiles = arguments.wants(compile::NAME);
    if rows.is_empty() && curves.is_empty() && !compiles {
        return Err(format!("nothing is called {}; --list shows all", arguments.only.join(" or ")).into());
    }
    if arguments.list {
        rows.iter().for_each(|row| println!("{}  |  {}", row.work, row.baseline));
        curves.iter().for_each(|curve| println!("{}", curve.name));
        if compiles {
            println!("{}", compile::NAME);
        }
        return Ok(());
    }
    let place = Place::start(arguments.size())?;
    let mut report = Report::new(&arguments.out, machine::describe(&place).await?)?;
    // What fails does not take the others with it.
    for row in rows {
        println!("{} …", row.work);
        report.add(row, harness::measure(row, &place).await)?;
    }
    for curve in curves {
        println!("{} …", curve.name);
        report.add_curve(curve, (curve.draw)(&place).await)?;
    }
    if compiles {
        println!("{} …", compile::NAME);
        report.add_compile(compile::measure(arguments.size()))?;
    }
    report.conclude()
}
