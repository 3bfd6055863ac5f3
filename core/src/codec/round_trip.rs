//! Checks before a value is stored that it can be read back.

use serde::{Serialize, de::DeserializeOwned};

use super::Codec;
use crate::{error::Invalid, limits::shorten, payload::Payload, secret::hide_secrets};

/// Encodes a value, and decodes it again. `what` names it in errors.
///
/// # Errors
/// [`Invalid::Encode`] if its `Serialize` fails; [`Invalid::NotReadable`] if its `Deserialize` fails or results in another value.
pub(crate) fn encode_readable<T: Serialize + DeserializeOwned>(
    what: &str,
    value: &T,
) -> Result<Payload, Invalid> {
    let json = Payload::encode(what, value)?;
    let again: T =
        serde_json::from_str(json.as_str()).map_err(|error| not_readable(what, &json, &error.to_string()))?;
    check_equal(what, &json, |codec| codec.encode(what, value), |codec| codec.encode(what, &again))?;
    Ok(json)
}

/// Checks that a value and what was decoded from its JSON are equal, as far as `Serialize` shows: each is encoded by the codec
/// that is passed.
///
/// # Errors
/// [`Invalid::NotReadable`] if they are not.
pub(crate) fn check_equal(
    what: &str,
    json: &Payload,
    value: impl FnOnce(&Codec) -> Result<Payload, Invalid>,
    again: impl Fn(&Codec) -> Result<Payload, Invalid>,
) -> Result<(), Invalid> {
    // Without a `null` the JSON itself is exact.
    let is_equal = match json.as_str().contains("null") {
        false => again(&Codec::default())?.is_equivalent(json),
        true => again(&Codec::exact())?.is_equivalent(&value(&Codec::exact())?),
    };
    if is_equal {
        return Ok(());
    }
    let again = again(&Codec::default())?;
    if again.is_equivalent(json) {
        let null = "`None` for NaN, an infinity or a `Some` of nothing: all are `null` in JSON";
        return Err(not_readable(what, json, null));
    }
    Err(not_readable(what, json, &format!("a value that is written as {}", hide_secrets(again.as_str()))))
}

/// The error for a value that is read back as another one, or not at all.
pub(crate) fn not_readable(what: &str, json: &Payload, result: &str) -> Invalid {
    let data = shorten(&hide_secrets(json.as_str()));
    Invalid::NotReadable { name: what.to_owned(), data, reason: shorten(result) }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde::Deserialize;

    use super::*;

    #[track_caller]
    fn assert_refused<T: Serialize + DeserializeOwned>(value: T, reason: &str) {
        let error = encode_readable("thing", &value).unwrap_err().to_string();
        assert!(error.contains("`thing` cannot be read back") && error.contains(reason), "{error}");
    }

    #[track_caller]
    fn assert_accepted<T: Serialize + DeserializeOwned>(value: T) {
        encode_readable("thing", &value).unwrap();
    }

    #[derive(Serialize, Deserialize)]
    struct Unit;

    #[derive(Serialize, Deserialize)]
    struct Price(f64);

    #[derive(Serialize, Deserialize)]
    enum Change {
        Price { new: Option<f64> },
        Name(Option<Option<String>>),
    }

    #[test]
    fn value_that_json_turns_into_none_is_refused() {
        const NULL: &str = "`None` for NaN, an infinity or a `Some` of nothing";
        assert_refused(Some(f64::NAN), NULL);
        assert_refused(Some(f32::NEG_INFINITY), NULL);
        assert_refused(Some(()), NULL);
        assert_refused(Some(Unit), NULL);
        assert_refused(Some(None::<u8>), NULL);
        assert_refused(Some(Some(None::<u8>)), NULL);
        assert_refused(Some(Price(f64::NAN)), NULL);
        assert_refused(vec![Some(1.0), None, Some(f64::NAN)], NULL);
        assert_refused(HashMap::from([(1, Some(serde_json::Value::Null))]), NULL);
        assert_refused((Change::Price { new: Some(f64::NAN) }, 1), NULL);
        assert_refused(Change::Name(Some(None)), NULL);
        assert_refused(vec![f64::NAN], "invalid type: null");
    }

    #[test]
    fn other_values_are_accepted() {
        assert_accepted((None::<f64>, (), Unit, Some(1.5), "null".to_owned()));
        assert_accepted((Change::Price { new: None }, Change::Name(Some(Some("null".into())))));
        assert_accepted(serde_json::json!({ "a": null, "b": [null, 1.5] }));
        assert_accepted((0..200).map(|number| (number, None::<u8>)).collect::<HashMap<_, _>>());
        assert_accepted((0..200).collect::<HashSet<_>>());
    }

    /// A type whose `Deserialize` distinguishes a missing field from one that is `null`.
    #[derive(Serialize, Deserialize)]
    struct Patch {
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "given")]
        name: Option<Option<String>>,
        #[serde(deserialize_with = "nan")]
        price: f64,
    }

    fn given<'de, D: serde::Deserializer<'de>>(given: D) -> Result<Option<Option<String>>, D::Error> {
        Deserialize::deserialize(given).map(Some)
    }

    fn nan<'de, D: serde::Deserializer<'de>>(number: D) -> Result<f64, D::Error> {
        Option::<f64>::deserialize(number).map(|number| number.unwrap_or(f64::NAN))
    }

    #[test]
    fn null_that_is_read_as_it_was_meant_is_accepted() {
        for name in [None, Some(None), Some(Some("a".to_owned()))] {
            assert_accepted(Patch { name, price: f64::NAN });
        }
        assert_refused(Patch { name: None, price: f64::INFINITY }, "`None` for NaN, an infinity");
    }

    /// A type that reads less than it writes.
    #[derive(Serialize, Deserialize)]
    struct Renamed {
        #[serde(default, rename(serialize = "new", deserialize = "old"))]
        number: u8,
    }

    #[test]
    fn value_that_is_read_as_another_one_is_refused() {
        assert_accepted(Renamed { number: 0 });
        assert_refused(Renamed { number: 7 }, r#"a value that is written as {"new":0}"#);
    }
}
