//! Every mistake of a user gives one error, at the token that is wrong, which says what to write.
//!
//! Each file of `cases/` is a mistake, and the `.stderr` beside it what the compiler says. `TRYBUILD=overwrite` writes
//! them anew, for review.

use std::process::Command;

/// The compiler whose words are committed. Others put some of them differently.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        println!("left out: cases/*/*.rs, written for {COMPILER}* and not for {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("cases/*/*.rs");
}
