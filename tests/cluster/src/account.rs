//! The account that the server runs under, because PostgreSQL refuses to run as root.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use tempfile::TempDir;

use crate::{Error, error::Context};

/// Accounts for a server that root starts; the first one that exists is used.
const SERVER_ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// The account of the server's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// The account of this process.
    Ours,
    /// This process runs as root, so the server gets another account.
    Other { user: u32, group: u32 },
}

impl Account {
    /// Chooses an account and creates a temporary directory that it owns.
    pub(crate) fn with_directory() -> Result<(Self, TempDir), Error> {
        let ours = temporary(&env::temp_dir())?;
        // The owner of the new directory is the account of this process.
        let owner = fs::metadata(ours.path()).doing(|| format!("look at {}", ours.path().display()))?.uid();
        if owner != 0 {
            return Ok((Self::Ours, ours));
        }
        let (user, group) = SERVER_ACCOUNTS
            .into_iter()
            .find_map(look_up)
            .ok_or(Error::NoAccount { tried: &SERVER_ACCOUNTS })?;
        // The temporary directory of root may be closed to other accounts.
        let dir = if is_open_to_all(&env::temp_dir()) { ours } else { temporary(Path::new("/tmp"))? };
        chown(dir.path(), Some(user), Some(group)).doing(|| format!("hand {} over", dir.path().display()))?;
        Ok((Self::Other { user, group }, dir))
    }

    /// A command that runs under this account, in `dir`, without the environment variables of PostgreSQL's programs.
    pub(crate) fn command(self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env("LC_ALL", "C").env("HOME", dir);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Self::Other { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }
}

fn temporary(parent: &Path) -> Result<TempDir, Error> {
    let dir = tempfile::Builder::new().prefix("annalist-pg-").tempdir_in(parent);
    dir.doing(|| format!("make a directory in {}", parent.display()))
}

/// Returns `true` if every account may enter this directory and all of its parents.
fn is_open_to_all(dir: &Path) -> bool {
    let open = |dir: &Path| fs::metadata(dir).is_ok_and(|metadata| metadata.mode() & 0o001 != 0);
    fs::canonicalize(dir).is_ok_and(|dir| dir.ancestors().all(open))
}

/// The user and group id of an account, from `id`, which also finds accounts that are not in `/etc/passwd`.
fn look_up(name: &str) -> Option<(u32, u32)> {
    let number = |what: &str| -> Option<u32> {
        let output = Command::new("id").args([what, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((number("-u")?, number("-g")?))
}
