//! Cleans up after this process, however it ends.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
};

use crate::{Error, Programs, account::Account, error::Context};

/// Waits for the end of its input, which is the end of the process at the other side; then stops the server and removes
/// the directory. It ignores signals to the process group.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
"$1" stop -s -m immediate -D "$2/data"
cd / && rm -rf "$2"
"#;

/// A shell with a pipe to this process. The system closes the pipe when the process ends, so the server never outlives it.
#[derive(Debug)]
pub(crate) struct Guard {
    shell: Child,
}

impl Guard {
    pub(crate) fn post(programs: &Programs, account: &Account, dir: &Path) -> Result<Self, Error> {
        let mut shell = account.command(Path::new("/bin/sh"), dir);
        shell.args(["-c", SCRIPT, "guard"]).arg(programs.path("pg_ctl")).arg(dir);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        Ok(Self { shell: shell.spawn().doing(|| format!("start {shell:?}"))? })
    }

    /// Closes the pipe and waits until the shell has cleaned up.
    pub(crate) fn dismiss(&mut self) {
        drop(self.shell.stdin.take());
        // An error means that the shell has already ended.
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.dismiss();
    }
}
