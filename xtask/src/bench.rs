//! `cargo xtask bench`: installs the tools that `benches/` needs, and runs it.

use std::process::ExitCode;

use annalist_cluster::{Error, Programs};

use crate::{
    Result,
    command::{ask, cargo, program, run},
    server::{install, install_postgres},
};

/// Passes the options on. Missing programs are installed if permitted; without `valgrind` one row is not measured.
pub(crate) fn run_with(options: &[&str]) -> Result<ExitCode> {
    if let Err(missing @ Error::NotFound { .. }) = Programs::find() {
        println!("{missing}\n");
        install_postgres()?;
    }
    if ask(&mut program("valgrind", &["--version"])).is_none()
        && let Err(error) = install("valgrind")
    {
        println!("{error}\nNo valgrind: the row of instructions is not measured.");
    }
    run(&mut cargo(&["build", "--release", "-p", "annalist-bench", "--bins"]))?;
    let bench = ["run", "--quiet", "--release", "-p", "annalist-bench", "--"];
    run(&mut cargo(&[&bench[..], options].concat()))?;
    Ok(ExitCode::SUCCESS)
}
