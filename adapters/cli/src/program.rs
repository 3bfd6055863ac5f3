//! Runs a verb for an application.

use std::{
    ffi::OsString,
    future::Future,
    io::{self, Write},
    path::Path,
    pin::Pin,
    process::ExitCode,
    sync::Arc,
};

use annalist_core::{
    app::{App, Builder},
    error::Error,
    model::Model,
    store::EventStore,
};
use clap::{Command, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{doctor, failure::Failure, output::Output, text::printable, verb::Verb, verify};

/// Opens a store by its URL.
type Opener = Box<dyn Fn(&str) -> Opening<'_> + Send + Sync>;
type Opening<'a> = Pin<Box<dyn Future<Output = Result<Arc<dyn EventStore>, Error>> + Send + 'a>>;

/// The command line of an application: its domain, and how it opens its store.
///
/// The exit code is
///
/// | code | meaning |
/// |---|---|
/// | 0 | done |
/// | 1 | the store, the log or a file does not allow it |
/// | 2 | the command line is wrong; nothing was opened |
/// | 3 | nothing has the given name or position |
/// | 4 | `verify` found defects, or `doctor` problems |
///
/// An error is printed to the standard error output. With `--json` it is printed to the standard output, as an object with the field
/// `error`, too.
pub struct Program {
    domain: Box<dyn Fn(Builder) -> Builder + Send + Sync>,
    open: Opener,
}

/// The command line of a program that has nothing but the verbs.
#[derive(Parser)]
struct Arguments {
    /// The store: `sqlite://FILE` or `postgres://USER@HOST/DATABASE`.
    #[arg(long, env = "ANNALIST_STORE", value_name = "URL", global = true, hide_env_values = true)]
    store: Option<String>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    #[command(flatten)]
    Verb(Verb),
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

impl Program {
    /// The program of an application: the function that registers its domain, and the function that opens a store by its URL.
    pub fn new(
        domain: impl Fn(Builder) -> Builder + Send + Sync + 'static,
        open: impl Fn(&str) -> Opening<'_> + Send + Sync + 'static,
    ) -> Self {
        Self { domain: Box::new(domain), open: Box::new(open) }
    }

    /// Parses a command line that has nothing but the verbs and the option `--store`, and runs the verb. Nothing is opened before all
    /// arguments are known to be right.
    pub async fn run(&self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> ExitCode {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let mut command = command(&arguments);
        let parsed =
            command.try_get_matches_from_mut(arguments).and_then(|found| Arguments::from_arg_matches(&found));
        let Arguments { store, action } = match parsed {
            Ok(parsed) => parsed,
            Err(error) => return print_usage(&error),
        };
        match action {
            Action::Verb(verb) => self.execute(verb, store.as_deref().unwrap_or_default()).await,
            Action::Completions { shell } => {
                let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
                clap_complete::generate(shell, &mut command, name, &mut io::stdout());
                ExitCode::SUCCESS
            }
        }
    }

    /// Runs a verb of an application's own command line on the store with this URL.
    pub async fn execute(&self, verb: Verb, store: &str) -> ExitCode {
        let width = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0);
        let code = self.write(verb, store, &mut io::stdout(), &mut anstream::stderr(), width).await;
        ExitCode::from(code)
    }

    /// Runs a verb and writes what it prints. Returns the exit code.
    #[doc(hidden)]
    pub async fn write(
        &self,
        verb: Verb,
        store: &str,
        out: &mut (dyn Write + Send),
        err: &mut (dyn Write + Send),
        width: Option<u16>,
    ) -> u8 {
        let mut output = Output::new(out, verb.format(), width);
        let Err(failure) = self.run_verb(verb, store, &mut output).await else { return 0 };
        // An output that is closed or fails cannot show an error; the exit code does.
        let _ = output.error(&failure);
        if !matches!(failure, Failure::OutputClosed) {
            let lines: Vec<String> = failure.to_string().lines().map(printable).collect();
            let _ = writeln!(
                err,
                "{ERROR}error:{ERROR:#} {}",
                lines.join(
                    "
"
                )
            );
        }
        failure.exit_code()
    }

    async fn run_verb(&self, verb: Verb, url: &str, output: &mut Output<'_>) -> Result<(), Failure> {
        match verb {
            Verb::Describe(describe) => describe.run(&Model::of(&self.domain)?, output),
            Verb::Events(events) => events.run(&self.open(url).await?, output).await,
            Verb::Aggregates(aggregates) => aggregates.run(&self.observe(url).await?, output).await,
            Verb::Trace(trace) => trace.run(&*self.open(url).await?, output).await,
            Verb::Journal(journal) => journal.run(&*self.open(url).await?, output).await,
            Verb::Projections(projections) => projections.run(&self.observe(url).await?, output).await,
            Verb::Parked(parked) => parked.run(&self.observe(url).await?, output).await,
            Verb::Doctor(_) => doctor::run(&self.observe(url).await?, output).await,
            Verb::Verify(_) => verify::run(&*self.open(url).await?, output).await,
            Verb::Export(export) => export.run(self.open(url).await?, output).await,
            Verb::Import(import) => import.run(&*self.open(url).await?, output).await,
            Verb::Copy(copy) => {
                let (from, to) = (self.open(url).await?, self.open(&copy.to).await?);
                copy.run(&*from, &*to, output).await
            }
        }
    }

    /// Starts the application without its projections and policies: a verb shows what other processes run.
    async fn observe(&self, url: &str) -> Result<App, Error> {
        let store = self.open(url).await?;
        (self.domain)(App::builder(store)).observe().await
    }

    async fn open(&self, url: &str) -> Result<Arc<dyn EventStore>, Error> {
        if url.is_empty() {
            let reason =
                "no store is given; write `--store URL`, or set the environment variable `ANNALIST_STORE`";
            return Err(Error::unusable("open a store", reason));
        }
        (self.open)(url).await
    }
}

/// The style of the word before an error, on a terminal.
const ERROR: anstyle::Style = anstyle::AnsiColor::Red.on_default().bold();

/// The command line under the name of the program that was called.
fn command(arguments: &[OsString]) -> Command {
    let path = arguments.first().map(Path::new);
    let name = path.and_then(Path::file_stem).map(|name| name.to_string_lossy().into_owned());
    match name {
        Some(name) => Arguments::command().bin_name(name),
        None => Arguments::command(),
    }
}

/// Prints the help, or what is wrong with the command line.
fn print_usage(error: &clap::Error) -> ExitCode {
    // A closed output cannot show it; the exit code does.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}
