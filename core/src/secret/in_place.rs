//! Finds the plain values in a stored payload that today's type of the event reads as secrets.
//!
//! A payload of an older version may have other names and another shape. So the payload is not compared with the type: a part of it is a
//! secret's value if the secret is read as forgotten once this part is replaced by a forgotten secret, and everything else is read as before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    form::{FORGOTTEN, Rewrite, SECRET, forgotten_json, rewrite_secrets},
    nodes::{Node, nodes, replace_nodes},
    sealed::secret_json,
};
use crate::{
    error::{Error, Invalid},
    payload::Payload,
    tag::Tag,
};

/// A plain value in a stored payload, which becomes a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlainSecret {
    /// Where it is: a JSON pointer.
    pub(crate) path: String,
    /// Whose it is.
    pub(crate) subject: Tag,
    /// The value, in JSON.
    pub(crate) value: String,
}

/// The plain values of a payload, or a secret that cannot be encrypted in place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InPlace {
    /// All of them; none if every secret is encrypted or forgotten already.
    Found(Vec<PlainSecret>),
    /// The path of a secret in the payload that is written today. It is not the value of one part of the stored payload.
    Impossible(String),
}

/// Reads a payload, and returns the payloads that would be written today.
pub(crate) type ReadAs<'a> = dyn Fn(&str) -> Result<Vec<String>, Error> + 'a;

/// Finds the plain values in a payload, whose secrets are decrypted.
///
/// # Errors
/// [`Error`] if the payload cannot be read.
pub(crate) fn plain_secrets(json: &str, read: &ReadAs<'_>) -> Result<InPlace, Error> {
    let today = Reading::of(&read(json)?)?;
    if today.known().next().is_none() || remaining(json, read)?.is_none() {
        return Ok(InPlace::Found(Vec::new()));
    }
    let nodes = nodes(json)?;
    // Nearly always the names are those of today.
    if let Some(found) = named_as_today(&nodes, &today)
        && is_complete(json, &found, &today, read)
    {
        return Ok(InPlace::Found(found));
    }
    let found = probe(json, &nodes, &today, read)?;
    if is_complete(json, &found, &today, read) {
        return Ok(InPlace::Found(found));
    }
    let left = remaining(&as_secrets(json, &found)?, read).ok().flatten();
    let first = || today.known().next().map(|(path, _)| path.clone());
    Ok(InPlace::Impossible(left.or_else(first).unwrap_or_default()))
}

/// The secrets that a payload is read as, and the rest.
struct Reading {
    /// By the number of the event that is read, and the path. `None` for a forgotten one.
    secrets: BTreeMap<(usize, String), Option<(Tag, String)>>,
    /// The payloads without the secrets.
    rest: Vec<Payload>,
}

impl Reading {
    fn of(payloads: &[String]) -> Result<Self, Error> {
        let (mut secrets, mut rest) = (BTreeMap::new(), Vec::new());
        for (number, payload) in payloads.iter().enumerate() {
            let known = rewrite_secrets::<Error>(payload, &mut |path, subject, value| {
                let subject = subject.ok_or(Invalid::SecretForm)?;
                secrets.insert((number, path.to_owned()), Some((subject, value.to_owned())));
                Ok("0".to_owned())
            })?;
            let forgotten = Rewrite { field: FORGOTTEN, quoted: "\"$forgotten\":" };
            let masked = forgotten.rewritten::<Error>(&known, &mut |path, _| {
                secrets.insert((number, path.to_owned()), None);
                Ok("0".to_owned())
            })?;
            rest.push(Payload::from_stored(masked));
        }
        Ok(Self { secrets, rest })
    }

    /// The known secrets, but for empty values: they may be the default of a field that is missing.
    fn known(&self) -> impl Iterator<Item = (&String, &(Tag, String))> {
        let known = self.secrets.iter().filter_map(|((_, path), secret)| Some((path, secret.as_ref()?)));
        known.filter(|(_, (_, value))| !matches!(value.as_str(), "null" | "\"\"" | "[]" | "{}"))
    }

    fn has_rest_of(&self, other: &Self) -> bool {
        self.rest.len() == other.rest.len()
            && self.rest.iter().zip(&other.rest).all(|(one, other)| one.is_equivalent(other))
    }

    /// The subject of the secrets that are forgotten here and known in the other reading; `None` if there are none, or anything else differs.
    fn forgets_of<'a>(&self, other: &'a Self) -> Option<&'a Tag> {
        if !self.has_rest_of(other) || self.secrets.len() != other.secrets.len() {
            return None;
        }
        let mut subjects = BTreeSet::new();
        for ((place, secret), (other_place, before)) in self.secrets.iter().zip(&other.secrets) {
            match (secret, before) {
                _ if place != other_place => return None,
                (None, Some((subject, _))) => drop(subjects.insert(subject)),
                (one, before) if one == before => {}
                _ => return None,
            }
        }
        // A value that belongs to two subjects cannot be encrypted with one key.
        subjects.pop_first().filter(|_| subjects.is_empty())
    }
}

/// The parts of a payload that have the paths of today's secrets.
fn named_as_today(nodes: &[Node], today: &Reading) -> Option<Vec<PlainSecret>> {
    if today.rest.len() != 1 {
        return None;
    }
    let found = nodes.iter().filter(|node| !node.is_secret).filter_map(|node| {
        let (subject, _) = today.secrets.get(&(0, node.path.clone()))?.as_ref()?;
        Some(PlainSecret { path: node.path.clone(), subject: subject.clone(), value: node.json.clone() })
    });
    Some(found.collect())
}

/// Finds the parts by replacing one after the other.
fn probe(json: &str, nodes: &[Node], today: &Reading, read: &ReadAs<'_>) -> Result<Vec<PlainSecret>, Error> {
    let mut found: Vec<PlainSecret> = Vec::new();
    for node in nodes.iter().filter(|node| !node.is_secret) {
        if found.iter().any(|outer| node.is_in(&outer.path)) {
            continue;
        }
        let replaced = replace_nodes(json, &BTreeMap::from([(node.path.clone(), forgotten_json())]))?;
        // It is not the value of a secret if it cannot be replaced.
        let Ok(payloads) = read(&replaced) else { continue };
        if let Some(subject) = Reading::of(&payloads)?.forgets_of(today) {
            let (path, value) = (node.path.clone(), node.json.clone());
            found.push(PlainSecret { path, subject: subject.clone(), value });
        }
    }
    Ok(found)
}

/// Whether the payload with these secrets is read as it was, and every secret of it comes from one of them or was one before.
fn is_complete(json: &str, found: &[PlainSecret], today: &Reading, read: &ReadAs<'_>) -> bool {
    let is_complete = || -> Result<bool, Error> {
        let rewritten = as_secrets(json, found)?;
        let again = Reading::of(&read(&rewritten)?)?;
        let is_equal = again.has_rest_of(today) && are_equal(&again, today);
        Ok(is_equal && remaining(&rewritten, read)?.is_none())
    };
    is_complete().unwrap_or(false)
}

/// Whether two readings have the same secrets. Their values are JSON, and may be written in different ways.
fn are_equal(one: &Reading, other: &Reading) -> bool {
    let value = |json: &String| Payload::from_stored(json.clone());
    one.secrets.len() == other.secrets.len()
        && one.secrets.iter().zip(&other.secrets).all(|((place, one), (other_place, other))| {
            place == other_place
                && match (one, other) {
                    (Some((subject, json)), Some((other_subject, other))) => {
                        subject == other_subject && value(json).is_equivalent(&value(other))
                    }
                    (None, None) => true,
                    _ => false,
                }
        })
}

/// The payload in which the plain values are secrets.
fn as_secrets(json: &str, found: &[PlainSecret]) -> Result<String, Error> {
    let secrets = found.iter().map(|one| (one.path.clone(), secret_json(&one.subject, &one.value)));
    Ok(replace_nodes(json, &secrets.collect())?)
}

/// The path of a secret that is still known once all secrets of the payload are forgotten, if there is one.
fn remaining(json: &str, read: &ReadAs<'_>) -> Result<Option<String>, Error> {
    let forgotten = Rewrite { field: SECRET, quoted: "\"$secret\":" };
    let forgotten = forgotten.rewritten::<Error>(json, &mut |_, _| Ok(forgotten_json()))?;
    let reading = Reading::of(&read(&forgotten)?)?;
    Ok(reading.known().next().map(|(path, _)| path.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn subject(name: &str) -> Tag {
        Tag::new("customer", name).unwrap()
    }

    /// What a secret field of the type reads: its form, or a plain value.
    fn secret(value: &Value) -> Value {
        let is_form = |name: &str| value.get(name).is_some();
        match is_form("$secret") || is_form("$forgotten") {
            true => value.clone(),
            false => json!({ "$secret": { "subject": "customer:ann", "value": value } }),
        }
    }

    fn text(value: &Value) -> Result<Value, Error> {
        match value.is_string() {
            true => Ok(value.clone()),
            false => Err(Error::unusable("read", "no text")),
        }
    }

    /// A type with the secret `email`, which was `mail` in the version before, and the plain field `plan`.
    fn read(stored: &str) -> Result<Vec<String>, Error> {
        let stored: Value = serde_json::from_str(stored).unwrap();
        let email = stored.get("email").or(stored.get("mail")).unwrap_or(&Value::Null);
        Ok(vec![json!({ "email": secret(email), "plan": text(&stored["plan"])? }).to_string()])
    }

    fn found(json: &str, read: &ReadAs<'_>) -> Vec<(String, String)> {
        match plain_secrets(json, read).unwrap() {
            InPlace::Found(found) => found.into_iter().map(|one| (one.path, one.value)).collect(),
            InPlace::Impossible(path) => panic!("impossible: {path}"),
        }
    }

    fn impossible(json: &str, read: &ReadAs<'_>) -> String {
        match plain_secrets(json, read).unwrap() {
            InPlace::Impossible(path) => path,
            InPlace::Found(found) => panic!("found: {found:?}"),
        }
    }

    #[test]
    fn plain_values_are_found_under_the_names_of_today_and_of_before() {
        let expected = |path: &str| vec![(path.to_owned(), "\"a@b\"".to_owned())];
        assert_eq!(found(r#"{"email":"a@b","plan":"free"}"#, &read), expected("/email"));
        assert_eq!(found(r#"{"plan":"free","mail":"a@b"}"#, &read), expected("/mail"));
        // The same text is in a field that is no secret.
        assert_eq!(found(r#"{"plan":"a@b","mail":"a@b"}"#, &read), expected("/mail"));
    }

    #[test]
    fn secrets_that_are_encrypted_or_forgotten_are_left() {
        let known = json!({ "email": secret(&json!("a@b")), "plan": "free" }).to_string();
        for json in [&known, r#"{"email":{"$forgotten":true},"plan":"free"}"#, r#"{"plan":"free"}"#] {
            assert!(found(json, &read).is_empty(), "{json}");
        }
    }

    #[test]
    fn value_that_is_made_of_others_cannot_be_encrypted() {
        // The older type has a plain field, which does not read a secret.
        let plain = |stored: &str| {
            let stored: Value = serde_json::from_str(stored).unwrap();
            Ok(vec![json!({ "email": secret(&text(&stored["mail"])?) }).to_string()])
        };
        assert_eq!(impossible(r#"{"mail":"a@b"}"#, &plain), "/email");
        // Two parts become one secret.
        let joined = |stored: &str| {
            let stored: Value = serde_json::from_str(stored).unwrap();
            let part = |name: &str| stored[name].as_str().unwrap_or_default().to_owned();
            Ok(vec![json!({ "email": secret(&json!(part("user") + "@" + &part("host"))) }).to_string()])
        };
        assert_eq!(impossible(r#"{"user":"a","host":"b"}"#, &joined), "/email");
        // A copy stays in plain text.
        let copied = |stored: &str| {
            let stored: Value = serde_json::from_str(stored).unwrap();
            let copy = stored["email"].as_str().unwrap_or("gone");
            Ok(vec![json!({ "email": secret(&stored["email"]), "copy": copy }).to_string()])
        };
        assert_eq!(impossible(r#"{"email":"a@b"}"#, &copied), "/email");
    }

    #[test]
    fn value_of_two_subjects_cannot_be_encrypted() {
        let read = |stored: &str| {
            let stored: Value = serde_json::from_str(stored).unwrap();
            let other = match stored["note"].get("$forgotten").or(stored["note"].get("$secret")) {
                Some(_) => stored["note"].clone(),
                None => json!({ "$secret": { "subject": "customer:bob", "value": stored["note"] } }),
            };
            let (one, other) = (json!({ "note": secret(&stored["note"]) }), json!({ "note": other }));
            Ok(vec![one.to_string(), other.to_string()])
        };
        assert_eq!(impossible(r#"{"note":"hello"}"#, &read), "/note");
    }

    #[test]
    fn items_of_lists_and_maps_are_found() {
        let read = |stored: &str| {
            let stored: Value = serde_json::from_str(stored).unwrap();
            let Value::Array(notes) = &stored["notes"] else {
                return Err(Error::unusable("read", "no list"));
            };
            Ok(vec![json!({ "all": notes.iter().map(secret).collect::<Vec<_>>() }).to_string()])
        };
        let paths = |json: &str| found(json, &read).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(paths(r#"{"notes":["a",{"b":"c"},3]}"#), ["/notes/0", "/notes/1", "/notes/2"]);
        assert!(paths(r#"{"notes":[]}"#).is_empty());
        assert_eq!(subject("ann").as_str(), "customer:ann");
    }
}
