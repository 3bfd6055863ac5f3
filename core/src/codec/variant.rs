//! Encodes one variant of an enum as its content, and decodes it.
//!
//! The stored name already identifies the event type, so the payload of `Opened { owner }` is `{"owner":…}`, and renaming the
//! Rust variant changes nothing in the log. `serde` numbers the variants; that number selects the variant to decode.

use serde::{
    Serialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, VariantAccess,
        Visitor,
    },
    ser::{self, Impossible, SerializeStruct, Serializer},
};
use serde_json::Error;

use super::exact::ExactSerializer;

/// A variant that is serialized as its content.
pub(super) struct VariantContent<'a, T> {
    event: &'a T,
    exact: bool,
}

impl<'a, T> VariantContent<'a, T> {
    /// With `exact` in the exact notation.
    pub(super) fn new(event: &'a T, exact: bool) -> Self {
        Self { event, exact }
    }
}

impl<T: Serialize> Serialize for VariantContent<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.exact {
            true => self.event.serialize(Content(ExactSerializer::new(serializer))),
            false => self.event.serialize(Content(serializer)),
        }
    }
}

pub(super) fn from_str<T: DeserializeOwned>(index: u32, data: &str) -> Result<T, Error> {
    T::deserialize(Variant { index, data })
}

const NOT_A_VARIANT: &str =
    "the event enum is not serialized as an enum; remove `#[serde(into)]`, `#[serde(from)]` and the like";

/// A serializer that accepts a variant and passes its content to the inner serializer.
struct Content<S>(S);

/// The fields of a variant, serialized as those of a struct.
struct Fields<S>(S);

impl<S: SerializeStruct> ser::SerializeStructVariant for Fields<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<V: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &V,
    ) -> Result<(), S::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

macro_rules! refused {
    ($($method:ident($($argument:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$ok, S::Error> {
            Err(ser::Error::custom(NOT_A_VARIANT))
        })*
    };
}

impl<S: Serializer> Serializer for Content<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Fields<S::SerializeStruct>;

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0.serialize_struct(variant, len).map(Fields)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self.0)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_struct(variant, 0)?.end()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(NOT_A_VARIANT))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom(NOT_A_VARIANT))
    }

    refused! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }
}

/// A deserializer of a known variant, whose content is JSON.
struct Variant<'de> {
    index: u32,
    data: &'de str,
}

impl<'de> Deserializer<'de> for Variant<'de> {
    type Error = Error;

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(de::Error::custom(NOT_A_VARIANT))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index: de::value::U32Deserializer<Error> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Error;

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        whole(self.data, |json| json.deserialize_map(visitor))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        whole(self.data, |json| seed.deserialize(json))
    }

    fn unit_variant(self) -> Result<(), Error> {
        whole(self.data, |json| json.deserialize_map(Anything))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        whole(self.data, |json| json.deserialize_seq(visitor))
    }
}

/// Deserializes one JSON text and checks that it is followed by white space only.
fn whole<'de, T>(
    data: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(data);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}

/// The content of a unit variant: an object. Its fields are ignored, because a newer version may add some.
struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
    enum Event {
        Opened {
            first_owner: String,
        },
        Closed,
        #[serde(skip)]
        #[allow(dead_code)]
        Internal,
        Wrapped(Inner),
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Inner {
        x: Option<u8>,
    }

    fn to_string<T: Serialize>(event: &T, exact: bool) -> Result<String, Error> {
        serde_json::to_string(&VariantContent::new(event, exact))
    }

    #[track_caller]
    fn both_ways(index: u32, event: Event, json: &str) {
        assert_eq!(to_string(&event, false).unwrap(), json);
        assert_eq!(to_string(&event, true).unwrap(), json);
        assert_eq!(from_str::<Event>(index, json).unwrap(), event);
    }

    #[test]
    fn payload_is_the_content_without_the_variant_name() {
        both_ways(0, Event::Opened { first_owner: "Zoë \"Z\"".into() }, r#"{"firstOwner":"Zoë \"Z\""}"#);
        both_ways(1, Event::Closed, "{}");
        both_ways(2, Event::Wrapped(Inner { x: None }), r#"{"x":null}"#);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        assert_eq!(from_str::<Event>(1, r#"{"reason":"moved"}"#).unwrap(), Event::Closed);
        assert!(from_str::<Event>(0, r#"{"firstOwner":"a","more":[1]}"#).is_ok());
    }

    #[test]
    fn payload_that_does_not_fit_is_rejected() {
        assert!(from_str::<Event>(0, "{}").unwrap_err().to_string().contains("firstOwner"));
        assert!(from_str::<Event>(0, r#"{"firstOwner":"a"} x"#).is_err());
        assert!(from_str::<Event>(9, "{}").is_err());
        assert!(from_str::<Inner>(0, "{}").unwrap_err().to_string().contains("not serialized as an enum"));
        assert!(to_string(&7, false).unwrap_err().to_string().contains("not serialized as an enum"));
    }
}
