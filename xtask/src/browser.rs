//! The tests of the inspector in a headless browser, and the programs that they need.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Result,
    command::{ask, cargo, program, root, run},
    report::Notes,
    server::install,
};

/// The checker of accessibility, from the registry of npm.
const AXE: &str = "https://registry.npmjs.org/axe-core/-/axe-core-4.10.3.tgz";
/// The SHA-256 of its file.
const AXE_CHECKSUM: &str = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292";

/// Installs the browser and its driver if permitted, downloads the checker, and runs the tests.
pub(crate) fn test(_: Option<&str>) -> Result<Notes> {
    if ask(&mut program("chromedriver", &["--version"])).is_none() {
        install("chromium-driver")?;
    }
    let version = ask(&mut program("chromedriver", &["--version"])).ok_or("`chromedriver` does not start")?;
    let axe = axe()?;
    let mut tests = cargo(&["test", "-p", "annalist-browser-tests", "--", "--ignored"]);
    run(tests.env("ANNALIST_AXE", axe).env("RUST_BACKTRACE", "0"))?;
    Ok(Notes::passed(version.trim().to_owned()))
}

/// The path of the checker in the folder of the build.
fn axe() -> Result<PathBuf> {
    let folder = root().join("target/axe");
    let script = folder.join("package/axe.min.js");
    if script.exists() {
        return Ok(script);
    }
    fs::create_dir_all(&folder)?;
    let archive = folder.join("axe.tgz");
    let path = path_text(&archive)?;
    run(&mut program(
        "curl",
        &["--fail", "--silent", "--show-error", "--location", "--max-time", "60", "--output", path, AXE],
    ))
    .map_err(|error| format!("{error}\ndownload {AXE} to {path} and try again"))?;
    let sum = ask(&mut program("sha256sum", &[path])).unwrap_or_default();
    if sum.split_whitespace().next() != Some(AXE_CHECKSUM) {
        fs::remove_file(&archive)?;
        return Err(format!("{AXE} has the checksum `{}`, not {AXE_CHECKSUM}", sum.trim()).into());
    }
    run(&mut program("tar", &["-xzf", path, "-C", path_text(&folder)?, "package/axe.min.js"]))?;
    Ok(script)
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| format!("{} is not valid UTF-8", path.display()).into())
}
