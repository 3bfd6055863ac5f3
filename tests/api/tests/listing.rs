//! The committed listing is the public API of the code, and the API stays small.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use annalist_api::{COMPILER, Module, compiler, listing, modules};

/// A user of Annalist meets at most this many names.
const MAX_NAMES: usize = 120;
/// The module for operators, whose names no application needs, has at most this many more.
const OPERATORS: (&str, usize) = ("annalist::transfer", 6);

#[test]
fn the_listing_is_the_public_api_of_the_code() {
    let version = compiler().unwrap();
    if !version.starts_with(COMPILER) {
        println!("skipped: the listing is made with {COMPILER}* and not with {version}");
        return;
    }
    let modules: Vec<Module> =
        modules().unwrap().into_iter().filter(|module| module.path != "annalist::raw").collect();
    let names_of = |is_counted: fn(&Module) -> bool| -> BTreeSet<&str> {
        let counted = modules.iter().filter(|module| is_counted(module));
        counted.flat_map(|module| &module.exports).map(|export| &*export.name).collect()
    };
    let names = names_of(|module| module.path != OPERATORS.0);
    assert!(names.len() <= MAX_NAMES, "{} names, more than {MAX_NAMES}: {names:?}", names.len());
    let names = names_of(|module| module.path == OPERATORS.0);
    assert!(names.len() <= OPERATORS.1, "more than {} names for operators: {names:?}", OPERATORS.1);
    expect_test::expect_file!["../annalist.txt"].assert_eq(&listing(&modules).unwrap());
}
