//! The rules, over this workspace.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use annalist_architecture::{Violation, files, floors::Floors, packages};

/// Packages that show the code of users, who have lints of their own.
const WITHOUT_LINTS: &[&str] = &["annalist-readme"];

#[test]
fn lower_floors_of_the_core_never_use_higher_ones() {
    let source = root().join("core/src");
    let floors = Floors::read(&read(&source.join("lib.rs")));
    let mut found = floors.unlisted();
    for file in files::rust_sources(&source).unwrap() {
        let inside = file.strip_prefix(&source).unwrap().to_str().unwrap();
        found.extend(floors.climbs(inside, &read(&file)));
    }
    none(&found);
}

#[test]
fn packages_depend_on_those_they_may() {
    let packages = packages::read(&metadata()).expect("the output of cargo metadata");
    assert!(packages.len() > 5, "the workspace has more packages than {packages:?}");
    none(&packages::violations(&packages));
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let bound = packages.filter(|package| !WITHOUT_LINTS.contains(&package["name"].as_str().unwrap()));
    let manifests = bound.map(|package| Path::new(package["manifest_path"].as_str().unwrap()));
    let found: Vec<Violation> = manifests
        .filter(|manifest| !read(manifest).contains("[lints]\nworkspace = true"))
        .map(|manifest| Violation {
            rule: "every package has `[lints] workspace = true`",
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
            let entries = fs::read_dir(adapter.join("src")).unwrap();
            let names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            files::missing_in_adapter(&place(&adapter), &names)
        })
        .collect();
    none(&found);
}

#[test]
fn files_are_short_and_finished() {
    let sources = files::rust_sources(&root()).unwrap();
    assert!(sources.len() > 20, "only {} sources found", sources.len());
    let mut found = Vec::new();
    for file in sources {
        let source = read(&file);
        found.extend(files::too_long(&place(&file), &source));
        found.extend(files::banned(&place(&file), &source));
    }
    none(&found);
}

#[track_caller]
fn none(found: &[Violation]) {
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} violation(s):\n{}", found.len(), lines.join("\n"));
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn place(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn metadata() -> serde_json::Value {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}
