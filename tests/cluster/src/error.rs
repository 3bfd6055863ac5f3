//! What can go wrong, in sentences that say what to do.

use std::{fmt, io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why there is no cluster. `Debug` prints the same sentences as `Display`, so that `unwrap` in a test is readable.
pub enum Error {
    /// No folder has a complete set of server programs.
    NotFound {
        /// Where we looked, in order.
        looked: Vec<PathBuf>,
    },
    /// We are root, PostgreSQL refuses to run as root, and there is no other account that we know.
    NoAccount {
        /// The accounts that we tried.
        tried: &'static [&'static str],
    },
    /// The system refused something.
    Io {
        /// What we were about to do.
        doing: String,
        /// Why not.
        source: io::Error,
    },
    /// A PostgreSQL program failed.
    Program {
        /// The command as it was run.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// Its output.
        said: String,
    },
    /// The server ended instead of getting ready.
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: String,
    },
    /// The server took too long.
    Deadline {
        /// What we waited for.
        goal: &'static str,
        /// How long.
        after: Duration,
        /// The server's log so far.
        log: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { looked } => {
                writeln!(f, "no PostgreSQL server programs (initdb, postgres, pg_ctl) in any of:")?;
                for folder in looked {
                    writeln!(f, "  {}", folder.display())?;
                }
                writeln!(f, "Install them:")?;
                writeln!(f, "  Debian, Ubuntu: sudo apt-get install postgresql")?;
                writeln!(f, "  Fedora:         sudo dnf install postgresql-server")?;
                writeln!(f, "  Alpine:         sudo apk add postgresql")?;
                writeln!(f, "  macOS:          brew install postgresql")?;
                write!(f, "or put the folder that has them into PATH")
            }
            Self::NoAccount { tried } => write!(
                f,
                "PostgreSQL refuses to run as root, and there is no account to lend it (tried: {}); \
                 make one with `useradd --system postgres`",
                tried.join(", ")
            ),
            Self::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Self::Program { command, status, said } => write!(f, "{command}: {status}\n{}", said.trim_end()),
            Self::Ended { status, log } => {
                write!(
                    f,
                    "the server ended instead of getting ready ({status}); its log:\n{}",
                    log.trim_end()
                )
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
