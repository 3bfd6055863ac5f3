//! A secret as the value of a column.

use std::any::type_name;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Secret,
    form::{column_json, forgotten_json, has_form_in_memory},
    value::State,
};
use crate::{
    codec::encode_readable,
    error::Invalid,
    limits::{MAX_PAYLOAD, refuse},
    tag::Tag,
};

/// The largest secret of a column in bytes of JSON: encrypted and as text it is a third larger.
const MAX_SECRET: usize = MAX_PAYLOAD / 4 * 3 - 1024;

impl<T: Serialize + DeserializeOwned> Secret<T> {
    /// The form in memory for a column of a row with this subject: with the key that it was encrypted with, where it was read.
    ///
    /// # Errors
    /// [`Invalid`] if there is no subject, it was read as a secret of another subject, or the value cannot be read back. The error does not show the
    /// value.
    pub(crate) fn to_column(&self, subject: Result<Option<Tag>, Invalid>) -> Result<String, Invalid> {
        let State::Known { value, source } = &self.0 else { return Ok(forgotten_json()) };
        let subject = subject?;
        let rule = match source {
            Some(source) if subject.as_ref() != Some(&source.subject) => {
                "it was read as a secret of another subject than that of the row, which would leave it there when that subject is forgotten"
            }
            _ => "it is known and has no subject: the column that `#[secret(subject = …)]` names is empty",
        };
        let subject =
            subject.filter(|subject| source.as_ref().is_none_or(|source| source.subject == *subject));
        let subject = &subject.ok_or_else(|| refuse("secret", "…", rule))?;
        let what = type_name::<T>();
        let json = encode_readable(what, value).map_err(|_| {
            refuse("secret", "…", format!("its `{what}` cannot be stored as JSON and read back"))
        })?;
        let key = source.as_ref().and_then(|source| source.key);
        if json.as_str().len() > MAX_SECRET {
            let size = json.as_str().len();
            return Err(Invalid::TooLarge { what: "secret".to_owned(), size, limit: MAX_SECRET });
        }
        Ok(column_json(subject, key, json.as_str()))
    }

    /// Reads the form in memory of a column.
    ///
    /// # Errors
    /// [`Invalid`] if the text has another form. The error does not show it.
    pub(crate) fn from_column(text: &str) -> Result<Self, Invalid> {
        if !has_form_in_memory(text) {
            let rule = "it is encrypted, and the rows are read without the keys: pass those of the log to `App::builder(…).keys(…)`";
            return Err(refuse("secret", "…", rule));
        }
        serde_json::from_str(text).map_err(|error| refuse("secret", "…", error.to_string()))
    }
}
