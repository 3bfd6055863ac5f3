//! Under which account the server runs: PostgreSQL refuses to run as root.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

use crate::{Error, error::Context};

/// Accounts that root can lend to a server; the first that exists is taken.
const LENT: [&str; 2] = ["postgres", "nobody"];

/// The account of the server's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// Whoever runs us.
    Ours,
    /// We are root and lend another one.
    Lent { user: u32, group: u32 },
}

impl Account {
    /// Our own account unless we are root; then a lent one, which `dir` is handed over to.
    pub(crate) fn that_may_serve(dir: &Path) -> Result<Self, Error> {
        // We have just made the directory, so its owner is us.
        let owner = fs::metadata(dir).doing(|| format!("look at {}", dir.display()))?.uid();
        if owner != 0 {
            return Ok(Self::Ours);
        }
        let (user, group) = LENT.into_iter().find_map(look_up).ok_or(Error::NoAccount { tried: &LENT })?;
        chown(dir, Some(user), Some(group)).doing(|| format!("hand {} over", dir.display()))?;
        Ok(Self::Lent { user, group })
    }

    /// A command that runs under this account, in `dir`, undisturbed by variables that steer PostgreSQL's programs.
    pub(crate) fn command(self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(dir).env("LC_ALL", "C").env("HOME", dir);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        if let Self::Lent { user, group } = self {
            command.uid(user).gid(group);
        }
        command
    }
}

/// The numbers of an account, from `id`, which also knows accounts that are not in `/etc/passwd`.
fn look_up(name: &str) -> Option<(u32, u32)> {
    let number = |what: &str| -> Option<u32> {
        let output = Command::new("id").args([what, name]).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    Some((number("-u")?, number("-g")?))
}
