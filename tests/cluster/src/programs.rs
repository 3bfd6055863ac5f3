//! The location of the server programs.

use std::{
    cmp::Reverse,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Error;

const NEEDED: [&str; 3] = ["initdb", "postgres", "pg_ctl"];

/// Folders of folders named by version, each with the programs in `bin`: Debian's, Fedora's (PGDG) and Homebrew's.
const BY_VERSION: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

const FIXED: [&str; 4] = [
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql/bin",
    "/usr/local/opt/postgresql/bin",
    "/home/linuxbrew/.linuxbrew/opt/postgresql/bin",
];

/// The folder with a complete set of PostgreSQL server programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    bin: PathBuf,
}

impl Programs {
    /// Looks in `PATH`, then in the usual places with the newest version first, then asks `pg_config`.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] with the searched folders.
    pub fn find() -> Result<Self, Error> {
        let folders: Vec<PathBuf> = on_the_path()
            .chain(BY_VERSION.into_iter().flat_map(|(parent, prefix)| newest_first(parent, prefix)))
            .chain(FIXED.map(PathBuf::from))
            .chain(from_pg_config())
            .collect();
        match folders.iter().find(|folder| is_complete(folder)) {
            Some(bin) => Ok(Self { bin: bin.clone() }),
            None => Err(Error::NotFound { searched: folders }),
        }
    }

    /// The folder.
    pub fn bin(&self) -> &Path {
        &self.bin
    }

    /// The path of one program, whether it exists or not.
    pub fn path(&self, program: &str) -> PathBuf {
        self.bin.join(program)
    }
}

fn is_complete(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).is_file())
}

/// Follows symbolic links: often only `postgres` is linked into the path, and the other programs are beside the original.
fn on_the_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    folders.into_iter().map(|folder| match fs::canonicalize(folder.join("postgres")) {
        Ok(postgres) => postgres.parent().map(Path::to_path_buf).unwrap_or(folder),
        Err(_) => folder,
    })
}

fn newest_first(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = version(name.to_str()?.strip_prefix(prefix)?)?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| Reverse(version.clone()));
    versions.into_iter().map(|(_, bin)| bin).collect()
}

/// `9.6` is older than `15`: parts are compared as numbers.
fn version(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (!text.trim().is_empty()).then(|| PathBuf::from(text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_version_is_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["pg-9.6", "pg-15", "pg-18", "pg-next", "other-19"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let found = newest_first(dir.path().to_str().unwrap(), "pg-");
        let names: Vec<_> = found.iter().map(|bin| bin.parent().unwrap().file_name().unwrap()).collect();
        assert_eq!(names, ["pg-18", "pg-15", "pg-9.6"]);
    }

    #[test]
    fn folder_with_missing_programs_is_skipped() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("postgres"), "").unwrap();
        fs::write(dir.path().join("pg_ctl"), "").unwrap();
        assert!(!is_complete(dir.path()));
        fs::write(dir.path().join("initdb"), "").unwrap();
        assert!(is_complete(dir.path()));
    }
}
