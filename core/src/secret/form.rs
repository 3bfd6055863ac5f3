//! The forms of a secret in JSON, and how one is replaced by another without a change to the rest of a text.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::{to_string, value::RawValue};
use uuid::Uuid;

use crate::{error::Invalid, tag::Tag};

/// The field of the form in memory: the subject and the value.
pub(super) const SECRET: &str = "$secret";
/// The field of a forgotten secret.
pub(crate) const FORGOTTEN: &str = "$forgotten";

/// The JSON of a forgotten secret.
pub(crate) fn forgotten_json() -> String {
    format!("{{\"{FORGOTTEN}\":true}}")
}

/// The JSON of a known secret in memory, for a column. `value` is JSON.
pub(super) fn column_json(subject: &Tag, key: Option<Uuid>, value: &str) -> String {
    let subject = quoted(subject.as_str());
    match key {
        Some(key) => {
            format!("{{\"{SECRET}\":{{\"subject\":{subject},\"value\":{value},\"key\":\"{key}\"}}}}")
        }
        None => format!("{{\"{SECRET}\":{{\"subject\":{subject},\"value\":{value}}}}}"),
    }
}

/// Whether a text is a secret in its form in memory, which no store may have.
pub(crate) fn has_form_in_memory(text: &str) -> bool {
    text.starts_with("{\"$secret\":") || text.starts_with("{\"$forgotten\":")
}

/// Returns `true` if a JSON text may have known secrets. A text of a user cannot have this sequence: its quotes would be escaped.
pub(crate) fn contains_secret(json: &str) -> bool {
    json.contains("\"$secret\":")
}

/// Returns the JSON that replaces a secret with a path, a subject and a value in JSON.
pub(crate) type ReplaceSecret<'a, E> = dyn FnMut(&str, Option<Tag>, &str) -> Result<String, E> + 'a;

/// Replaces each known secret of a JSON text, which has a path, a subject and a value in JSON.
///
/// # Errors
/// [`Invalid::NotJson`] if the text is not JSON; [`Invalid::SecretForm`] if a secret has another form; otherwise those of `replace`.
pub(crate) fn rewrite_secrets<E: From<Invalid>>(
    json: &str,
    replace: &mut ReplaceSecret<'_, E>,
) -> Result<String, E> {
    #[derive(Deserialize)]
    struct Content<'a> {
        subject: Option<Tag>,
        #[serde(borrow)]
        value: &'a RawValue,
    }
    let rewrite = Rewrite { field: SECRET, quoted: "\"$secret\":" };
    rewrite.rewritten(json, &mut |path, content| {
        let Content { subject, value } =
            serde_json::from_str(content).map_err(|_| E::from(Invalid::SecretForm))?;
        replace(path, subject, value.get())
    })
}

/// The text without the values of its known secrets.
pub(crate) fn hide_secrets(json: &str) -> Cow<'_, str> {
    if !contains_secret(json) {
        return Cow::Borrowed(json);
    }
    let hidden = rewrite_secrets::<Invalid>(json, &mut |_, _, _| Ok(format!("{{\"{SECRET}\":\"…\"}}")));
    Cow::Owned(hidden.unwrap_or_else(|_| "a text with secrets".to_owned()))
}

/// Replaces objects that have one field with this name.
pub(super) struct Rewrite {
    pub(super) field: &'static str,
    /// The name as it is in the text: what a part must contain so that it is read at all.
    pub(super) quoted: &'static str,
}

pub(super) type Replace<'a, E> = dyn FnMut(&str, &str) -> Result<String, E> + 'a;

impl Rewrite {
    pub(super) fn rewritten<E: From<Invalid>>(
        &self,
        json: &str,
        replace: &mut Replace<'_, E>,
    ) -> Result<String, E> {
        let mut text = String::with_capacity(json.len());
        self.write(json, &mut String::new(), &mut text, replace)?;
        Ok(text)
    }

    /// Writes the text to `out`. The path is a JSON pointer.
    fn write<E: From<Invalid>>(
        &self,
        json: &str,
        path: &mut String,
        out: &mut String,
        replace: &mut Replace<'_, E>,
    ) -> Result<(), E> {
        if !json.contains(self.quoted) {
            out.push_str(json);
            return Ok(());
        }
        let parts = serde_json::from_str(json).map_err(|error| E::from(Invalid::NotJson(error)))?;
        match parts {
            Parts::Object(entries) => match &entries[..] {
                [(Name(name), content)] if name == self.field => {
                    out.push_str(&replace(path, content.get())?);
                }
                _ => {
                    for (index, (Name(name), value)) in entries.iter().enumerate() {
                        out.push(if index == 0 { '{' } else { ',' });
                        match name {
                            // Without escapes in the text.
                            Cow::Borrowed(plain) => out.extend(["\"", plain, "\""]),
                            Cow::Owned(name) => out.push_str(&quoted(name)),
                        }
                        out.push(':');
                        self.write_part(value, name, path, out, replace)?;
                    }
                    out.push('}');
                }
            },
            Parts::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    out.push(if index == 0 { '[' } else { ',' });
                    self.write_part(item, &index.to_string(), path, out, replace)?;
                }
                out.push(']');
            }
            Parts::Scalar => out.push_str(json),
        }
        Ok(())
    }

    /// Writes a part of an object or an array. Neither is empty, because it contains the name of the field.
    fn write_part<E: From<Invalid>>(
        &self,
        part: &RawValue,
        name: &str,
        path: &mut String,
        out: &mut String,
        replace: &mut Replace<'_, E>,
    ) -> Result<(), E> {
        let length = path.len();
        push(path, name);
        let written = self.write(part.get(), path, out, replace);
        path.truncate(length);
        written
    }
}

/// The name of a field, borrowed from the text if it has no escapes.
#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A JSON value whose parts are not parsed.
pub(super) enum Parts<'a> {
    Object(Vec<(Name<'a>, &'a RawValue)>),
    Array(Vec<&'a RawValue>),
    Scalar,
}

impl<'de> Deserialize<'de> for Parts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartsVisitor;

        impl<'de> Visitor<'de> for PartsVisitor {
            type Value = Parts<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Parts::Object(entries))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parts<'de>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Parts::Array(items))
            }

            fn visit_str<E>(self, _: &str) -> Result<Parts<'de>, E> {
                Ok(Parts::Scalar)
            }
        }

        deserializer.deserialize_any(PartsVisitor)
    }
}

/// Adds a name or a number to a path, which is a JSON pointer.
pub(super) fn push(path: &mut String, name: &str) {
    path.push('/');
    match name.contains(['~', '/']) {
        true => path.push_str(&name.replace('~', "~0").replace('/', "~1")),
        false => path.push_str(name),
    }
}

/// A text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    // A string is always encoded.
    to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths, subjects and values of the secrets, and the text without them.
    fn parts(json: &str) -> (Vec<String>, String) {
        let mut found = Vec::new();
        let text = rewrite_secrets::<Invalid>(json, &mut |path, subject, value| {
            let subject = subject.map(|subject| subject.to_string()).unwrap_or_default();
            found.push(format!("{path} {subject} {value}"));
            Ok("0".to_owned())
        });
        (found, text.unwrap())
    }

    #[test]
    fn secrets_are_replaced_and_the_rest_is_unchanged() {
        let json = r#"{"b": 1.0e2 ,"a":[{"$secret":{"subject":"x:1","value":{"k":[1, 2]}}},18446744073709551617],"c/d":{"~":{"$secret":{"subject":null,"value":"v"}}}}"#;
        let (found, text) = parts(json);
        assert_eq!(found, [r#"/a/0 x:1 {"k":[1, 2]}"#, r#"/c~1d/~0  "v""#]);
        assert_eq!(text, r#"{"b":1.0e2,"a":[0,18446744073709551617],"c/d":{"~":0}}"#);
    }

    #[test]
    fn text_without_secrets_is_not_even_parsed() {
        for json in ["not json", r#"{"text":"{\"$secret\":1}"}"#, r#"{"$secrets":1}"#] {
            assert_eq!(parts(json), (Vec::new(), json.to_owned()));
        }
    }

    #[test]
    fn field_of_the_application_with_the_reserved_name_is_an_error_or_no_secret() {
        // Not alone in its object.
        let (found, _) = parts(r#"{"$secret":1,"other":2}"#);
        assert!(found.is_empty());
        let other = r#"{"map":{"$secret":"a text"}}"#;
        let error = rewrite_secrets::<Invalid>(other, &mut |_, _, _| Ok(String::new())).unwrap_err();
        assert!(matches!(error, Invalid::SecretForm), "{error:?}");
    }

    #[test]
    fn hidden_text_shows_no_value() {
        let json = r#"{"a":{"$secret":{"subject":"x:1","value":"ann@example.org"}},"b":1}"#;
        let hidden = hide_secrets(json);
        assert!(
            hidden.contains("\"b\":1") && !hidden.contains("example") && !hidden.contains("x:1"),
            "{hidden}"
        );
        assert_eq!(hide_secrets("{\"$secret\":"), "a text with secrets");
        assert_eq!(hide_secrets("plain"), "plain");
    }
}
