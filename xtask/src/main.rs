//! The tools of this workspace: `cargo xtask test` before a change is merged, `cargo xtask postgres` while working on it.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a command line prints

mod bench;
mod browser;
mod command;
mod disk;
mod error;
mod features;
mod rebuild;
mod report;
mod server;
mod steps;

use std::{
    env,
    io::{self, Read},
    process::{Command, ExitCode, Stdio},
};

use annalist_cluster::URL_VARIABLE;

pub(crate) use crate::error::Result;
use crate::{
    report::Report,
    server::{Server, find_or_install_pooler},
    steps::{STEPS, Step},
};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["test", options @ ..] => chosen(options).and_then(|steps| test(&steps)),
        ["bench", options @ ..] => bench::run_with(options),
        ["postgres"] => serve(),
        ["postgres", program, arguments @ ..] => serve_for(program, arguments),
        ["rebuild"] => rebuild::show(),
        ["help" | "--help" | "-h"] => {
            println!("{}", usage());
            Ok(ExitCode::SUCCESS)
        }
        _ => Err(usage().into()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn usage() -> String {
    let mut text = String::from(
        "cargo xtask test [--quick] [--only STEP]...   check everything, or the quick steps, or some steps\n\
         cargo xtask bench [--quick] [--only TEXT]...  measure beside hand-written baselines; --list shows the rows\n\
         cargo xtask postgres                          a PostgreSQL server until Ctrl-C or the end of input\n\
         cargo xtask postgres PROGRAM [ARGUMENT]...    a PostgreSQL server while the program runs\n\
         cargo xtask rebuild                           run the commands of docs/rebuild.md on this machine\n\n\
         Steps (q: also with --quick):",
    );
    for step in STEPS {
        let quick = if step.quick { "q" } else { " " };
        text += &format!("\n {quick} {:10} {}", step.name, step.about);
    }
    text
}

/// The steps to run, in their order.
fn chosen(options: &[&str]) -> Result<Vec<&'static Step>> {
    let (mut quick, mut only) = (false, Vec::new());
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        match option {
            "--quick" => quick = true,
            "--only" => only.push(*options.next().ok_or("--only needs the name of a step")?),
            other => return Err(format!("no option `{other}`\n\n{}", usage()).into()),
        }
    }
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(format!("no step `{unknown}`\n\n{}", usage()).into());
    }
    let wanted =
        |step: &&Step| if only.is_empty() { !quick || step.quick } else { only.contains(&step.name) };
    Ok(STEPS.iter().filter(wanted).collect())
}

/// Runs all steps, even after a failed one, and prints a summary.
fn test(steps: &[&Step]) -> Result<ExitCode> {
    let mut report = Report::new();
    for step in STEPS.iter().filter(|step| !steps.iter().any(|chosen| chosen.name == step.name)) {
        report.leave_out(step.name, "not selected");
    }
    let free_space = disk::free_space();
    free_space.iter().for_each(|line| println!("{line}"));
    // The server runs until all steps are done. Without one, the tests that need no server still run.
    let mut server = if steps.iter().any(|step| step.needs_server) {
        report.step("postgres", "find or start a server", Server::find_or_start)
    } else {
        None
    };
    if server.is_some() {
        report.step("pgbouncer", "find or install PgBouncer", find_or_install_pooler);
    }
    let url = server.as_ref().map(|server| server.url().to_owned());
    for step in steps {
        report.step(step.name, step.about, || (step.run)(url.as_deref()).map(|notes| ((), notes)));
    }
    if let Some(server) = &mut server {
        report.step("server", "whether the server still runs", || server.check());
    }
    Ok(report.conclude())
}

fn serve() -> Result<ExitCode> {
    let (server, _) = Server::start()?;
    println!("export {URL_VARIABLE}={}", server.url());
    println!("The server runs until Ctrl-C or the end of input; then it is removed with its data.");
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

fn serve_for(program: &str, arguments: &[&str]) -> Result<ExitCode> {
    let (server, _) = Server::start()?;
    let status = Command::new(program)
        .args(arguments)
        .env(URL_VARIABLE, server.url())
        .stdin(Stdio::inherit())
        .status()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
