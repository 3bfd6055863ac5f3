//! Violations of the dependency rules.

use annalist_architecture::{
    boundaries::BOUNDARIES,
    floors::Floors,
    packages::{self, Package, Room},
};

const LIB: &str = "
//! | floor | modules |
//! |---|---|
//! | application | [`app`] |
//! | write side | [`command`], [`dispatch`] |
//! | read side | [`feed`] |
//! | port | [`store`] |
//! | ground | [`error`] |
pub mod app;
pub mod command;
pub mod dispatch;
pub mod feed;
pub mod store;
pub mod error;
pub use self::store::{Append, Page};
";

fn upward_uses(file: &str, source: &str) -> Vec<String> {
    let found = Floors::read(LIB).upward_uses(file, source);
    found.into_iter().map(|violation| format!("{}: {}", violation.place, violation.found)).collect()
}

#[test]
fn a_use_of_a_higher_floor_is_found() {
    assert_eq!(
        upward_uses("error.rs", "use std::fmt;\nuse crate::store::Page;"),
        ["core/src/error.rs:2: `error` (ground) uses `store` (port)"]
    );
}

#[test]
fn a_use_of_a_higher_floor_is_found_in_every_spelling() {
    let ways = [
        ("store.rs", "use crate::{error::{Error, Invalid},\n command::Command};"),
        ("store.rs", "fn f() -> crate::command::Command { g() }"),
        ("store.rs", "use super::command;"),
        ("store.rs", "use super::{error, command};"),
        ("store/read.rs", "use super::super::command::Command;"),
        ("store/read.rs", "macro_rules! m { () => { $crate::command::run() } }"),
        ("error.rs", "use crate::Append;"),
    ];
    for (file, source) in ways {
        assert_eq!(upward_uses(file, source).len(), 1, "{file}: {source}");
    }
}

#[test]
fn a_use_of_the_other_side_is_found() {
    assert_eq!(
        upward_uses("command.rs", "use crate::feed::Feed;"),
        ["core/src/command.rs:1: `command` (write side) uses `feed` (read side)"]
    );
    assert_eq!(
        upward_uses("feed.rs", "use crate::command::Command;"),
        ["core/src/feed.rs:1: `feed` (read side) uses `command` (write side)"]
    );
}

#[test]
fn allowed_uses_are_not_reported() {
    let fine = [
        ("app.rs", "use crate::{command::Command, feed::Feed, store::Page};"),
        ("command.rs", "use crate::{dispatch::Dispatcher, store, error::Error};"),
        ("store/read.rs", "use super::append::Append;"),
        ("error.rs", "// use crate::store;\nconst TEXT: &str = \"crate::store\";"),
        ("error.rs", "#[cfg(test)]\nmod tests { use crate::app::App; }"),
    ];
    for (file, source) in fine {
        assert_eq!(upward_uses(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}

#[test]
fn a_module_without_a_floor_is_found() {
    let lib = format!("{LIB}pub mod cellar;\n");
    let found = Floors::read(&lib).unlisted();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].found, "mod cellar");
}

#[test]
fn a_dependency_that_is_not_allowed_is_found() {
    let package = |name: &str, room, uses: &[&str]| Package {
        name: name.into(),
        room,
        uses: uses.iter().map(|&name| name.into()).collect(),
        tests_use: Vec::new(),
    };
    let mut core = package("annalist-core", Room::Core, &[]);
    core.tests_use.push("annalist-memory".into());
    let wrong = [
        core,
        package("annalist-macros", Room::Macros, &["annalist-core"]),
        package("annalist-memory", Room::Adapter, &["annalist-core"]),
        package("annalist-other", Room::Adapter, &["annalist-memory"]),
        package("xtask", Room::Tool, &["annalist-memory"]),
        package("core", Room::User, &["annalist-memory"]),
    ];
    let places: Vec<String> = packages::violations(&wrong).into_iter().map(|v| v.place).collect();
    assert_eq!(
        places,
        [
            "package annalist-core",
            "package annalist-macros",
            "package annalist-other",
            "package xtask",
            "package core"
        ]
    );
}

#[test]
fn metadata_is_read_by_folder_and_kind() {
    let metadata = serde_json::json!({
        "workspace_root": "/w",
        "packages": [
            { "name": "annalist", "manifest_path": "/w/Cargo.toml", "dependencies": [{ "name": "m", "kind": null }] },
            {
                "name": "m",
                "manifest_path": "/w/adapters/m/Cargo.toml",
                "dependencies": [{ "name": "serde", "kind": null }, { "name": "annalist", "kind": "dev" }]
            },
        ],
    });
    let packages = packages::read(&metadata).unwrap();
    assert_eq!((packages[0].room, packages[1].room), (Room::Facade, Room::Adapter));
    assert_eq!((packages[0].uses.as_slice(), packages[1].uses.len()), (["m".to_owned()].as_slice(), 0));
    assert_eq!(packages[1].tests_use, ["annalist"]);
}

#[test]
fn a_use_across_a_boundary_is_found() {
    let floors = Floors::read(LIB);
    let crossings =
        |file, source| BOUNDARIES.map(|boundary| boundary.crossings(&floors, file, source)).concat();

    let found =
        crossings("execute/batch.rs", "use crate::store::Append;\nuse crate::{app::App, error::Error};");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place, "core/src/execute/batch.rs:2");
    assert_eq!(found[0].rule, "the write path does not know the app");
    assert_eq!(
        crossings("app/admin.rs", "fn f(p: &crate::policy::Policy, q: crate::query::Query) {}").len(),
        2
    );
    assert_eq!(crossings("store/read.rs", "use crate::rows::BuildId;").len(), 1);
    assert_eq!(crossings("feed/batches.rs", "use super::super::app;").len(), 1);
    assert_eq!(crossings("policy.rs", "use crate::app::App;"), []);
    assert_eq!(crossings("store/append.rs", "use crate::rows::BuildId;"), []);
}
