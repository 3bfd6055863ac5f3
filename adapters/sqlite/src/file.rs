//! Whether the path of the log still leads to the file that is open. If another file is moved to it, or it is removed, the open
//! connections continue with the old file, which no other process finds.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The file of a log.
pub(crate) struct LogFile {
    path: PathBuf,
    identity: Option<Identity>,
}

/// The device and the number of a file.
type Identity = (u64, u64);

impl LogFile {
    pub(crate) fn open_at(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: identity(path).ok().flatten() }
    }

    /// What is wrong with the path, if it leads to another file or to none.
    pub(crate) fn defect(&self) -> Option<String> {
        let opened = self.identity?;
        let advice = "what is appended would be lost; restart the program, or move the file back";
        match identity(&self.path) {
            Ok(Some(found)) if found != opened => {
                Some(format!("another file was moved to its path while it was open: {advice}"))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Some(format!("the file was moved or removed while it was open: {advice}"))
            }
            _ => None,
        }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    use std::os::unix::fs::MetadataExt;

    let file = fs::metadata(path)?;
    Ok(Some((file.dev(), file.ino())))
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    fs::metadata(path).map(|_| None)
}
