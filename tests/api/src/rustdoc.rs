//! Runs rustdoc for its JSON output.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::error::Result;

/// The compiler whose rustdoc JSON is understood.
pub const COMPILER: &str = "rustc 1.95.";

/// The version of the compiler in use, such as `rustc 1.95.0 (…)`.
///
/// # Errors
///
/// If there is no compiler.
pub fn compiler() -> Result<String> {
    let output =
        Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The file with the JSON of a package with all its features.
pub(crate) fn json(package: &str) -> Result<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).ok_or("no workspace")?;
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["rustdoc", "--quiet", "--lib", "--all-features", "--package", package])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTDOC", wrapper(&target)?)
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTDOCFLAGS")
        .output()?;
    if !output.status.success() {
        return Err(format!("rustdoc of {package}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(target.join("doc").join(package.replace('-', "_")).with_extension("json"))
}

/// A script that allows rustdoc its unstable options. Set for cargo as a whole, the variable would compile every
/// dependency again.
fn wrapper(target: &Path) -> Result<PathBuf> {
    let path = target.join("tmp").join("rustdoc-json");
    fs::create_dir_all(target.join("tmp"))?;
    fs::write(&path, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    #[cfg(unix)]
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(path)
}
