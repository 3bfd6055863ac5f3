//! The committed listing is the public API of the code, and the API stays small.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use annalist_api::{COMPILER, Module, compiler, listing, modules};

/// A user of Annalist meets at most this many names.
const MAX_NAMES: usize = 121;
/// Modules for a task that most applications do not have: for operators, and for secrets. They have at most this many more.
const APART: [(&str, usize); 5] = [
    ("annalist::transfer", 6),
    ("annalist::operate", 15),
    ("annalist::keys", 13),
    ("annalist::cli", 4),
    ("annalist::inspector", 4),
];

#[test]
fn the_listing_is_the_public_api_of_the_code() {
    let version = compiler().unwrap();
    if !version.starts_with(COMPILER) {
        println!("skipped: the listing is made with {COMPILER}* and not with {version}");
        return;
    }
    let modules: Vec<Module> =
        modules().unwrap().into_iter().filter(|module| module.path != "annalist::raw").collect();
    let names_of = |is_counted: &dyn Fn(&Module) -> bool| -> BTreeSet<&str> {
        let counted = modules.iter().filter(|module| is_counted(module));
        counted.flat_map(|module| &module.exports).map(|export| &*export.name).collect()
    };
    let names = names_of(&|module| APART.iter().all(|(path, _)| module.path != *path));
    assert!(names.len() <= MAX_NAMES, "{} names, more than {MAX_NAMES}: {names:?}", names.len());
    for (path, max) in APART {
        let names = names_of(&|module| module.path == path);
        assert!(names.len() <= max, "more than {max} names in `{path}`: {names:?}");
    }
    expect_test::expect_file!["../annalist.txt"].assert_eq(&listing(&modules).unwrap());
}
