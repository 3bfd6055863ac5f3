//! What the facade exports, read from its rustdoc JSON.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::Value;

use crate::error::Result;

/// A public module of the facade.
#[derive(Debug)]
pub struct Module {
    /// Its path, such as `annalist::query`.
    pub path: String,
    /// The names it exports, sorted.
    pub exports: Vec<Export>,
}

/// A name that a module exports.
#[derive(Debug)]
pub struct Export {
    /// Its name.
    pub name: String,
    /// The path in the crate that defines it, such as `annalist_core::query::Ask`.
    pub source: String,
}

impl Module {
    /// Whether this is the first of `modules` that exports the item.
    pub(crate) fn is_defining(&self, export: &Export, modules: &[Self]) -> bool {
        let mut exporting =
            modules.iter().filter(|module| module.exports.iter().any(|other| other.is(export)));
        exporting.next().is_some_and(|first| first.path == self.path)
    }
}

impl Export {
    fn is(&self, other: &Self) -> bool {
        let module = |export: &Self| export.source.rsplit("::").nth(1).map(str::to_owned);
        // `crate::Name` is the name at the root.
        let is_at_root = |export: &Self| export.source.starts_with("crate::");
        self.name == other.name && (is_at_root(self) || is_at_root(other) || module(self) == module(other))
    }
}

/// The modules in the JSON file. The root comes first; hidden modules are not in the file.
pub(crate) fn modules(json: &Path) -> Result<Vec<Module>> {
    let document: Value = serde_json::from_str(&fs::read_to_string(json)?)?;
    let root = item(&document, &document["root"]);
    let mut modules = vec![module(&document, root, "annalist")];
    for child in children(&document, root).filter(|child| child["inner"].get("module").is_some()) {
        modules.push(module(&document, child, &format!("annalist::{}", text(&child["name"]))));
    }
    modules[1..].sort_by(|a, b| a.path.cmp(&b.path));
    Ok(modules)
}

fn module(document: &Value, module: &Value, path: &str) -> Module {
    let exports: BTreeMap<String, String> =
        children(document, module).filter_map(|child| export(child, path)).collect();
    let exports = exports.into_iter().map(|(name, source)| Export { name, source }).collect();
    Module { path: path.to_owned(), exports }
}

/// The name and the source of a `pub use`, or of a function of the facade itself.
fn export(child: &Value, path: &str) -> Option<(String, String)> {
    if let Some(import) = child["inner"].get("use") {
        let source = text(&import["source"]);
        // A derive has the name of its trait, which is listed. The prelude also has names of serde and uuid.
        let is_listed = [
            "crate",
            "annalist_cli",
            "annalist_core",
            "annalist_inspector",
            "annalist_memory",
            "annalist_postgres",
            "annalist_sqlite",
            "self",
        ]
        .contains(&source.split("::").next()?);
        return is_listed.then(|| (text(&import["name"]), source));
    }
    child["inner"]
        .get("function")
        .map(|_| (text(&child["name"]), format!("{path}::{}", text(&child["name"]))))
}

fn children<'a>(document: &'a Value, module: &'a Value) -> impl Iterator<Item = &'a Value> {
    let ids = module["inner"]["module"]["items"].as_array();
    ids.into_iter().flatten().map(|id| item(document, id))
}

fn item<'a>(document: &'a Value, id: &Value) -> &'a Value {
    &document["index"][id.to_string()]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
