//! Layers inside the core: a module uses its own floor and those below it, never a higher one or the other side.

use std::collections::BTreeMap;

use crate::{
    Violation,
    source::{Token, product_tokens, tokens},
};

const RULE: &str =
    "a module of the core uses its own floor and the floors below (the table in core/src/lib.rs)";
const LISTED: &str = "every module of the core is on a floor (the table in core/src/lib.rs)";

/// The modules of the core by floor, read from the table in the documentation of its `lib.rs`.
#[derive(Clone, Debug)]
pub struct Floors {
    /// Module to floor.
    floor_of: BTreeMap<String, Floor>,
    /// Names that `lib.rs` re-exports at the root, with the module that defines them.
    reexported: BTreeMap<String, String>,
    /// The modules that `lib.rs` declares.
    declared: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Floor {
    name: String,
    height: usize,
}

impl Floor {
    /// The write side and the read side have the same height, and may not use each other.
    fn may_use(&self, other: &Self) -> bool {
        self.name == other.name || other.height < self.height
    }
}

/// A module of the core that a file uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// The line of the use.
    pub line: usize,
    /// The name in the source: a module, or an item that `lib.rs` re-exports.
    pub name: String,
    /// The module at the root of the core.
    pub module: String,
}

impl Floors {
    /// Reads the table, whose first row is the highest floor, and the declarations.
    pub fn read(lib: &str) -> Self {
        let rows: Vec<(&str, Vec<String>)> = lib.lines().filter_map(row).collect();
        let mut floor_of = BTreeMap::new();
        let mut height = 0;
        let mut above = "";
        for (name, modules) in rows.into_iter().rev() {
            if !(name.ends_with(" side") && above.ends_with(" side")) {
                height += 1;
            }
            above = name;
            let floor = Floor { name: name.to_owned(), height };
            floor_of.extend(modules.into_iter().map(|module| (module, floor.clone())));
        }
        let tokens = tokens(lib);
        Self { floor_of, reexported: reexports(&tokens), declared: declared(&tokens) }
    }

    /// The modules that `lib.rs` declares and that its table does not list.
    pub fn unlisted(&self) -> Vec<Violation> {
        let missing = self.declared.iter().filter(|module| !self.floor_of.contains_key(*module));
        missing.map(|module| violation(LISTED, "core/src/lib.rs", format!("mod {module}"))).collect()
    }

    /// The modules of the core that a file names. `file` is relative to `core/src`: `store/read.rs`.
    pub fn used(&self, file: &str, source: &str) -> Vec<Used> {
        let depth = file.split('/').count();
        let names = names_of_the_root(&product_tokens(source), depth).into_iter();
        let used = names.map(|(line, name)| {
            let module = self.reexported.get(&name).unwrap_or(&name).clone();
            Used { line, name, module }
        });
        used.collect()
    }

    /// Uses of a higher floor or of the other side. `file` is relative to `core/src`: `store/read.rs`.
    pub fn upward_uses(&self, file: &str, source: &str) -> Vec<Violation> {
        let module = file.trim_end_matches(".rs").split('/').next().unwrap_or_default();
        let Some(own) = self.floor_of.get(module) else { return Vec::new() };
        let mut found = Vec::new();
        for used in self.used(file, source) {
            if let Some(floor) = self.floor_of.get(&used.module).filter(|floor| !own.may_use(floor)) {
                let text = format!("`{module}` ({}) uses `{}` ({})", own.name, used.name, floor.name);
                found.push(violation(RULE, &format!("core/src/{file}:{}", used.line), text));
            }
        }
        found
    }
}

fn violation(rule: &'static str, place: &str, found: String) -> Violation {
    Violation { rule: rule.into(), place: place.to_owned(), found }
}

/// Parses ``//! | write side | [`aggregate`], [`command`] |``.
fn row(line: &str) -> Option<(&str, Vec<String>)> {
    let (name, modules) = line.strip_prefix("//! |")?.trim().trim_end_matches('|').split_once('|')?;
    let modules: Vec<String> = modules.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (!modules.is_empty()).then_some((name.trim(), modules))
}

fn declared(tokens: &[Token<'_>]) -> Vec<String> {
    let declarations = tokens.windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";");
    declarations.map(|three| three[1].text.to_owned()).collect()
}

/// `pub use self::error::{Error, Invalid};` maps `Error` and `Invalid` to `error`.
fn reexports(tokens: &[Token<'_>]) -> BTreeMap<String, String> {
    let mut reexported = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let from_module = token.text == "use" && tokens.get(at + 1).is_some_and(|next| next.text == "self");
        if let (true, Some(module)) = (from_module, tokens.get(at + 3)) {
            let names = tokens[at + 4..].iter().take_while(|token| token.text != ";");
            let names = names.filter(|token| token.is_name());
            reexported.extend(names.map(|name| (name.text.to_owned(), module.text.to_owned())));
        }
    }
    reexported
}

/// The names after `crate::`, or after as many `super::` as lead to the root from `depth`, each with its line.
fn names_of_the_root(tokens: &[Token<'_>], depth: usize) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut supers = 0;
        let start = at;
        while is_path_start(tokens, at, "super") {
            supers += 1;
            at += 2;
        }
        if supers == 0 && is_path_start(tokens, at, "crate") {
            names.extend(first_names(&tokens[at + 2..]));
            at += 2;
        } else if supers == depth {
            names.extend(first_names(&tokens[at..]));
        }
        at = at.max(start + 1);
    }
    names
}

fn is_path_start(tokens: &[Token<'_>], at: usize, word: &str) -> bool {
    matches!(tokens.get(at..at + 2), Some([first, then]) if first.text == word && then.text == "::")
}

/// `a::b` has the first name `a`; `{a, b::{c, d}}` has `a` and `b`.
fn first_names(tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.line, first.text.to_owned())];
    }
    let mut depth = 0;
    let mut names = Vec::new();
    let mut before = "";
    for token in tokens {
        match token.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(before, "{" | ",") => names.push((token.line, name.to_owned())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        before = token.text;
    }
    names
}
