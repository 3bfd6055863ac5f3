//! A package outside the workspace whose only library is compiled again and again.

use std::{fs, process::Command, time::Instant};

use crate::{Result, environment::directory};

/// A package with dependencies that are already compiled.
pub(super) struct Package(tempfile::TempDir);

/// The time of one compilation, in seconds.
pub(super) struct Took {
    pub(super) elapsed: f64,
    /// The processor time of cargo and the compiler, which other programs on the machine hardly change.
    pub(super) processor: f64,
}

impl Package {
    /// Makes the package and checks the library, with all dependencies.
    pub(super) fn make(library: &str) -> Result<Self> {
        let folder = directory()?;
        let root = std::env::current_dir()?;
        let manifest = format!(
            "[package]\nname = \"many\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             annalist = {{ path = {root:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n\
             serde_json = \"1\"\nuuid = {{ version = \"1\", features = [\"serde\"] }}\n"
        );
        fs::write(folder.path().join("Cargo.toml"), manifest)?;
        fs::copy("Cargo.lock", folder.path().join("Cargo.lock"))?;
        fs::create_dir(folder.path().join("src"))?;
        let package = Self(folder);
        package.compile("check", library)?;
        Ok(package)
    }

    /// Compiles this library with `cargo check` or `cargo build`.
    pub(super) fn compile(&self, subcommand: &str, library: &str) -> Result<Took> {
        let folder = self.0.path();
        fs::write(folder.join("src/lib.rs"), library)?;
        let mut cargo = Command::new("cargo");
        cargo.args([subcommand, "--offline", "--quiet"]).current_dir(folder);
        cargo.env("CARGO_TARGET_DIR", folder.join("target")).env("CARGO_INCREMENTAL", "0");
        let (start, before) = (Instant::now(), processor_seconds_of_children()?);
        run(&mut cargo)?;
        let processor = processor_seconds_of_children()? - before;
        Ok(Took { elapsed: start.elapsed().as_secs_f64(), processor })
    }
}

/// The processor time of the child processes that have ended, and of their children.
fn processor_seconds_of_children() -> Result<f64> {
    /// The ticks of a second in `/proc`.
    const TICKS: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|error| format!("the processor time is read from /proc/self/stat, as on Linux: {error}"))?;
    // The second field is the name of the program in parentheses, which may contain spaces.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(13).take(2).map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
    if ticks.len() < 2 {
        return Err(format!("/proc/self/stat has no time of child processes: {stat}").into());
    }
    Ok(ticks.iter().sum::<f64>() / TICKS)
}

pub(super) fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&output.stderr)).into())
}
