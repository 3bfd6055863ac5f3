//! A throw-away PgBouncer in front of a server.

use std::{
    env, fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Error, account::Account, error::Context};

/// The interval of checks whether the pooler is ready.
const POLL: Duration = Duration::from_millis(10);
const DEADLINE: Duration = Duration::from_secs(30);

/// The maximum number of ports to try, because another process may take a port that was free.
const PORTS: usize = 5;

/// Where packages put the program, besides the folders in `PATH`.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"];

/// Runs the pooler until the end of its input, which is the end of the process at the other side; then stops it and removes
/// the directory.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
"$1" -q "$2/pgbouncer.ini" </dev/null &
read -r _
kill -KILL $!
wait
cd / && rm -rf "$2"
"#;

/// When PgBouncer gives the session of a client to another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolMode {
    /// When the client disconnects.
    Session,
    /// After each transaction.
    Transaction,
    /// After each statement; it refuses transactions of several statements.
    Statement,
}

/// A PgBouncer in front of a server, on a port of 127.0.0.1. Dropping it stops it and removes its files.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    // Dropped in this order: the end of the shell stops the pooler.
    _shell: Shell,
    dir: TempDir,
}

#[derive(Debug)]
struct Shell(Child);

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // An error means that the shell has already ended.
        let _ = self.0.wait();
    }
}

impl Pooler {
    /// The program, from `PATH` or one of the usual places.
    ///
    /// # Errors
    ///
    /// [`Error::NoPooler`] says what to install.
    pub fn program() -> Result<PathBuf, Error> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain(FOLDERS.map(PathBuf::from));
        let mut programs = folders.map(|folder| folder.join("pgbouncer"));
        programs.find(|program| program.is_file()).ok_or(Error::NoPooler)
    }

    /// Starts a pooler with at most `sessions` sessions of the server at `url`, whose form is
    /// `postgres://user:password@host:port/…`. `settings` are further lines of `pgbouncer.ini`.
    ///
    /// # Errors
    ///
    /// [`Error::NoPooler`] says what to install. Other errors name the failed step, with the pooler's log.
    pub fn start(url: &str, mode: PoolMode, sessions: u32, settings: &[&str]) -> Result<Self, Error> {
        let program = Self::program()?;
        let mut tries = 0;
        loop {
            tries += 1;
            let (account, dir) = Account::with_directory()?;
            let port = free_port()?;
            let text = configuration(dir.path(), port, url, mode, sessions, settings);
            fs::write(dir.path().join("pgbouncer.ini"), text).doing(|| "configure the pooler".into())?;
            let shell = start(account, &program, dir.path())?;
            let pooler = Self { port, _shell: shell, dir };
            match pooler.until_ready() {
                Err(Error::Deadline { log, .. }) if log.contains("in use") && tries < PORTS => {}
                ready => return ready.map(|()| pooler),
            }
        }
    }

    /// The address of a database through the pooler.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@{}:{}/{database}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The log of the pooler.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    fn until_ready(&self) -> Result<(), Error> {
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err()
            || !self.log().contains("process up")
        {
            let log = self.log();
            if start.elapsed() > DEADLINE || log.contains("FATAL") {
                return Err(Error::Deadline { goal: "to get ready", after: start.elapsed(), log });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }
}

fn start(account: Account, program: &Path, dir: &Path) -> Result<Shell, Error> {
    let mut shell = account.command(Path::new("/bin/sh"), dir);
    shell.args(["-c", SCRIPT, "pooler"]).arg(program).arg(dir);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    Ok(Shell(shell.spawn().doing(|| format!("start {shell:?}"))?))
}

fn configuration(
    dir: &Path,
    port: u16,
    url: &str,
    mode: PoolMode,
    sessions: u32,
    settings: &[&str],
) -> String {
    let mode = match mode {
        PoolMode::Session => "session",
        PoolMode::Transaction => "transaction",
        PoolMode::Statement => "statement",
    };
    let (dir, settings) = (dir.display(), settings.join("\n"));
    format!(
        "[databases]\n* = {}\n[pgbouncer]\nlisten_addr = {}\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = {mode}\ndefault_pool_size = {sessions}\nmax_client_conn = 1000\n\
         server_idle_timeout = 2\nlogfile = {dir}/log\npidfile = {dir}/pid\n{settings}\n",
        upstream(url),
        Ipv4Addr::LOCALHOST
    )
}

/// The connection parameters in the address of a server.
fn upstream(url: &str) -> String {
    let address = url.split_once("://").map_or(url, |(_, address)| address);
    let address = address.split(['/', '?']).next().unwrap_or(address);
    let (account, server) = address.rsplit_once('@').unwrap_or(("postgres", address));
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "5432"));
    let password = if password.is_empty() { String::new() } else { format!(" password={password}") };
    format!("host={host} port={port} user={user}{password}")
}

fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.doing(|| "find a free port on 127.0.0.1".into())?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_address_become_parameters() {
        assert_eq!(upstream("postgres://me@db:5433/app?x=1"), "host=db port=5433 user=me");
        assert_eq!(upstream("postgres://me:secret@db/app"), "host=db port=5432 user=me password=secret");
    }
}
