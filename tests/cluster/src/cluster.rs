//! The cluster: it can be created, started, stopped and started again.

use std::{
    fs::{self, File},
    io,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{Error, Options, Programs, account::Account, error::Context, guard::Guard};

/// The interval of checks whether the server is ready or has ended.
const POLL: Duration = Duration::from_millis(20);

/// The maximum number of ports to try, because another process may take a port that was free.
const PORTS: usize = 5;

/// The number of lines of its log that the error of a server that ended repeats.
const LOG_LINES: usize = 40;

/// How a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A clean end: open transactions are rolled back, connections closed, and the data is written.
    Fast,
    /// A crash: every process exits at once, and the next start recovers from the write-ahead log.
    Immediate,
}

/// A PostgreSQL cluster in a temporary directory. Dropping it stops the server and removes the directory.
///
/// It listens on 127.0.0.1 and on a socket in its directory. Every connection may use its superuser `postgres`.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    account: Account,
    options: Options,
    port: u16,
    server: Option<Child>,
    // Dropped in this order: the guard stops the server, then the directory is removed.
    guard: Guard,
    dir: TempDir,
}

impl Options {
    /// Creates and starts the cluster; returns when it accepts connections.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] and [`Error::NoAccount`] say what to install. Other errors name the failed step, with the output
    /// of the program or the server's log.
    pub fn start(self) -> Result<Cluster, Error> {
        Cluster::with(self)
    }
}

impl Cluster {
    /// Creates and starts a cluster with the default [`Options`].
    ///
    /// # Errors
    ///
    /// As [`Options::start`].
    pub fn start() -> Result<Self, Error> {
        Options::new().start()
    }

    fn with(options: Options) -> Result<Self, Error> {
        let programs = Programs::find()?;
        let (account, dir) = Account::with_directory()?;
        let guard = Guard::post(&programs, &account, dir.path())?;
        let mut cluster = Self { programs, account, options, port: 0, server: None, guard, dir };
        cluster.init()?;
        cluster.start_on_a_free_port()?;
        Ok(cluster)
    }

    /// Creates and starts a standby of this cluster: a read-only server that replays the writes of this one.
    ///
    /// # Errors
    ///
    /// As [`Options::start`].
    pub fn standby(&self) -> Result<Self, Error> {
        let (account, dir) = Account::with_directory()?;
        let guard = Guard::post(&self.programs, &account, dir.path())?;
        let (programs, options) = (self.programs.clone(), self.options.clone());
        let mut standby = Self { programs, account, options, port: 0, server: None, guard, dir };
        let mut copy = standby.command("pg_basebackup");
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--dbname", &self.url(), "-D"]);
        run(copy.arg(standby.data_dir()))?;
        standby.start_on_a_free_port()?;
        Ok(standby)
    }

    /// Makes a standby a primary: it accepts writes when this returns. It has what it received from its primary until then.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] if `pg_ctl` fails, for example because the cluster is not a standby.
    pub fn promote(&self) -> Result<(), Error> {
        let mut pg_ctl = self.command("pg_ctl");
        run(pg_ctl.args(["promote", "-D"]).arg(self.data_dir()))
    }

    /// The address of the database `postgres`, for a driver: `postgres://postgres@127.0.0.1:port/postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// The address of a database of this cluster. The name is not escaped; the database need not exist yet.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@{}:{}/{database}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// The TCP port on 127.0.0.1. [`Cluster::start_again`] does not change it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The directory with the server's socket, its log and its data. It is removed on drop.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The server programs of this cluster; `psql` and `pg_dump` are usually in the same folder.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The log of the server since its last start.
    pub fn log(&self) -> String {
        fs::read(self.log_file())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Checks that the server runs, unless it was stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if it has ended by itself, for example because its disk is full.
    pub fn check(&mut self) -> Result<(), Error> {
        match self.ended()? {
            Some(status) => Err(Error::Ended { status, log: last_lines(&self.log()) }),
            None => Ok(()),
        }
    }

    /// Stops the server and waits until it has ended. Does nothing if it is not running.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] if `pg_ctl` fails, [`Error::Deadline`] if the server does not end in time.
    pub fn stop(&mut self, how: Stop) -> Result<(), Error> {
        if self.server.is_none() {
            return Ok(());
        }
        let mode = match how {
            Stop::Fast => "fast",
            Stop::Immediate => "immediate",
        };
        let mut pg_ctl = self.command("pg_ctl");
        // Without waiting: `pg_ctl` only watches a file; `until` waits for the process itself.
        pg_ctl.args(["stop", "-W", "-m", mode, "-D"]).arg(self.data_dir());
        run(&mut pg_ctl)?;
        self.until("to stop", |cluster| Ok(cluster.ended()?.is_some()))
    }

    /// Starts the stopped server again, with the same data and the same port. Does nothing if it is running.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] if the server ends at once, [`Error::Deadline`] if it is not ready in time.
    pub fn start_again(&mut self) -> Result<(), Error> {
        if self.ended()?.is_none() && self.server.is_some() {
            return Ok(());
        }
        self.launch()?;
        self.until("to get ready", |cluster| match cluster.ended()? {
            Some(status) => Err(Error::Ended { status, log: last_lines(&cluster.log()) }),
            None => Ok(cluster.is_ready()),
        })
    }

    fn init(&self) -> Result<(), Error> {
        let mut initdb = self.command("initdb");
        initdb.args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"]);
        run(initdb.arg("-D").arg(self.data_dir()))
    }

    fn start_on_a_free_port(&mut self) -> Result<(), Error> {
        let mut tries = 0;
        loop {
            tries += 1;
            self.port = free_port()?;
            match self.start_again() {
                Err(Error::Ended { log, .. }) if log.contains("already in use") && tries < PORTS => {}
                result => return result,
            }
        }
    }

    /// Spawns the server as a child process, so that its end is detected, and in its own process group, so that a Ctrl-C at
    /// the terminal reaches it through the guard only.
    fn launch(&mut self) -> Result<(), Error> {
        let log = File::create(self.log_file()).doing(|| "make the server's log file".into())?;
        let log_too = log.try_clone().doing(|| "share the server's log file".into())?;
        let mut postgres = self.command("postgres");
        postgres
            .arg("-D")
            .arg(self.data_dir())
            .arg("-k")
            .arg(self.dir())
            .arg("-p")
            .arg(self.port.to_string());
        for setting in self.options.settings() {
            postgres.arg("-c").arg(setting);
        }
        postgres.stdin(Stdio::null()).stdout(log).stderr(log_too).process_group(0);
        self.server = Some(postgres.spawn().doing(|| format!("start {postgres:?}"))?);
        Ok(())
    }

    /// The server writes its process id into the first line of this file, and its state into the eighth.
    fn is_ready(&self) -> bool {
        let (Some(server), Ok(text)) =
            (&self.server, fs::read_to_string(self.data_dir().join("postmaster.pid")))
        else {
            return false;
        };
        let mut lines = text.lines().map(str::trim);
        // The file of a crashed server may still exist; it has another process id.
        lines.next() == Some(&server.id().to_string()) && lines.nth(6) == Some("ready")
    }

    /// Returns the exit status of a server that has ended, once.
    fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        let Some(server) = &mut self.server else { return Ok(None) };
        let status = server.try_wait().doing(|| "wait for the server".into())?;
        if status.is_some() {
            self.server = None;
        }
        Ok(status)
    }

    fn until(
        &mut self,
        goal: &'static str,
        mut reached: impl FnMut(&mut Self) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let start = Instant::now();
        while !reached(self)? {
            if start.elapsed() > self.options.deadline {
                return Err(Error::Deadline { goal, after: self.options.deadline, log: self.log() });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        self.account.command(&self.programs.path(program), self.dir())
    }

    fn data_dir(&self) -> PathBuf {
        self.dir().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.dir().join("log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.guard.dismiss();
        if let Some(mut server) = self.server.take() {
            // The guard has stopped the server; this reaps the process.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn run(command: &mut Command) -> Result<(), Error> {
    let output = command.stdin(Stdio::null()).output().doing(|| format!("run {command:?}"))?;
    if output.status.success() {
        return Ok(());
    }
    let bytes = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&bytes).into_owned();
    Err(Error::Program { command: format!("{command:?}"), status: output.status, output: printed })
}

/// The end of a log, which may have the messages of a long run.
fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

fn free_port() -> Result<u16, Error> {
    let port =
        || -> io::Result<u16> { Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()) };
    port().doing(|| "find a free port on 127.0.0.1".into())
}
