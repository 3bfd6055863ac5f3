//! Errors, with texts that say what to do.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why a cluster could not be started. `Debug` prints the same text as `Display`, so that `unwrap` in a test is readable.
pub enum Error {
    /// No folder has a complete set of server programs.
    NotFound {
        /// The searched folders, in order.
        searched: Vec<PathBuf>,
    },
    /// There is no PgBouncer on this machine.
    NoPooler,
    /// The process runs as root, PostgreSQL refuses to run as root, and none of the known accounts exists.
    NoAccount {
        /// The accounts that do not exist.
        tried: &'static [&'static str],
    },
    /// An operation of the operating system failed.
    Io {
        /// The operation.
        doing: String,
        /// The cause.
        source: io::Error,
    },
    /// A PostgreSQL program failed.
    Program {
        /// The command.
        command: String,
        /// The exit status.
        status: ExitStatus,
        /// Its output.
        output: String,
    },
    /// The server ended by itself.
    Ended {
        /// The exit status.
        status: ExitStatus,
        /// The end of its log.
        log: String,
    },
    /// The server took too long.
    Deadline {
        /// The awaited event.
        goal: &'static str,
        /// The deadline.
        after: Duration,
        /// The server's log so far.
        log: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { searched } => {
                writeln!(f, "no PostgreSQL server programs (initdb, postgres, pg_ctl) in any of:")?;
                for folder in searched {
                    writeln!(f, "  {}", folder.display())?;
                }
                writeln!(f, "Install them:")?;
                writeln!(f, "  Debian, Ubuntu: sudo apt-get install postgresql")?;
                writeln!(f, "  Fedora:         sudo dnf install postgresql-server")?;
                writeln!(f, "  Alpine:         sudo apk add postgresql")?;
                writeln!(f, "  macOS:          brew install postgresql")?;
                write!(f, "or put the folder that has them into PATH")
            }
            Self::NoPooler => write!(
                f,
                "no PgBouncer; install it (Debian, Ubuntu: sudo apt-get install pgbouncer; Fedora: sudo dnf install \
                 pgbouncer; macOS: brew install pgbouncer), or put the folder that has it into PATH"
            ),
            Self::NoAccount { tried } => write!(
                f,
                "PostgreSQL refuses to run as root, and there is no other account for it (tried: {}); \
                 make one with `useradd --system postgres`",
                tried.join(", ")
            ),
            Self::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Self::Program { command, status, output } => {
                write!(f, "{command}: {status}\n{}", output.trim_end())
            }
            Self::Ended { status, log } => {
                write!(f, "the server ended by itself ({status}); its log:\n{}", log.trim_end())
            }
            Self::Deadline { goal, after, log } => {
                write!(f, "waited {after:?} for the server {goal}; its log:\n{}", log.trim_end())
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// Says what was tried when the system refuses.
pub(crate) trait Context<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Context<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing: what(), source })
    }
}
