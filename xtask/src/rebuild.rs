//! Runs the commands of `docs/rebuild.md` in a temporary folder.

use std::{fs, process::ExitCode};

use crate::{
    Result,
    command::{cargo, root, run},
};

/// The start of every command of the bank.
const BANK: &str = "$ cargo run --release -q -p bank -- ";

/// Runs them one after the other.
pub(crate) fn show() -> Result<ExitCode> {
    let text = fs::read_to_string(root().join("docs/rebuild.md"))?;
    run(&mut cargo(&["build", "--release", "-p", "bank"]))?;
    let folder = tempfile::tempdir()?;
    let manifest = root().join("Cargo.toml").display().to_string();
    for arguments in commands(&text) {
        println!("\n{BANK}{arguments}");
        let mut bank = cargo(&["run", "--release", "-q", "-p", "bank", "--manifest-path", &manifest, "--"]);
        let status = bank.args(arguments.split_whitespace()).current_dir(folder.path()).status()?;
        if !status.success() {
            return Err(format!("`{arguments}`: {status}").into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn commands(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix(BANK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_commands_of_the_bank() {
        let text = fs::read_to_string(root().join("docs/rebuild.md")).unwrap_or_default();
        assert!(commands(&text).any(|arguments| arguments == "rebuild balances"));
        assert_eq!(
            commands("$ ls\nfilled\n$ cargo run --release -q -p bank -- fill 7\n").collect::<Vec<_>>(),
            ["fill 7"]
        );
    }
}
