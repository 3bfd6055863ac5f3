//! Rules for packages: which may depend on which.

use serde_json::Value;

use crate::Violation;

/// A package of the workspace, with the packages of the workspace that it depends on.
#[derive(Clone, Debug)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its part of the workspace, from its folder.
    pub room: Room,
    /// The packages of this workspace that it is built with.
    pub uses: Vec<String>,
    /// The packages of this workspace that only its own tests are built with.
    pub tests_use: Vec<String>,
}

/// The part of the workspace that a package belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The package at the root.
    Facade,
    /// `core`
    Core,
    /// `macros`
    Macros,
    /// `adapters/…`
    Adapter,
    /// `examples/…`, `tests/…` and `benches/…`
    User,
    /// All others: tools.
    Tool,
}

impl Room {
    fn of(folder: &str) -> Self {
        match folder.split('/').next().unwrap_or_default() {
            "" => Self::Facade,
            "core" => Self::Core,
            "macros" => Self::Macros,
            "adapters" => Self::Adapter,
            "examples" | "tests" | "benches" => Self::User,
            _ => Self::Tool,
        }
    }
}

/// Parses the output of `cargo metadata --no-deps --format-version 1`. Returns `None` for any other document.
pub fn read(metadata: &Value) -> Option<Vec<Package>> {
    let root = metadata["workspace_root"].as_str()?;
    let packages = metadata["packages"].as_array()?;
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    packages.iter().map(|package| read_one(package, root, &names)).collect()
}

fn read_one(package: &Value, root: &str, names: &[&str]) -> Option<Package> {
    let manifest = package["manifest_path"].as_str()?;
    let folder = manifest.strip_prefix(root)?.trim_start_matches('/').strip_suffix("Cargo.toml")?;
    let (mut uses, mut tests_use) = (Vec::new(), Vec::new());
    for dependency in package["dependencies"].as_array()? {
        let name = dependency["name"].as_str()?;
        if names.contains(&name) {
            let list = if dependency["kind"] == "dev" { &mut tests_use } else { &mut uses };
            list.push(name.to_owned());
        }
    }
    Some(Package { name: package["name"].as_str()?.to_owned(), room: Room::of(folder), uses, tests_use })
}

/// All violations of the rules.
pub fn violations(packages: &[Package]) -> Vec<Violation> {
    let adapters: Vec<&str> =
        packages.iter().filter(|p| p.room == Room::Adapter).map(|p| p.name.as_str()).collect();
    let is_adapter = |name: &String| adapters.contains(&name.as_str());
    let mut found = Vec::new();
    for package in packages {
        let mut add = |rule: &'static str, what: String| {
            found.push(Violation {
                rule: rule.into(),
                place: format!("package {}", package.name),
                found: what,
            });
        };
        if package.name == "core" {
            add("no package is named `core`, which is a crate of Rust", "its name".into());
        }
        for name in &package.uses {
            if let Some(rule) = forbidden(package.room, name, is_adapter(name)) {
                add(rule, format!("depends on {name}"));
            }
        }
        for name in package.tests_use.iter().filter(|name| package.room == Room::Core && is_adapter(name)) {
            add("core never depends on an adapter, not even in tests", format!("tests with {name}"));
        }
    }
    found
}

/// The rule that forbids a package of this room to be built with another package of the workspace.
fn forbidden(room: Room, name: &str, is_adapter: bool) -> Option<&'static str> {
    match room {
        Room::Core | Room::Macros => Some("core and macros depend on no package of the workspace"),
        Room::Adapter if name != "annalist-core" => {
            Some("of the workspace, an adapter depends on annalist-core alone")
        }
        Room::Tool if is_adapter => Some("only the facade, examples and tests depend on adapters"),
        _ => None,
    }
}
