//! The parts of a JSON text, and how some are replaced without a change to the rest.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::form::{FORGOTTEN, Name, Parts, SECRET, push, quoted};
use crate::error::Invalid;

/// A part of a JSON text: a value in an object or an array, at any depth.
pub(super) struct Node {
    /// Where it is: a JSON pointer.
    pub(super) path: String,
    /// The value, as it is written.
    pub(super) json: String,
    /// Whether it is a secret, known or forgotten. Its own parts are none of the nodes.
    pub(super) is_secret: bool,
}

impl Node {
    /// Whether it is a part of the node with this path.
    pub(super) fn is_in(&self, path: &str) -> bool {
        self.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// All parts of a text, each before its own parts.
///
/// # Errors
/// [`Invalid::NotJson`] if it is not JSON.
pub(super) fn nodes(json: &str) -> Result<Vec<Node>, Invalid> {
    let mut found = Vec::new();
    collect(json, &mut String::new(), &mut found)?;
    Ok(found)
}

fn collect(json: &str, path: &mut String, found: &mut Vec<Node>) -> Result<(), Invalid> {
    each_part(json, &mut |name, part| {
        let length = path.len();
        push(path, name);
        let is_secret = is_secret(part.get())?;
        found.push(Node { path: path.clone(), json: part.get().to_owned(), is_secret });
        let collected = if is_secret { Ok(()) } else { collect(part.get(), path, found) };
        path.truncate(length);
        collected
    })
}

/// Replaces the parts with these paths.
///
/// # Errors
/// [`Invalid::NotJson`] if the text is not JSON.
pub(crate) fn replace_nodes(json: &str, by_path: &BTreeMap<String, String>) -> Result<String, Invalid> {
    replace(json, &mut String::new(), by_path)
}

fn replace(json: &str, path: &mut String, by_path: &BTreeMap<String, String>) -> Result<String, Invalid> {
    // Most parts have none of them.
    let is_outside = |path: &str| !by_path.keys().any(|one| one.starts_with(path));
    if is_outside(path) {
        return Ok(json.to_owned());
    }
    let mut parts = Vec::new();
    each_part(json, &mut |name, part| {
        let length = path.len();
        push(path, name);
        let text = match by_path.get(path.as_str()) {
            Some(text) => Ok(text.clone()),
            None => replace(part.get(), path, by_path),
        };
        path.truncate(length);
        parts.push((name.to_owned(), text?));
        Ok(())
    })?;
    Ok(match parse(json)? {
        Parts::Object(_) => {
            let fields: Vec<String> =
                parts.iter().map(|(name, text)| format!("{}:{text}", quoted(name))).collect();
            format!("{{{}}}", fields.join(","))
        }
        Parts::Array(_) => {
            let items: Vec<&str> = parts.iter().map(|(_, text)| text.as_str()).collect();
            format!("[{}]", items.join(","))
        }
        Parts::Scalar => json.to_owned(),
    })
}

/// Calls `visit` with each value of an object or an array, and its name or number.
fn each_part(
    json: &str,
    visit: &mut dyn FnMut(&str, &RawValue) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    match parse(json)? {
        Parts::Object(entries) => entries.iter().try_for_each(|(Name(name), value)| visit(name, value)),
        Parts::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| visit(&index.to_string(), item))
        }
        Parts::Scalar => Ok(()),
    }
}

fn is_secret(json: &str) -> Result<bool, Invalid> {
    Ok(match parse(json)? {
        Parts::Object(entries) => {
            matches!(&entries[..], [(Name(name), _)] if name == SECRET || name == FORGOTTEN)
        }
        _ => false,
    })
}

/// The parts of a value. Scalars are not parsed.
fn parse(json: &str) -> Result<Parts<'_>, Invalid> {
    match json.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str(json).map_err(Invalid::NotJson),
        false => Ok(Parts::Scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_and_replaced_and_the_rest_is_unchanged() {
        let json = r#"{"b": 1.0e2 ,"a":[{"c/d":"x"},18446744073709551617],"s":{"$secret":{"value":1,"subject":null}}}"#;
        let found = nodes(json).unwrap();
        let paths: Vec<&str> = found.iter().map(|node| node.path.as_str()).collect();
        assert_eq!(paths, ["/b", "/a", "/a/0", "/a/0/c~1d", "/a/1", "/s"]);
        assert!(
            found[5].is_secret && !found[4].is_secret && found[3].is_in("/a/0") && !found[4].is_in("/a/0")
        );

        let replaced = replace_nodes(json, &BTreeMap::from([("/a/0/c~1d".to_owned(), "7".to_owned())]));
        let expected =
            r#"{"b":1.0e2,"a":[{"c/d":7},18446744073709551617],"s":{"$secret":{"value":1,"subject":null}}}"#;
        assert_eq!(replaced.unwrap(), expected);
        assert_eq!(replace_nodes(json, &BTreeMap::new()).unwrap(), json);
    }

    #[test]
    fn names_that_repeat_are_replaced_each_time() {
        let by_path = BTreeMap::from([("/a".to_owned(), "0".to_owned())]);
        assert_eq!(replace_nodes(r#"{"a":1,"a":2,"ab":3}"#, &by_path).unwrap(), r#"{"a":0,"a":0,"ab":3}"#);
        assert!(nodes("{").is_err() && nodes("7").unwrap().is_empty());
    }
}
