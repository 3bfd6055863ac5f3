//! Every mistake is one error, at the wrong token, that says what to write.
//!
//! Each file in `cases/` contains a mistake; the `.stderr` next to it is the output of the compiler. `TRYBUILD=overwrite`
//! updates these files, for review.

use std::process::Command;

/// The compiler that wrote the committed output. Other versions word some errors differently.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn mistakes_are_explained_by_one_error() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&version.stdout);
    if !version.starts_with(COMPILER) {
        println!("skipped: cases/*/*.rs, written for {COMPILER}* and not for {version}");
        return;
    }
    trybuild::TestCases::new().compile_fail("cases/*/*.rs");
}
