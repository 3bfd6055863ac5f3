//! Payloads that are made from a JSON Schema, for events of which the application gives none.

use serde_json::{Map, Value, json};

/// How deep a payload is nested at most.
const DEPTH: usize = 24;
/// The depth from which on nothing optional is added, so that a type that contains itself ends.
const SPARSE_DEPTH: usize = 8;

/// Payloads that fit a JSON Schema: one with all fields, one with as few as possible, and one for each further choice of a field.
pub(super) fn payloads(schema: &Value) -> Vec<Value> {
    let mut payloads: Vec<Value> = Vec::new();
    let make = |choice| Payloads { root: schema, choice }.value(schema, 0);
    let choices = (0..8).map(Choice::Nth).chain([Choice::Sparse]);
    for payload in choices.filter_map(make) {
        if !payloads.contains(&payload) {
            payloads.push(payload);
        }
    }
    payloads
}

/// Which of several possible values a payload has.
#[derive(Clone, Copy, PartialEq)]
enum Choice {
    /// The alternative with this number everywhere, the last one if there are fewer.
    Nth(usize),
    /// No optional fields, no items, `null` where it is allowed.
    Sparse,
}

struct Payloads<'a> {
    root: &'a Value,
    choice: Choice,
}

impl Payloads<'_> {
    /// A value that fits a schema; `None` if the schema says something that is not known here.
    fn value(&self, schema: &Value, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.value(self.root.pointer(reference.strip_prefix('#')?)?, depth + 1);
        }
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.pick(values).cloned();
        }
        if let Some(schemas) = ["oneOf", "anyOf"].into_iter().find_map(|key| schema.get(key)?.as_array()) {
            return self.alternative(schemas, depth);
        }
        match schema.get("type") {
            Some(Value::String(one)) => self.of_type(one, schema, depth),
            Some(Value::Array(types)) => {
                match types.iter().any(|one| one == "null") && self.choice == Choice::Sparse {
                    true => Some(Value::Null),
                    false => self.of_type(
                        types.iter().find_map(|one| one.as_str().filter(|one| *one != "null"))?,
                        schema,
                        depth,
                    ),
                }
            }
            _ => (schema == &Value::Bool(true)
                || schema.as_object()?.keys().all(|key| NOTES.contains(&&**key)))
            .then(|| json!("text")),
        }
    }

    fn alternative(&self, schemas: &[Value], depth: usize) -> Option<Value> {
        let is_null = |schema: &&Value| schema.get("type").is_some_and(|one| one == "null");
        if self.is_sparse(depth) && schemas.iter().any(|schema| is_null(&schema)) {
            return Some(Value::Null);
        }
        // A variant without fields comes first in a schema with several of them in one `enum`.
        let mut others: Vec<Value> = Vec::new();
        for schema in schemas.iter().filter(|schema| !is_null(schema)) {
            match schema.get("enum").and_then(Value::as_array) {
                Some(names) => others.extend(names.iter().map(|name| json!({ "const": name }))),
                None => others.push(schema.clone()),
            }
        }
        self.value(self.pick(&others)?, depth + 1)
    }

    fn of_type(&self, name: &str, schema: &Value, depth: usize) -> Option<Value> {
        Some(match name {
            "object" => self.object(schema, depth)?,
            "array" => self.array(schema, depth)?,
            "string" => text(schema.get("format").and_then(Value::as_str)).into(),
            "integer" => integer(schema),
            "number" => json!(1.5),
            "boolean" => json!(self.choice != Choice::Sparse),
            "null" => Value::Null,
            _ => return None,
        })
    }

    fn object(&self, schema: &Value, depth: usize) -> Option<Value> {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
        let mut members = Map::new();
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if !self.is_sparse(depth) || is_required(name) {
                members.insert(name.clone(), self.value(field, depth + 1)?);
            }
        }
        let values = schema.get("additionalProperties").filter(|values| values.is_object());
        if let Some(values) = values.filter(|_| members.is_empty() && !self.is_sparse(depth)) {
            members.insert("text".to_owned(), self.value(values, depth + 1)?);
        }
        Some(Value::Object(members))
    }

    fn array(&self, schema: &Value, depth: usize) -> Option<Value> {
        if let Some(items) = schema.get("prefixItems").and_then(Value::as_array) {
            return items
                .iter()
                .map(|item| self.value(item, depth + 1))
                .collect::<Option<Vec<_>>>()
                .map(Value::Array);
        }
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(8);
        let count = if self.is_sparse(depth) { least } else { least.max(1) };
        let any = Value::Bool(true);
        let item = schema.get("items").unwrap_or(&any);
        (0..count).map(|_| self.value(item, depth + 1)).collect::<Option<Vec<_>>>().map(Value::Array)
    }

    fn is_sparse(&self, depth: usize) -> bool {
        self.choice == Choice::Sparse || depth > SPARSE_DEPTH
    }

    fn pick<'v>(&self, values: &'v [Value]) -> Option<&'v Value> {
        let index = match self.choice {
            Choice::Nth(nth) => nth,
            Choice::Sparse => 0,
        };
        values.get(index.min(values.len().saturating_sub(1)))
    }
}

/// Keys of a schema that say nothing about its values.
const NOTES: [&str; 6] = ["title", "description", "default", "examples", "$schema", "$defs"];

/// A text of a format.
fn text(format: Option<&str>) -> &'static str {
    match format {
        Some("uuid") => "018f3c5e-7b1a-7000-8000-000000000001",
        Some("date-time") => "2026-01-31T12:30:15Z",
        Some("date") => "2026-01-31",
        Some("time" | "partial-time") => "12:30:15",
        Some("partial-date-time") => "2026-01-31T12:30:15",
        _ => "text",
    }
}

/// The number that the fewest other types have: the least of a signed type, the greatest of an unsigned one.
fn integer(schema: &Value) -> Value {
    match schema.get("format").and_then(Value::as_str) {
        Some("int8") => json!(i8::MIN),
        Some("int16") => json!(i16::MIN),
        Some("int32") => json!(i32::MIN),
        Some("int64" | "int") => json!(i64::MIN),
        Some("uint8") => json!(u8::MAX),
        Some("uint16") => json!(u16::MAX),
        Some("uint32") => json!(u32::MAX),
        Some("uint64" | "uint") => json!(u64::MAX),
        _ => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
    }
}
