//! The master key, which encrypts the keys of customers. An example may store it in a file beside the events; a real deployment stores
//! it apart from them, because both together, or copies of both, reveal the secrets.

use std::{env, fmt::Write as _, fs, io::Write as _, path::Path};

use annalist::keys::LocalMasterKey;
use tempfile::NamedTempFile;

use crate::operate::Failure;

/// The variable of the environment that has the master key, if it is not in a file.
const VARIABLE: &str = "BANK_MASTER_KEY";

/// Reads the master key from the environment, or from a file, which is created with a random key if there is none.
///
/// # Errors
/// Returns an error if the key has another form, or the file can be neither read nor created.
pub fn read_or_create(file: &Path) -> Result<LocalMasterKey, Failure> {
    if env::var_os(VARIABLE).is_some() {
        return Ok(LocalMasterKey::from_env(VARIABLE)?);
    }
    if !file.exists() {
        create(file)?;
    }
    Ok(LocalMasterKey::from_file(file)?)
}

/// The file appears complete, readable by its owner alone. A process that starts at the same time may have created it first.
fn create(file: &Path) -> Result<(), Failure> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| error.to_string())?;
    let mut digits = String::new();
    key.iter().try_for_each(|byte| write!(digits, "{byte:02x}"))?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut new = NamedTempFile::new_in(folder)?;
    writeln!(new, "{digits}")?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Err(_) if fs::exists(file)? => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn key_of_the_first_of_two_programs_remains() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bank.key");
        create(&file).unwrap();
        let first = fs::read_to_string(&file).unwrap();
        assert_eq!(first.trim().len(), 64);
        create(&file).unwrap(); // as the second of two that found no file
        read_or_create(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), first);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn damaged_key_is_refused_and_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bank.key");
        fs::write(&file, "short").unwrap();
        assert!(read_or_create(&file).is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "short");
    }
}
