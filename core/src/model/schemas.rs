//! The JSON Schemas of events, commands and queries.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::types::Model;
use crate::event::{EventVTable, MakeSchema};

/// The JSON Schema of a type, with sorted keys.
pub(super) fn of_type(make: MakeSchema) -> Value {
    sorted(make())
}

/// The JSON Schema of the payloads of an event, if it is known: that of a struct, or of the content of one variant.
pub(super) fn of_event(vtable: &EventVTable) -> Option<Value> {
    if vtable.is_unit {
        return Some(json!({ "type": "object" }));
    }
    let root = vtable.schema?();
    let Some(index) = vtable.variant else { return Some(sorted(root)) };
    let names = vtable.variants?();
    of_variant(&root, names.get(index as usize)?).map(sorted)
}

/// The content of the variant of this name, from the JSON Schema of the enum.
fn of_variant(root: &Value, name: &str) -> Option<Value> {
    let variants = ["oneOf", "anyOf"].into_iter().filter_map(|key| root.get(key)?.as_array());
    let alone = std::slice::from_ref(root);
    let mut contents = variants.flatten().chain(alone).filter_map(|variant| {
        let mut content = match variant.get("properties").and_then(|properties| properties.get(name)) {
            Some(content) => content.clone(),
            None if is_unit(variant, name) => json!({ "type": "object" }),
            None => return None,
        };
        if let (Some(content), Some(text)) = (content.as_object_mut(), variant.get("description")) {
            content.entry("description").or_insert_with(|| text.clone());
        }
        Some(content)
    });
    let mut content = contents.next()?;
    if let Some(content) = content.as_object_mut() {
        let definitions = root.get("$defs").and_then(Value::as_object).map(|all| used(content, all));
        if let Some(used) = definitions.filter(|used| !used.is_empty()) {
            content.insert("$defs".to_owned(), used.into());
        }
        if let Some(dialect) = root.get("$schema") {
            content.insert("$schema".to_owned(), dialect.clone());
        }
    }
    Some(content)
}

/// Whether a part of the JSON Schema of an enum is a variant of this name without fields, or several such variants.
fn is_unit(variant: &Value, name: &str) -> bool {
    let is_const = variant.get("const").and_then(Value::as_str) == Some(name);
    let names = variant.get("enum").and_then(Value::as_array);
    is_const || names.is_some_and(|names| names.iter().any(|one| one.as_str() == Some(name)))
}

/// The definitions that a schema refers to, and what these refer to.
fn used(content: &Map<String, Value>, all: &Map<String, Value>) -> Map<String, Value> {
    let mut names = BTreeSet::new();
    let mut texts = vec![Value::from(content.clone()).to_string()];
    while let Some(text) = texts.pop() {
        for (name, definition) in all {
            // As a reference is written in JSON.
            let pointer = name.replace('~', "~0").replace('/', "~1");
            let reference = Value::from(format!("#/$defs/{pointer}")).to_string();
            if text.contains(&reference) && names.insert(name) {
                texts.push(definition.to_string());
            }
        }
    }
    let used = all.iter().filter(|(name, _)| names.contains(name));
    used.map(|(name, definition)| (name.clone(), definition.clone())).collect()
}

/// The same value with sorted keys, even if another crate makes `serde_json` preserve their order.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().collect();
            Value::Object(members.into_iter().map(|(name, value)| (name, sorted(value))).collect())
        }
        other => other,
    }
}

impl Model {
    /// Returns the JSON Schema of each version of each event whose schema is known, by the name of a file:
    /// `account.opened.v2.json`. Each is the JSON of a schema with a line break at the end.
    ///
    /// The current version has the schema of its Rust type. An older one has that of the type that its step takes, and that of the next
    /// version if it is read without a function.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::model::Model;
    ///
    /// #[derive(Event, Serialize, Deserialize)]
    /// #[event(name = "month.closed")]
    /// struct MonthClosed;
    ///
    /// let schemas = Model::of(|builder| builder.events::<MonthClosed>())?.json_schemas();
    /// assert!(schemas["month.closed.v1.json"].contains("\"type\": \"object\""));
    /// # Ok::<(), annalist::Invalid>(())
    /// ```
    pub fn json_schemas(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for event in &self.events {
            let mut next = event.schema.as_ref();
            let mut versions = vec![(event.version, next)];
            for step in event.steps.iter().rev() {
                if step.function.is_some() {
                    next = step.schema.as_ref();
                }
                versions.push((step.from, next));
            }
            for (version, schema) in versions {
                if let Some(schema) = schema {
                    files.insert(file_name(&event.name, version), pretty(schema, &event.name, version));
                }
            }
        }
        files
    }
}

/// The name of the file. Bytes that are not portable in file names are written as `%` and two digits.
fn file_name(event: &str, version: u32) -> String {
    let mut name = String::new();
    for byte in event.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => name.push(byte.into()),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    format!("{name}.v{version}.json")
}

/// The text of a file. The title is the stored name with the version, and not a Rust name.
fn pretty(schema: &Value, event: &str, version: u32) -> String {
    let mut schema = schema.clone();
    if let Some(members) = schema.as_object_mut() {
        members.insert("title".to_owned(), format!("{event} version {version}").into());
    }
    serde_json::to_string_pretty(&sorted(schema)).unwrap_or_default() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_of_a_variant_has_the_definitions_that_it_uses() {
        let root = json!({
            "$schema": "x",
            "$defs": { "A": { "$ref": "#/$defs/B" }, "B": {}, "C": {} },
            "oneOf": [
                { "enum": ["Closed", "Frozen"] },
                { "description": "Opens it.", "properties": { "Opened": { "properties": { "a": { "$ref": "#/$defs/A" } } } } },
            ],
        });
        let opened = of_variant(&root, "Opened").unwrap();
        assert_eq!(opened["$defs"], json!({ "A": { "$ref": "#/$defs/B" }, "B": {} }));
        assert_eq!((&opened["description"], &opened["$schema"]), (&json!("Opens it."), &json!("x")));
        assert_eq!(of_variant(&root, "Frozen").unwrap()["type"], "object");
        assert_eq!(of_variant(&root, "Unknown"), None);
    }

    #[test]
    fn files_have_portable_names() {
        assert_eq!(file_name("account.opened", 2), "account.opened.v2.json");
        assert_eq!(file_name("a/b é", 1), "a%2Fb%20%C3%A9.v1.json");
    }
}
