//! Circular imports in every spelling, and imports that form no circle.

use annalist_architecture::cycles::Package;

/// The circles of a package with these files.
fn cycles(files: &[(&str, &str)]) -> Vec<String> {
    let mut package = Package::default();
    for (file, source) in files {
        package.add(file, source);
    }
    package.cycles().iter().map(|files| files.join(" ")).collect()
}

#[test]
fn circles_of_two_and_of_three_files_are_found() {
    let found = cycles(&[
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "use crate::a::A;"),
        ("c.rs", "use crate::{d::D, a::A};"),
        ("d.rs", "use crate::{a::A, e::{F, G}};"),
        ("e.rs", "use crate::c;"),
    ]);
    assert_eq!(found, ["a.rs b.rs", "c.rs d.rs e.rs"]);
}

#[test]
fn a_circle_is_found_in_every_spelling() {
    let back = ["use crate::p::x::X;", "use super::x::X;", "use super::{y::Y, x::{self, X as Z}};"];
    let back = back.into_iter().chain([
        "mod inner { use super::super::x::X; }",
        "use crate::p::X;",
        "use super::X;",
    ]);
    for source in back {
        let found =
            cycles(&[("p.rs", "pub use self::x::X;"), ("p/x.rs", "use crate::p::y::Y;"), ("p/y.rs", source)]);
        assert_eq!(found, ["p/x.rs p/y.rs"], "{source}");
    }
}

#[test]
fn a_module_that_needs_its_child_which_needs_the_module_is_a_circle() {
    let found = cycles(&[("p.rs", "mod x; use x::X; use self::x::Y;"), ("p/x.rs", "use super::P;")]);
    assert_eq!(found, ["p.rs p/x.rs"]);
}

#[test]
fn reexports_and_unit_tests_form_no_circle() {
    let found = cycles(&[
        ("lib.rs", "pub use self::p::X; pub use p::Y as Z;"),
        ("p.rs", "mod x; mod y; pub(crate) use self::{x::X, y::Y};"),
        ("p/x.rs", "use super::Common; use super::Y; use std::fmt; fn f() -> impl Sized + use<'a> {}"),
        ("p/y.rs", "use crate::Other;\n#[cfg(test)]\nmod tests { use crate::X; }"),
    ]);
    assert_eq!(found, Vec::<String>::new());
}
