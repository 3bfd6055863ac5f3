//! Whether the rows of a projection may have copies of secrets in columns that are not secret.

use super::{Projection, RowKey};
use crate::{
    daemon::RowSecrets,
    error::Invalid,
    event::Types,
    limits::refuse,
    rows::{Row, Value},
    secret::{contains_secret, opened_count},
};

/// Which secrets the rows of a projection may have. They may be copies if the handlers read them, or if the key is a personal id.
pub(super) fn secrets_of<P: Projection>() -> RowSecrets {
    let reads_them = P::EVENTS.iter().any(Types::has_secrets);
    let mut has_personal_key = false;
    for types in P::EVENTS {
        types.each(&mut |one| {
            has_personal_key |= one.ids.iter().any(|id| id.is_secret && Some(id.kind) == P::Key::TAG_KIND);
        });
    }
    match reads_them && (P::READS_SECRETS || has_personal_key) {
        true => RowSecrets::Copied,
        false if reads_them || P::TABLE.has_secrets() => RowSecrets::Encrypted,
        false => RowSecrets::None,
    }
}

/// Calls code of a projection. If it reads a secret and must not, the result is an error, whatever it is otherwise.
pub(super) fn without_reading<P: Projection, T, E>(
    call: impl FnOnce() -> Result<T, E>,
    refused: impl FnOnce(String) -> E,
) -> Result<T, E> {
    let before = opened_count();
    let result = call();
    if P::READS_SECRETS || opened_count() == before {
        return result;
    }
    let name = P::TABLE.projection;
    Err(refused(format!(
        "a handler of `{name}`, or a conversion of its events, reads the value of a secret, and the rows are not folded again when a subject is forgotten: pass the secret on to a \
         column with `#[secret(subject = …)]`, or write `#[projection(reads_secrets, …)]`"
    )))
}

/// Checks that no secret is in the JSON of a row, unless its projection reads secrets.
///
/// # Errors
/// [`Invalid`] if one is. The error does not show it.
pub(super) fn check_json<P: Projection>(row: &Row) -> Result<(), Invalid> {
    let has_secret = |value: &Value| matches!(value, Value::Json(json) if contains_secret(json.as_str()));
    let columns = P::TABLE.columns.iter().zip(row);
    match columns.into_iter().find(|(_, value)| !P::READS_SECRETS && has_secret(value)) {
        Some((column, _)) => {
            let rule = "its JSON has a secret, which would be stored in plain text: write a field of the type `Secret<…>` with `#[secret(subject = …)]`";
            Err(refuse("column", column.name, rule))
        }
        None => Ok(()),
    }
}
