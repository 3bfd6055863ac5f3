//! `#[serde(…)]` keys under which a payload would not be the fields alone, or could not be read back.

use crate::{event::parse::RawSerde, shared::Errors};

/// An enum has to look like one to the codec, which reads it by the variant's number.
pub(super) fn check_enum(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["tag", "content", "untagged"]) {
        errors.at(
            key,
            "remove this: the stored name says which variant it is, and the payload is the variant's fields alone",
        );
    }
    for key in keys.find(&["from", "try_from", "into", "remote"]) {
        errors.at(
            key,
            "an event enum is written and read variant by variant: put the conversion on the type of a field",
        );
    }
}

pub(super) fn check_struct(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["tag"]) {
        errors.at(
            key,
            "remove this: the stored name says which event it is, and the payload is the struct's fields alone",
        );
    }
}

pub(super) fn check_variant(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["skip", "skip_serializing", "skip_deserializing", "untagged", "other"]) {
        errors.at(
            key,
            "every variant of an event is stored and read back by its name: remove this, or move the variant out of the enum",
        );
    }
}

pub(super) fn check_id(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["skip", "skip_serializing", "skip_deserializing"]) {
        errors.at(key, "an id has to be stored: an event that is read back would carry another one");
    }
}
