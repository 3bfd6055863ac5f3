//! Floors inside the core: a module uses its own floor and those below, never one above, never the other side.

use std::collections::BTreeMap;

use crate::{
    Violation,
    source::{Token, product_tokens, tokens},
};

const RULE: &str =
    "a module of the core uses its own floor and the floors below (the table in core/src/lib.rs)";
const LISTED: &str = "every module of the core stands on a floor (the table in core/src/lib.rs)";

/// The modules of the core by floor, read from the table in the documentation of its `lib.rs`.
#[derive(Clone, Debug)]
pub struct Floors {
    /// Module to floor.
    floor_of: BTreeMap<String, Floor>,
    /// What `lib.rs` lifts to the root: name to the module it comes from.
    lifted: BTreeMap<String, String>,
    /// The modules that `lib.rs` declares.
    declared: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Floor {
    name: String,
    height: usize,
}

impl Floor {
    /// The write side and the read side stand beside each other: neither carries the other.
    fn may_use(&self, other: &Self) -> bool {
        self.name == other.name || other.height < self.height
    }
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
        Self { floor_of, lifted: lifted(&tokens), declared: declared(&tokens) }
    }

    /// Modules that `lib.rs` declares and that its table forgets.
    pub fn unlisted(&self) -> Vec<Violation> {
        let forgotten = self.declared.iter().filter(|module| !self.floor_of.contains_key(*module));
        forgotten.map(|module| violation(LISTED, "core/src/lib.rs", format!("mod {module}"))).collect()
    }

    /// Uses that climb. `file` is relative to the core's `src`: `store/read.rs`.
    pub fn climbs(&self, file: &str, source: &str) -> Vec<Violation> {
        let path: Vec<&str> = file.trim_end_matches(".rs").split('/').collect();
        let Some(own) = self.floor_of.get(path[0]) else { return Vec::new() };
        let mut found = Vec::new();
        for (line, name) in names_of_the_root(&product_tokens(source), path.len()) {
            let module = self.lifted.get(&name).unwrap_or(&name);
            match self.floor_of.get(module) {
                Some(floor) if !own.may_use(floor) => {
                    let text = format!("`{}` ({}) uses `{name}` ({})", path[0], own.name, floor.name);
                    found.push(violation(RULE, &format!("core/src/{file}:{line}"), text));
                }
                _ => {}
            }
        }
        found
    }
}

fn violation(rule: &'static str, place: &str, found: String) -> Violation {
    Violation { rule, place: place.to_owned(), found }
}

/// ``//! | write side | [`aggregate`], [`command`] |``
fn row(line: &str) -> Option<(&str, Vec<String>)> {
    let (name, modules) = line.strip_prefix("//! |")?.trim().trim_end_matches('|').split_once('|')?;
    let modules: Vec<String> = modules.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    (!modules.is_empty()).then_some((name.trim(), modules))
}

fn declared(tokens: &[Token]) -> Vec<String> {
    let declarations = tokens.windows(3).filter(|three| three[0].text == "mod" && three[2].text == ";");
    declarations.map(|three| three[1].text.clone()).collect()
}

/// From `pub use self::error::{Error, Invalid};`: `Error` and `Invalid` come from `error`.
fn lifted(tokens: &[Token]) -> BTreeMap<String, String> {
    let mut lifted = BTreeMap::new();
    for (at, token) in tokens.iter().enumerate() {
        let from_module = token.text == "use" && tokens.get(at + 1).is_some_and(|next| next.text == "self");
        if let (true, Some(module)) = (from_module, tokens.get(at + 3)) {
            let names = tokens[at + 4..].iter().take_while(|token| token.text != ";");
            lifted.extend(names.filter(|t| t.is_name()).map(|name| (name.text.clone(), module.text.clone())));
        }
    }
    lifted
}

/// The names that follow `crate::`, or as many `super::` as lead to the root from `depth`, each with its line.
fn names_of_the_root(tokens: &[Token], depth: usize) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut supers = 0;
        let start = at;
        while follows(tokens, at, "super") {
            supers += 1;
            at += 2;
        }
        if supers == 0 && follows(tokens, at, "crate") {
            names.extend(first_names(&tokens[at + 2..]));
            at += 2;
        } else if supers == depth {
            names.extend(first_names(&tokens[at..]));
        }
        at = at.max(start + 1);
    }
    names
}

fn follows(tokens: &[Token], at: usize, word: &str) -> bool {
    matches!(tokens.get(at..at + 2), Some([first, then]) if first.text == word && then.text == "::")
}

/// Of `a::b` it is `a`; of `{a, b::{c, d}}` it is `a` and `b`.
fn first_names(tokens: &[Token]) -> Vec<(usize, String)> {
    let Some(first) = tokens.first() else { return Vec::new() };
    if first.text != "{" {
        return vec![(first.line, first.text.clone())];
    }
    let mut depth = 0;
    let mut names = Vec::new();
    let mut before = "";
    for token in tokens {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            name if depth == 1 && matches!(before, "{" | ",") => names.push((token.line, name.to_owned())),
            _ => {}
        }
        if depth == 0 {
            break;
        }
        before = &token.text;
    }
    names
}
