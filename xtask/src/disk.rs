//! Free disk space, because a full disk fails steps in ways that do not say so.

use std::{env, path::Path};

use crate::command::{ask, program, root};

/// The free space for compiled files and for temporary files, as one line; `None` if `df` does not report it.
pub(crate) fn free_space() -> Option<String> {
    let compiled = free(root())?;
    let temporary = free(&env::temp_dir())?;
    Some(format!("free disk space: {compiled} for compiled files, {temporary} for temporary files"))
}

fn free(folder: &Path) -> Option<String> {
    let output = ask(program("df", &["-P", "-k"]).arg(folder))?;
    Some(format!("{:.1} GiB", available_kib(&output)? as f64 / f64::from(1 << 20)))
}

/// The fourth column of the second line.
fn available_kib(output: &str) -> Option<u64> {
    output.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_space_is_read_from_the_table() {
        let output = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda 263174212 12270592 83014656 13% /\n";
        assert_eq!(available_kib(output), Some(83_014_656));
        assert_eq!(available_kib("df: no such file"), None);
        assert_eq!(available_kib(""), None);
    }
}
