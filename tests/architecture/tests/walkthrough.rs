//! The walkthrough of a command in `ARCHITECTURE.md`, against the sources.
#![allow(clippy::unwrap_used)] // in the helpers too

use std::{fs, path::Path};

use annalist_architecture::walkthrough::{Step, steps};

const TITLE: &str = "A command, from `App::execute` to the SQL";

#[test]
fn steps_of_the_walkthrough_name_existing_items() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let markdown = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let steps = steps(&markdown, TITLE).unwrap();
    assert!((8..=15).contains(&steps.len()), "the walkthrough has {} steps", steps.len());
    for (index, step) in steps.iter().enumerate() {
        assert_eq!(step.number, index + 1, "the steps are numbered from 1 on");
        let source = fs::read_to_string(root.join(&step.file));
        let source = source.unwrap_or_else(|error| panic!("step {}: {}: {error}", step.number, step.file));
        assert_eq!(step.undeclared(&source), None);
    }
}

#[test]
fn steps_without_file_or_item_are_found() {
    let markdown = "## Other\n1. `a.rs`, `a`\n## Title\n\n1. `core/src/b.rs`, `B::run()`: runs `c`.\n2. The next\n## End\n";
    assert_eq!(steps(markdown, "Title").unwrap_err().place, "step 2");
    let markdown = markdown.replace("2. The next\n", "");
    let expected = Step { number: 1, file: "core/src/b.rs".into(), item: "run".into() };
    assert_eq!(steps(&markdown, "Title").unwrap(), [expected]);
    assert_eq!(steps(&markdown, "Missing").unwrap(), []);
}

#[test]
fn items_that_are_only_mentioned_are_found() {
    let step = Step { number: 1, file: "a.rs".into(), item: "run".into() };
    assert_eq!(step.undeclared("impl A { pub async fn run(&self) {} }"), None);
    assert_eq!(Step { item: "A".into(), ..step.clone() }.undeclared("pub struct A;"), None);
    let sql = Step { file: "a.sql".into(), ..step.clone() };
    assert_eq!(sql.undeclared("CREATE FUNCTION \"s\".run(a int)"), None);
    assert!(sql.undeclared("SELECT run").is_some());
    for source in ["fn walk() { run() }", "// fn run()", "fn runs() {}", ""] {
        assert!(step.undeclared(source).is_some(), "{source}");
    }
}
