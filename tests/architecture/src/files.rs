//! Rules about single files and about the files of an adapter.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Violation, source::tokens};

/// No file reaches this number of lines.
pub const LINES: usize = 500;

/// What every adapter with SQL has in `src`, so that who knows one knows all.
pub const OF_A_SQL_ADAPTER: [&str; 11] = [
    "lib.rs",
    "options.rs",
    "migrate.rs",
    "append.rs",
    "read.rs",
    "feed.rs",
    "journal.rs",
    "rows.rs",
    "row_store.rs",
    "row_values.rs",
    "error.rs",
];

/// Macros for the moment, which must not stay.
const BANNED: [&str; 2] = ["dbg", "todo"];

/// A file that is too long.
pub fn too_long(place: &str, source: &str) -> Option<Violation> {
    let lines = source.lines().count();
    (lines >= LINES).then(|| Violation {
        rule: "a file stays under 500 lines",
        place: place.to_owned(),
        found: format!("{lines} lines"),
    })
}

/// Calls of banned macros.
pub fn banned(place: &str, source: &str) -> Vec<Violation> {
    let tokens = tokens(source);
    let calls = tokens.windows(2).filter(|two| BANNED.contains(&two[0].text.as_str()) && two[1].text == "!");
    calls
        .map(|two| Violation {
            rule: "macros for the moment do not stay",
            place: format!("{place}:{}", two[0].line),
            found: format!("{}!", two[0].text),
        })
        .collect()
}

/// Files that a SQL adapter lacks, given the names of those that it has.
pub fn missing_in_adapter(place: &str, has: &[String]) -> Vec<Violation> {
    let missing = OF_A_SQL_ADAPTER.into_iter().filter(|name| !has.iter().any(|has| has == name));
    missing
        .map(|name| Violation {
            rule: "every adapter with SQL has the same file names",
            place: place.to_owned(),
            found: format!("no {name}"),
        })
        .collect()
}

/// All Rust sources below a folder, without build output and hidden folders, in a stable order.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn rust_sources(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources.sort();
    Ok(sources)
}
