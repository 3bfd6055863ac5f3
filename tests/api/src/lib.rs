//! The public API as a text, `annalist.txt`, so that every change of it shows in the diff of a commit.
//!
//! The text lists the names of the facade (`annalist`) by module, each with its methods, fields, variants and trait
//! implementations, which come from the crate that defines it. `raw` and hidden items are not listed.
//!
//! After an intended change: `UPDATE_EXPECT=1 cargo test -p annalist-api`.

mod error;
mod exports;
mod items;
mod rustdoc;
mod short;

use std::fmt::Write;

use self::items::Items;
pub use self::{
    error::Result,
    exports::{Export, Module},
    rustdoc::{COMPILER, compiler},
};

/// The crates whose items the facade exports.
const SOURCES: [&str; 6] = [
    "annalist-cli",
    "annalist-core",
    "annalist-inspector",
    "annalist-memory",
    "annalist-postgres",
    "annalist-sqlite",
];

/// The public modules of the facade with their exports, the crate's root first.
///
/// # Errors
///
/// If rustdoc fails, or writes another format than expected.
pub fn modules() -> Result<Vec<Module>> {
    exports::modules(&rustdoc::json("annalist")?)
}

/// The listing of `modules`: one line for each name, followed by one line for each of its members.
///
/// # Errors
///
/// If rustdoc fails for one of the crates that define the items.
pub fn listing(modules: &[Module]) -> Result<String> {
    let mut items = Items::default();
    for package in SOURCES {
        items.add(&rustdoc::json(package)?)?;
    }
    let mut text = String::new();
    for module in modules {
        writeln!(text, "\n# {}", module.path)?;
        for export in &module.exports {
            writeln!(text, "\n{}", export.name)?;
            // A name that several modules export has its members in the first one.
            if module.is_defining(export, modules) {
                for line in items.members(&export.source) {
                    writeln!(text, "    {line}")?;
                }
            }
        }
    }
    Ok(text.trim_start().to_owned())
}
