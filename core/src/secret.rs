//! Values that can be forgotten: the personal data of a subject, inside of events, commands and states.
//!
//! | item | what it is |
//! |---|---|
//! | [`Secret`] | a value that is known or forgotten |
//! | [`SecretFields`] | the secrets of an event or a command, with their subjects |
//!
//! A secret has three forms in JSON. In memory it is `{"$secret":{"subject":"customer:7","value":…}}`. A store holds
//! `{"$sealed":"…"}`, the value encrypted with a key of its subject. Once the subject is forgotten, a program reads
//! `{"$forgotten":true}`.

#[cfg(feature = "secrets")]
mod cipher;
mod column;
mod fields;
mod form;
mod ids;
#[cfg(feature = "secrets")]
mod in_place;
#[cfg(feature = "secrets")]
mod nodes;
mod scope;
#[cfg(feature = "secrets")]
mod sealed;
mod value;

#[cfg(any(feature = "secrets", feature = "gate"))]
pub(crate) use self::form::rewrite_secrets;
#[cfg(feature = "secrets")]
pub(crate) use self::{
    cipher::{CipherKey, KEY_BYTES},
    form::{FORGOTTEN, forgotten_json},
    in_place::{InPlace, PlainSecret, plain_secrets},
    nodes::replace_nodes,
    sealed::{Sealed, contains_sealed, rewrite_sealed, sealed_keys, secret_json, with_key},
};
pub use self::{
    fields::{SecretField, SecretFields, with_subjects},
    ids::{read_secret_id, write_secret_id},
    value::Secret,
};
pub(crate) use self::{
    form::{contains_secret, has_form_in_memory, hide_secrets},
    scope::{Written, encoding, opened_count},
};

/// The beginning of a rejection in memory that may have values of secrets, and is encrypted before it is stored.
pub(crate) const REJECTION: &str = "$secret:";
/// The beginning of an encrypted rejection.
pub(crate) const SEALED_REJECTION: &str = "$sealed:";
