//! The rules, applied to this workspace.
#![allow(clippy::unwrap_used)] // in the helper functions too

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use annalist_architecture::{
    Violation,
    allowed::{Allowed, covers},
    boundaries::BOUNDARIES,
    comments,
    cycles::{self, Package},
    examples::{self, DOCUMENTED},
    files,
    floors::Floors,
    names::RetiredNames,
    packages,
    phrases::Phrases,
};

/// Packages that show code of users, which has lints of its own.
const WITHOUT_LINTS: &[&str] = &["annalist-readme"];

/// Every Rust, SQL and Markdown file, by its path from the root.
static SOURCES: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let files = files::with_extension(&root(), &["rs", "sql", "md"]).unwrap();
    files.iter().map(|file| (place(file), read(file))).collect()
});

#[test]
fn lower_floors_of_the_core_never_use_higher_ones() {
    let floors = Floors::read(&SOURCES["core/src/lib.rs"]);
    let uses = sources("core/src/", ".rs").flat_map(|(file, source)| floors.upward_uses(file, source));
    none(&floors.unlisted().into_iter().chain(uses).collect::<Vec<_>>());
}

#[test]
fn modules_of_the_core_keep_their_boundaries() {
    let floors = Floors::read(&SOURCES["core/src/lib.rs"]);
    let crossings = BOUNDARIES.iter().flat_map(|boundary| {
        sources("core/src/", ".rs").flat_map(|(file, source)| boundary.crossings(&floors, file, source))
    });
    none(&crossings.collect::<Vec<_>>());
}

#[test]
fn packages_depend_only_on_allowed_packages() {
    let packages = packages::read(&METADATA).expect("the output of cargo metadata");
    assert!(packages.len() > 5, "the workspace has more packages than {packages:?}");
    none(&packages::violations(&packages));
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let packages = METADATA["packages"].as_array().unwrap().iter();
    let bound = packages.filter(|package| !WITHOUT_LINTS.contains(&package["name"].as_str().unwrap()));
    let manifests = bound.map(|package| Path::new(package["manifest_path"].as_str().unwrap()));
    let found: Vec<Violation> = manifests
        .filter(|manifest| !read(manifest).contains("[lints]\nworkspace = true"))
        .map(|manifest| Violation {
            rule: "every package has `[lints] workspace = true`".into(),
            place: place(manifest),
            found: "no such lines".into(),
        })
        .collect();
    none(&found);
}

#[test]
fn adapters_with_sql_have_the_same_file_names() {
    let adapters = fs::read_dir(root().join("adapters")).unwrap().map(|entry| entry.unwrap().path());
    let with_sql = adapters.filter(|a| a.join("sql").is_dir() || a.join("src/sql").is_dir());
    let found: Vec<Violation> = with_sql
        .flat_map(|adapter| {
            let sources = files::with_extension(&adapter.join("src"), &["rs"]).unwrap();
            let names: Vec<String> =
                sources.iter().map(|file| file.file_name().unwrap().to_str().unwrap().to_owned()).collect();
            files::missing_in_adapter(&place(&adapter), &names)
        })
        .collect();
    none(&found);
}

#[test]
fn files_are_short_and_finished() {
    let sources: Vec<_> = sources("", ".rs").collect();
    assert!(sources.len() > 20, "only {} sources found", sources.len());
    let found = sources.into_iter().flat_map(|(file, source)| {
        files::too_long(file, source).into_iter().chain(files::banned(file, source))
    });
    none(&found.collect::<Vec<_>>());
}

#[test]
fn examples_are_compiled() {
    let documented =
        SOURCES.iter().filter(|(file, _)| DOCUMENTED.iter().any(|folder| file.starts_with(folder)));
    let found: Vec<Violation> =
        documented.flat_map(|(file, source)| examples::ignored(file, source)).collect();
    none(&found);
}

#[test]
fn retired_names_do_not_come_back() {
    let names = RetiredNames::read(&list("retired-names.txt"));
    let allowed = Allowed::read(&list("allowed-names.txt"));
    let mut found = Vec::new();
    for (file, source) in sources("", ".rs").chain(sources("", ".sql")) {
        let in_code = if file.ends_with(".rs") { names.in_rust(source) } else { names.in_sql(source) };
        let all = in_code.into_iter().chain(names.in_path(file));
        let new = all.filter(|found| !allowed.permits(file, found.name));
        found.extend(new.map(|found| found.violation(file)));
    }
    none(&found);
}

#[test]
fn comments_and_pages_avoid_opaque_phrases() {
    let phrases = Phrases::read(&list("phrases.txt"));
    let allowed = Allowed::read(&list("allowed-phrases.txt"));
    let mut found = Vec::new();
    for (file, source) in SOURCES.iter() {
        let prose = match file.rsplit('.').next() {
            Some("rs") => comments::of_rust(source),
            Some("sql") => comments::of_sql(source),
            _ => comments::of_markdown(source),
        };
        let new = phrases.in_prose(&prose).into_iter().filter(|found| !allowed.permits(file, found.phrase));
        found.extend(new.map(|found| found.violation(file)));
    }
    none(&found);
}

#[test]
fn imports_form_no_circles() {
    let mut packages = BTreeMap::<&str, Package>::new();
    for (file, source) in sources("", ".rs") {
        if let Some((folder, inside)) =
            file.split_once("src/").filter(|(_, inside)| !inside.starts_with("bin/"))
        {
            packages.entry(folder).or_default().add(inside, source);
        }
    }
    let allowed = list("allowed-cycles.txt");
    let allowed = allowed.lines().map(|line| line.split('#').next().unwrap_or_default());
    let allowed: Vec<Vec<&str>> = allowed.map(|line| line.split_whitespace().collect()).collect();
    let is_allowed = |folder: &str, cycle: &[&str]| {
        let inside = |file: &&str| format!("{folder}src/{file}");
        let covered =
            |paths: &[&str]| cycle.iter().all(|file| paths.iter().any(|path| covers(path, &inside(file))));
        allowed.iter().any(|paths| covered(paths))
    };
    let mut found = Vec::new();
    for (folder, package) in &packages {
        let new = package.cycles().into_iter().filter(|cycle| !is_allowed(folder, cycle));
        found.extend(new.map(|cycle| cycles::violation(folder, &cycle)));
    }
    none(&found);
}

#[track_caller]
fn none(found: &[Violation]) {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} violation(s):\n{}", found.len(), lines.join("\n"));
}

/// The sources below a folder with this ending, by their path inside the folder.
fn sources<'a>(folder: &'a str, ending: &'a str) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    let files = SOURCES.iter().filter(move |(file, _)| file.ends_with(ending));
    files.filter_map(move |(file, source)| Some((file.strip_prefix(folder)?, source.as_str())))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn place(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn list(name: &str) -> String {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("lists").join(name))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

static METADATA: LazyLock<serde_json::Value> = LazyLock::new(|| {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
});
