//! A PostgreSQL server for the tests: one that the environment names, or a throw-away server.

use std::{env, path::Path};

use annalist_cluster::{Cluster, Error, Pooler, URL_VARIABLE};

use crate::{
    Result,
    command::{ask, program, run},
    report::Notes,
};

pub(crate) enum Server {
    /// A server that the environment names.
    Named(String),
    /// A throw-away server, stopped and removed on drop.
    Started { url: String, cluster: Cluster },
}

impl Server {
    /// The server of [`URL_VARIABLE`] or `DATABASE_URL`, otherwise a new one.
    pub(crate) fn find_or_start() -> Result<(Self, Notes)> {
        for variable in [URL_VARIABLE, "DATABASE_URL"] {
            match env::var(variable) {
                Ok(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                    println!("Using the server that {variable} names.");
                    return Ok((Self::Named(url), Notes::passed(format!("the server of {variable}"))));
                }
                Ok(_) => println!("{variable} is set, but not to the URL of a PostgreSQL server: not used."),
                Err(_) => {}
            }
        }
        Self::start()
    }

    /// Starts a new server. Missing programs are installed first if permitted.
    pub(crate) fn start() -> Result<(Self, Notes)> {
        let cluster = match Cluster::start() {
            Err(missing @ Error::NotFound { .. }) => {
                println!("{missing}\n");
                install_postgres()?;
                Cluster::start()?
            }
            result => result?,
        };
        let bin = cluster.programs().bin().display();
        println!("Started a throw-away server: {} (programs: {bin})", cluster.url());
        let notes = Notes::passed(format!("a throw-away server on the programs in {bin}"));
        Ok((Self::Started { url: cluster.url(), cluster }, notes))
    }

    /// Checks that a throw-away server still runs. If it does not, it has failed the tests that came after.
    ///
    /// # Errors
    ///
    /// The error has the log of the server.
    pub(crate) fn check(&mut self) -> Result<((), Notes)> {
        if let Self::Started { cluster, .. } = self {
            cluster.check()?;
        }
        Ok(((), Notes::default()))
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Named(url) | Self::Started { url, .. } => url,
        }
    }
}

/// Installs PostgreSQL.
///
/// # Errors
///
/// The error of a failed installation names the alternative.
pub(crate) fn install_postgres() -> Result<()> {
    install("postgresql")
        .map_err(|error| format!("{error}\nor set {URL_VARIABLE} to a server that the tests may use").into())
}

/// Finds PgBouncer, which some tests put in front of the server. It is installed first if permitted.
pub(crate) fn find_or_install_pooler() -> Result<((), Notes)> {
    let program = match Pooler::program() {
        Err(missing) => {
            println!("{missing}\n");
            install("pgbouncer")?;
            Pooler::program()?
        }
        Ok(program) => program,
    };
    println!("The tests start throw-away poolers: {}", program.display());
    Ok(((), Notes::passed(program.display().to_string())))
}

/// Installs a package on Debian and its derivatives, as root or with a `sudo` that needs no password.
pub(crate) fn install(package: &str) -> Result<()> {
    if !Path::new("/etc/debian_version").exists() {
        return Err(
            format!("{package} is missing and this is not Debian or Ubuntu: install it yourself").into()
        );
    }
    let root = ask(&mut program("id", &["-u"])).is_some_and(|id| id.trim() == "0");
    let sudo: &[&str] = if root { &[] } else { &["sudo", "-n"] };
    if !root && ask(&mut program("sudo", &["-n", "true"])).is_none() {
        return Err(format!(
            "{package} is missing and needs root to be installed. Run\n  \
             sudo apt-get update && sudo apt-get install -y {package}\n\
             and try again"
        )
        .into());
    }
    println!("Installing {package}.");
    // The installation may succeed with outdated package lists.
    if let Err(error) = apt(sudo, &["update"]) {
        println!("{error}; trying to install anyway");
    }
    apt(sudo, &["install", "-y", "--no-install-recommends", package])
}

fn apt(sudo: &[&str], arguments: &[&str]) -> Result<()> {
    let prefix = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120"];
    let words: Vec<&str> = [sudo, &prefix, arguments].concat();
    run(&mut program(words[0], &words[1..]))
}
