//! The form of a secret in a store.

use uuid::Uuid;

use super::form::{Rewrite, SECRET, quoted};
use crate::{error::Invalid, tag::Tag};

/// The field of the form in a store: the encrypted value.
const SEALED: &str = "$sealed";
/// The name of the field in a text.
const QUOTED: &str = "\"$sealed\":";

/// A secret in its form in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed(pub(crate) String);

impl Sealed {
    /// The JSON of the form.
    pub(crate) fn to_json(&self) -> String {
        format!("{{\"{SEALED}\":{}}}", quoted(&self.0))
    }
}

/// The JSON of a known secret in memory. `value` is JSON.
pub(crate) fn secret_json(subject: &Tag, value: &str) -> String {
    format!("{{\"{SECRET}\":{{\"subject\":{},\"value\":{value}}}}}", quoted(subject.as_str()))
}

/// The JSON of a known secret in memory, with the key that it was decrypted with. Another text is unchanged.
pub(crate) fn with_key(json: &str, key: Uuid) -> String {
    let known = json.strip_prefix("{\"$secret\":{").and_then(|_| json.strip_suffix("}}"));
    known.map_or_else(|| json.to_owned(), |known| format!("{known},\"key\":\"{key}\"}}}}"))
}

/// Returns `true` if a JSON text may have sealed secrets.
pub(crate) fn contains_sealed(json: &str) -> bool {
    json.contains(QUOTED)
}

/// Returns the ids of the keys of the sealed secrets of a JSON text, without a parse of all of it.
pub(crate) fn sealed_keys(json: &str) -> impl Iterator<Item = Uuid> {
    json.match_indices(QUOTED).filter_map(|(at, name)| {
        let text = json.get(at + name.len()..)?.trim_start().strip_prefix('"')?;
        Sealed::key_of(text)
    })
}

/// Replaces each sealed secret of a JSON text, which has a path.
///
/// # Errors
/// [`Invalid::NotJson`] if the text is not JSON; otherwise those of `replace`.
pub(crate) fn rewrite_sealed<E: From<Invalid>>(
    json: &str,
    replace: &mut dyn FnMut(&str, Sealed) -> Result<String, E>,
) -> Result<String, E> {
    let rewrite = Rewrite { field: SEALED, quoted: QUOTED };
    rewrite.rewritten(json, &mut |path, content| {
        let text = serde_json::from_str(content).map_err(|error| E::from(Invalid::NotJson(error)))?;
        replace(path, Sealed(text))
    })
}
