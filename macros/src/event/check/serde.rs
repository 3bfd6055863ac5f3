//! `#[serde(…)]` keys under which a payload would not be the fields alone, or could not be read back.

use crate::{event::parse::RawSerde, shared::Errors};

/// The codec reads an enum by the number of the variant, so it must be serialized as an enum.
pub(super) fn check_enum(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["tag", "content", "untagged"]) {
        errors.at(
            key,
            "remove this: the stored name identifies the variant, and the payload is only its fields",
        );
    }
    for key in keys.find(&["from", "try_from", "into", "remote"]) {
        errors.at(
            key,
            "remove this: an event enum is written and read variant by variant; convert the type of a field instead",
        );
    }
}

pub(super) fn check_struct(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["tag"]) {
        errors
            .at(key, "remove this: the stored name identifies the event, and the payload is only its fields");
    }
}

pub(super) fn check_variant(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["skip", "skip_serializing", "skip_deserializing", "untagged", "other"]) {
        errors.at(
            key,
            "remove this, or move the variant out of the enum: every variant of an event is stored and read back by its name",
        );
    }
}

pub(super) fn check_id(keys: &RawSerde, errors: &Errors) {
    for key in keys.find(&["skip", "skip_serializing", "skip_deserializing"]) {
        errors.at(key, "an id must be stored: without it the event would be read back with another id");
    }
}
