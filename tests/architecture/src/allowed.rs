//! Exceptions to a rule, listed in a file of `lists`.

/// Exceptions: a path, and what is allowed there.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    entries: Vec<(String, String)>,
}

impl Allowed {
    /// Parses lines of the form `path entry # reason`. A path that ends with `/` covers the whole folder, and `*` is every
    /// entry.
    pub fn read(list: &str) -> Self {
        let lines = list.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
        let entries = lines.filter_map(|line| line.split_once(' '));
        Self { entries: entries.map(|(path, entry)| (path.to_owned(), entry.trim().to_owned())).collect() }
    }

    /// Returns `true` if the entry is allowed in this file.
    pub fn permits(&self, file: &str, entry: &str) -> bool {
        let is_allowed = |allowed: &str| allowed == entry || allowed == "*";
        self.entries.iter().any(|(path, allowed)| is_allowed(allowed) && covers(path, file))
    }
}

/// Returns `true` if `path` is the file, or a folder around it that ends with `/`.
pub fn covers(path: &str, file: &str) -> bool {
    path == file || (path.ends_with('/') && file.starts_with(path))
}
