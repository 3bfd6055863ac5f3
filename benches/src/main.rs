//! Measures each kind of work beside a hand-written baseline, in the same run. See `benches/README.md`.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

mod baseline;
mod compile;
mod curves;
mod domain;
mod environment;
mod error;
mod harness;
mod machine;
mod moved_log;
mod plot;
mod report;
mod rows;
mod size;
mod task_pool;
mod work;
mod worker;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

pub(crate) use crate::error::{Error, Result};
use crate::{
    curves::{CURVES, Curve},
    environment::Environment,
    harness::{Row, Size},
    report::Report,
};

/// Measures this library beside hand-written baselines.
#[derive(Debug, Parser)]
struct Arguments {
    /// All rows with smaller sizes, in minutes.
    #[arg(long)]
    quick: bool,
    /// Tiny sizes, which only check that the rows run; the figures are meaningless.
    #[arg(long, conflicts_with = "quick")]
    smoke: bool,
    /// Only rows and curves whose name contains this text; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Lists the rows and curves without running them.
    #[arg(long)]
    list: bool,
    /// The folder of the report.
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// Runs as a worker of a row or a curve: the kind of work and its arguments.
    #[arg(long, hide = true, num_args = 1..)]
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
    if !arguments.worker.is_empty() {
        return work::work(&arguments.worker).await;
    }
    let (rows, curves) = (arguments.rows(), arguments.curves());
    let (compiles, domains) = (arguments.wants(compile::NAME), arguments.wants(compile::DOMAINS));
    if rows.is_empty() && curves.is_empty() && !compiles && !domains {
        return Err(format!("nothing is called {}; --list shows all", arguments.only.join(" or ")).into());
    }
    if arguments.list {
        rows.iter().for_each(|row| println!("{}  |  {}", row.work, row.baseline));
        curves.iter().for_each(|curve| println!("{}", curve.name));
        if compiles {
            println!("{}", compile::NAME);
        }
        if domains {
            println!("{}", compile::DOMAINS);
        }
        return Ok(());
    }
    let environment = Environment::start(arguments.size())?;
    let mut report = Report::new(&arguments.out, machine::describe(&environment).await?)?;
    // A failed row does not prevent the others.
    for row in rows {
        println!("{} …", row.work);
        report.add(row, harness::measure(row, &environment).await)?;
    }
    for curve in curves {
        println!("{} …", curve.name);
        report.add_curve(curve, (curve.draw)(&environment).await)?;
    }
    if compiles {
        println!("{} …", compile::NAME);
        report.add_compile(compile::NAME, "compile.json", compile::measure(arguments.size()))?;
    }
    if domains {
        println!("{} …", compile::DOMAINS);
        let outcome = compile::measure_domains(arguments.size());
        report.add_compile(compile::DOMAINS, "compile-domains.json", outcome)?;
    }
    report.conclude()
}
