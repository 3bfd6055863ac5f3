//! Rules for single files and for the files of an adapter.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Violation, source::tokens};

/// Every file is shorter than this number of lines.
pub const MAX_LINES: usize = 500;

/// The files of every SQL adapter, somewhere in its `src`: the same thing has the same name in each of them.
pub const SQL_ADAPTER_FILES: [&str; 12] = [
    "lib.rs",
    "options.rs",
    "migrate.rs",
    "append.rs",
    "read.rs",
    "feed.rs",
    "journal.rs",
    "snapshots.rs",
    "row_store.rs",
    "row_values.rs",
    "sql.rs",
    "error.rs",
];

/// Macros for debugging and for unfinished code.
const BANNED: [&str; 2] = ["dbg", "todo"];

/// Returns a violation if the file is too long.
pub fn too_long(place: &str, source: &str) -> Option<Violation> {
    let lines = source.lines().count();
    (lines >= MAX_LINES).then(|| Violation {
        rule: "a file stays under 500 lines".into(),
        place: place.to_owned(),
        found: format!("{lines} lines"),
    })
}

/// The calls of banned macros.
pub fn banned(place: &str, source: &str) -> Vec<Violation> {
    let tokens = tokens(source);
    let calls = tokens.windows(2).filter(|two| BANNED.contains(&two[0].text) && two[1].text == "!");
    calls
        .map(|two| Violation {
            rule: "no debugging and no unfinished code".into(),
            place: format!("{place}:{}", two[0].line),
            found: format!("{}!", two[0].text),
        })
        .collect()
}

/// The files that an SQL adapter lacks, given the names of the files it has.
pub fn missing_in_adapter(place: &str, names: &[String]) -> Vec<Violation> {
    let missing = SQL_ADAPTER_FILES.into_iter().filter(|name| !names.iter().any(|other| other == name));
    missing
        .map(|name| Violation {
            rule: "every adapter with SQL has the same file names".into(),
            place: place.to_owned(),
            found: format!("no {name}"),
        })
        .collect()
}

/// All files below a folder with one of these extensions, in a stable order, without build output and hidden folders.
///
/// # Errors
///
/// Returns the error of a folder that cannot be read.
pub fn with_extension(folder: &Path, extensions: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if entry.file_type()?.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if extensions.iter().any(|&wanted| path.extension().is_some_and(|own| own == wanted)) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
