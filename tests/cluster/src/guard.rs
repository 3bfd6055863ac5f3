//! Cleans up after us, whatever our end is.

use std::{
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
};

use crate::{Error, Programs, account::Account, error::Context};

/// Waits for the end of its input, which is the end of whoever holds the other side; then stops the server and removes
/// the directory. Signals that are meant for us do not concern it.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
read -r _
"$1" stop -s -m immediate -D "$2/data"
cd / && rm -rf "$2"
"#;

/// A shell that holds a pipe to us. The system closes the pipe however we end, so the server never outlives us.
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

    /// Closes the pipe and waits until all is cleaned up.
    pub(crate) fn dismiss(&mut self) {
        drop(self.shell.stdin.take());
        // An error means that there is nobody to wait for.
        let _ = self.shell.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.dismiss();
    }
}
