//! Circular imports among the files of a package.
//!
//! A file depends on the files whose items its `use` declarations name, at any depth of braces and through `crate`,
//! `self`, `super` and the names of child modules. Two kinds of `use` are no dependency:
//!
//! - a re-export (`pub use`, `pub(crate) use`, …), because a module file that publishes its children does not need them;
//! - the module in the middle of a path: an item that a module re-exports or imports counts for the file that defines it.
//!
//! Paths outside of `use` declarations and unit tests are not read.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    Violation,
    source::{Token, product_tokens},
};

/// The names that lead from the crate root to a module.
type ModulePath = Vec<String>;

/// A `use` of one name.
#[derive(Clone, Debug)]
struct Import {
    /// The module that contains the declaration.
    module: ModulePath,
    /// The imported path.
    path: Vec<String>,
    /// The name in that module.
    alias: String,
    is_reexport: bool,
}

/// The files of one package, relative to its `src`, and their imports.
#[derive(Clone, Debug, Default)]
pub struct Package {
    files: BTreeMap<ModulePath, String>,
    imports: Vec<Import>,
}

impl Package {
    /// Adds a file, such as `store/read.rs`.
    pub fn add(&mut self, file: &str, source: &str) {
        let module = module_path(file);
        self.imports.extend(imports(&module, &product_tokens(source)));
        self.files.insert(module, file.to_owned());
    }

    /// The circles: each the sorted files that all depend on one another.
    pub fn cycles(&self) -> Vec<Vec<&str>> {
        let edges = self.edges();
        let reachable: BTreeMap<_, _> = edges.keys().map(|&file| (file, reachable(&edges, file))).collect();
        let reaches = |from: &str, to: &str| reachable.get(from).is_some_and(|files| files.contains(to));
        let circular = edges.keys().filter(|file| reaches(file, file));
        let circles = circular.map(|a| {
            let others = edges.keys().filter(|b| reaches(a, b) && reaches(b, a));
            others.copied().collect::<Vec<&str>>()
        });
        circles.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The dependencies of each file.
    fn edges(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let mut edges = BTreeMap::<&str, BTreeSet<&str>>::new();
        for import in self.imports.iter().filter(|import| !import.is_reexport) {
            let from = self.file_of(&import.module);
            let to = self.target(&import.module, &import.path, 0);
            if let (Some(from), Some(to)) = (from, to)
                && from != to
            {
                edges.entry(from).or_default().insert(to);
            }
        }
        edges
    }

    /// The file of a module, which may be inline in the file of a parent.
    fn file_of(&self, module: &[String]) -> Option<&str> {
        (0..=module.len()).rev().find_map(|length| self.files.get(&module[..length])).map(String::as_str)
    }

    /// The file that defines an imported item; `None` if that is another crate.
    fn target(&self, module: &[String], path: &[String], depth: usize) -> Option<&str> {
        let (mut module, mut rest) = self.start(module, path)?;
        while let Some((next, after)) = rest.split_first() {
            let child = [module.as_slice(), std::slice::from_ref(next)].concat();
            if self.files.contains_key(&child) {
                (module, rest) = (child, after);
                continue;
            }
            let imported =
                self.imports.iter().find(|import| import.module == module && import.alias == *next);
            if let (Some(import), true) = (imported, depth < 8) {
                let path = [import.path.as_slice(), after].concat();
                return self.target(&module, &path, depth + 1);
            }
            break;
        }
        self.file_of(&module)
    }

    /// The module that a path starts in, and the rest of the path.
    fn start<'p>(&self, module: &[String], path: &'p [String]) -> Option<(ModulePath, &'p [String])> {
        let (first, rest) = path.split_first()?;
        let mut module = module.to_vec();
        match first.as_str() {
            "crate" => return Some((Vec::new(), rest)),
            "self" => return Some((module, rest)),
            "super" => {}
            _ => {
                module.push(first.clone());
                return self.files.contains_key(&module).then_some((module, rest));
            }
        }
        let supers = path.iter().take_while(|name| *name == "super").count();
        module.truncate(module.len().saturating_sub(supers));
        Some((module, &path[supers..]))
    }
}

/// The violation for a circle in this package folder.
pub fn violation(folder: &str, cycle: &[&str]) -> Violation {
    Violation {
        rule: "the imports of a package's files form no circle".into(),
        place: folder.to_owned(),
        found: cycle.join(" "),
    }
}

fn reachable<'a>(edges: &BTreeMap<&'a str, BTreeSet<&'a str>>, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let targets = edges.get(file).into_iter().flatten();
        open.extend(targets.copied().filter(|target| reached.insert(*target)));
    }
    reached
}

fn module_path(file: &str) -> ModulePath {
    let path = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let names = path.split('/').filter(|name| !matches!(*name, "lib" | "main"));
    names.map(str::to_owned).collect()
}

/// The imports of a file, with the inline modules around them.
fn imports(module: &[String], tokens: &[Token<'_>]) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut inline: Vec<(usize, &str)> = Vec::new();
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        let next = |n: usize| tokens.get(at + n).map_or("", |token| token.text);
        match token.text {
            "mod" if next(2) == "{" => inline.push((depth, next(1))),
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.retain(|(outside, _)| *outside < depth);
            }
            "use" if next(1) != "<" => {
                let inside = inline.iter().map(|(_, name)| (*name).to_owned());
                let module: ModulePath = module.iter().cloned().chain(inside).collect();
                let is_reexport = at > 0 && matches!(tokens[at - 1].text, "pub" | ")");
                let declaration: Vec<&str> =
                    tokens[at + 1..].iter().map(|token| token.text).take_while(|text| *text != ";").collect();
                for (path, alias) in tree(&declaration) {
                    imports.push(Import { module: module.clone(), path, alias, is_reexport });
                }
            }
            _ => {}
        }
    }
    imports
}

/// The paths of a `use` tree, with the name that each introduces: `a::{b, c as d}` is `a::b` and `a::c`.
fn tree(tokens: &[&str]) -> Vec<(Vec<String>, String)> {
    let mut paths = Vec::new();
    let mut prefixes: Vec<Vec<String>> = vec![Vec::new()];
    let mut path: Vec<String> = Vec::new();
    let mut alias = None;
    let mut tokens = tokens.iter().copied().chain([","]).peekable();
    while let Some(token) = tokens.next() {
        match token {
            "::" => {}
            "{" => prefixes.push(std::mem::take(&mut path)),
            "as" => alias = tokens.next().map(str::to_owned),
            "," | "}" => {
                if !path.is_empty() {
                    let mut whole: Vec<String> = prefixes.concat();
                    // `a::{self}` is `a`.
                    path.retain(|name| whole.is_empty() || name != "self");
                    whole.append(&mut path);
                    let name = alias.take().or_else(|| whole.last().cloned()).unwrap_or_default();
                    paths.push((whole, name));
                }
                if token == "}" {
                    prefixes.pop();
                }
            }
            name => path.push(name.to_owned()),
        }
    }
    paths
}
