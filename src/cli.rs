//! The command line of an application, in its own binary: verbs that show its events, trace a correlation, describe its model, and verify
//! and move its log.
//!
//! ```no_run
//! use std::process::ExitCode;
//!
//! use annalist::app::Builder;
//! # use annalist_doc_tests::*;
//!
//! fn domain(builder: Builder) -> Builder {
//!     builder.commands::<Open>().commands::<Deposit>().projection::<Balance>()
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     annalist::cli::run(domain).await
//! }
//! ```
//!
//! `docs/cli.md` of the repository lists the verbs, what they print, and the exit codes.

use std::{env, process::ExitCode};

#[doc(inline)]
pub use annalist_cli::{Program, Verb};
use annalist_core::app::Builder;

/// Runs the verb of the command line of this process, on the store that `--store` or the environment variable `ANNALIST_STORE` names.
///
/// The argument is the function that registers the domain. A program with a command line of its own flattens [`Verb`] into it and calls
/// [`program`].
pub async fn run(domain: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> ExitCode {
    program(domain).run(env::args_os()).await
}

/// The verbs for a program with a command line of its own, whose stores are opened as [`open`](crate::open()) does.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::{app::Builder, cli};
/// use clap::{Parser, Subcommand};
///
/// #[derive(Parser)]
/// struct Cli {
///     #[arg(long, default_value = "memory:")]
///     store: String,
///     #[command(subcommand)]
///     action: Action,
/// }
///
/// #[derive(Subcommand)]
/// enum Action {
///     /// Open an account.
///     Open { account: String, owner: String },
///     #[command(flatten)]
///     Operate(cli::Verb),
/// }
///
/// # async fn open_account(_: String, _: String) -> std::process::ExitCode { std::process::ExitCode::SUCCESS }
/// # fn domain(builder: Builder) -> Builder { builder.commands::<Open>() }
/// # run(async {
/// # let arguments = ["bank", "events", "tail"];
/// let Cli { store, action } = Cli::parse_from(arguments);
/// let code = match action {
///     Action::Open { account, owner } => open_account(account, owner).await,
///     Action::Operate(verb) => cli::program(domain).execute(verb, &store).await,
/// };
/// # assert_eq!(format!("{code:?}"), format!("{:?}", std::process::ExitCode::SUCCESS));
/// # Ok(())
/// # });
/// ```
pub fn program(domain: impl Fn(Builder) -> Builder + Send + Sync + 'static) -> Program {
    Program::new(domain, |url| Box::pin(crate::open(url)))
}
