//! The items of the crates behind the facade, each with its members.

use std::{collections::BTreeMap, path::Path};

use public_api::Builder;

use crate::{error::Result, short};

/// Lines of members by the path of their item.
#[derive(Default)]
pub(crate) struct Items(BTreeMap<String, Vec<String>>);

impl Items {
    /// Adds the items in a file of rustdoc JSON.
    pub(crate) fn add(&mut self, json: &Path) -> Result<()> {
        let api = Builder::from_rustdoc_json(json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(true)
            .build()?;
        let mut current = String::new();
        let mut in_trait_impl = false;
        for line in api.items().map(ToString::to_string) {
            if line.starts_with("impl") {
                in_trait_impl = line.contains(" for ");
                if in_trait_impl {
                    self.push(&current, short::line(&line));
                }
            } else if let Some(path) = item_path(&line) {
                in_trait_impl = false;
                self.push(&path, short::line(&line));
                current = path;
            } else if !in_trait_impl || line.contains("::Output = ") {
                self.push(&current, short::line(&line));
            }
        }
        Ok(())
    }

    /// The declaration and the members of the item at `path`. An item that is exported at several paths of its crate has
    /// its members at only one of them: the one with most lines.
    pub(crate) fn members(&self, path: &str) -> &[String] {
        let name = path.rsplit("::").next().unwrap_or_default();
        let exact = self.0.get(path).filter(|lines| lines.len() > 1);
        let named = || {
            let same_name = |(other, _): &(&String, &Vec<String>)| other.rsplit("::").next() == Some(name);
            self.0.iter().filter(same_name).map(|(_, lines)| lines).max_by_key(|lines| lines.len())
        };
        exact.or_else(named).map_or(&[], Vec::as_slice)
    }

    fn push(&mut self, path: &str, line: String) {
        let lines = self.0.entry(path.to_owned()).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
}

/// The path of the item that a line declares. `None` for members: their path continues after the name of a type.
fn item_path(line: &str) -> Option<String> {
    const KINDS: [&str; 9] = ["struct", "enum", "trait", "fn", "type", "const", "mod", "use", "static"];
    let mut words = line
        .split_whitespace()
        .skip_while(|word| word.starts_with("#[") || ["pub", "async", "unsafe"].contains(word));
    KINDS.contains(&words.next()?).then_some(())?;
    let path = words.collect::<Vec<_>>().join(" ");
    let path = path.split('(').next().filter(|path| !path.contains(">::"))?;
    let path = path.split(['<', ' ']).next()?.trim_end_matches(':');
    let (modules, _) = path.rsplit_once("::")?;
    modules
        .split("::")
        .all(|module| module.starts_with(|c: char| c.is_ascii_lowercase()))
        .then(|| path.to_owned())
}
