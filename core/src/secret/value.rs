//! A value that is known or forgotten.

use std::{any::type_name, fmt, marker::PhantomData, ptr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{
        self, DeserializeSeed, IntoDeserializer, MapAccess, Visitor,
        value::{BorrowedStrDeserializer, MapAccessDeserializer, SeqAccessDeserializer},
    },
    ser::{Error as _, SerializeMap},
};
use uuid::Uuid;

use super::{
    form::{FORGOTTEN, SECRET},
    scope::{self, Written},
};
use crate::tag::Tag;

/// A value of a person or another subject, which is known until the subject is forgotten. A field of this type has the attribute
/// `#[secret(subject = …)]`, which names the field with the id of the subject.
///
/// ```
/// use annalist::Secret;
///
/// let email = Secret::new("ann@example.org".to_owned());
/// assert_eq!(email.known().map(String::as_str), Some("ann@example.org"));
/// assert_eq!(format!("{email:?}"), "Secret(known)"); // neither logs nor errors show the value
/// assert!(Secret::<String>::forgotten().is_forgotten());
/// ```
///
/// Only Annalist writes a secret: in events, commands and states. Any other serializer gets an error, so that no log or response
/// has the value by mistake; pass [`known`](Secret::known) instead.
#[derive(Clone)]
pub struct Secret<T>(pub(super) State<T>);

#[derive(Clone)]
pub(super) enum State<T> {
    Known {
        value: T,
        /// The event or the row from which it was read.
        source: Option<SecretSource>,
    },
    Forgotten,
}

/// What a secret was encrypted with, where it was read.
#[derive(Clone)]
pub(super) struct SecretSource {
    pub(super) subject: Tag,
    /// The id of the key. It is not known of an event that was not stored yet.
    pub(super) key: Option<Uuid>,
}

impl<T> Secret<T> {
    /// A known value.
    pub const fn new(value: T) -> Self {
        Self(State::Known { value, source: None })
    }

    /// A value that is forgotten, as a program reads it after its subject was.
    pub const fn forgotten() -> Self {
        Self(State::Forgotten)
    }

    /// Returns the value, or `None` if it is forgotten.
    pub fn known(&self) -> Option<&T> {
        scope::opened();
        match &self.0 {
            State::Known { value, .. } => Some(value),
            State::Forgotten => None,
        }
    }

    /// Returns the value, or `None` if it is forgotten.
    pub fn into_known(self) -> Option<T> {
        scope::opened();
        match self.0 {
            State::Known { value, .. } => Some(value),
            State::Forgotten => None,
        }
    }

    /// Returns `true` if the value is forgotten.
    pub const fn is_forgotten(&self) -> bool {
        matches!(self.0, State::Forgotten)
    }

    /// The address by which the subject of a secret is found while it is written.
    pub(super) fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: Default> Default for Secret<T> {
    /// A known value.
    fn default() -> Self {
        Self::new(T::default())
    }
}

/// Secrets are equal if both are known with equal values, or both are forgotten.
impl<T: PartialEq> PartialEq for Secret<T> {
    fn eq(&self, other: &Self) -> bool {
        self.known() == other.known()
    }
}

impl<T: Eq> Eq for Secret<T> {}

/// Shows whether the value is known, and not the value.
impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_forgotten() { "Secret(forgotten)" } else { "Secret(known)" })
    }
}

impl<T: Serialize> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !scope::is_encoding() {
            return Err(S::Error::custom(
                "a `Secret` is written only in events, commands and states; write `Secret::known` instead",
            ));
        }
        let mut map = serializer.serialize_map(Some(1))?;
        match &self.0 {
            State::Forgotten => map.serialize_entry(FORGOTTEN, &true)?,
            State::Known { value, source } => {
                let declared = scope::subject_at(self.address());
                let read = source.as_ref().map(|source| &source.subject);
                map.serialize_entry(SECRET, &KnownContent { declared, read, value })?;
            }
        }
        map.end()
    }
}

/// The content of the form in memory, of a secret that is written.
struct KnownContent<'a, T> {
    declared: Option<Tag>,
    /// The subject of the event from which it was read.
    read: Option<&'a Tag>,
    value: &'a T,
}

impl<T: Serialize> Serialize for KnownContent<'_, T> {
    /// The value comes first: an id that is personal is its own subject, which is known then.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let (written, id) = scope::in_secret(type_name::<T>(), || map.serialize_entry("value", self.value));
        written?;
        let subject = self.declared.as_ref().or(id.as_ref()).or(self.read);
        scope::wrote(if subject.is_some() { Written::WithSubject } else { Written::WithoutSubject });
        map.serialize_entry("subject", &subject)?;
        map.end()
    }
}

/// The content of the form in memory, of a secret that is read.
#[derive(Deserialize)]
struct Content<V> {
    subject: Option<Tag>,
    #[serde(default)]
    key: Option<Uuid>,
    value: V,
}

/// The schema of the value, which is also the form before a field was a secret.
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Secret<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// Reads the form of a secret. Any other value is a known one: an event from before its field was a secret.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The error of the deserializer could show the value.
        let read = deserializer.deserialize_any(SecretVisitor(PhantomData));
        read.map_err(|_| {
            de::Error::custom("a secret does not have the form of its type; its value is not shown")
        })
    }
}

struct SecretVisitor<T>(PhantomData<T>);

macro_rules! plain {
    ($($method:ident($value:ty);)*) => {
        $(fn $method<E: de::Error>(self, value: $value) -> Result<Secret<T>, E> {
            T::deserialize(Plain(value.into_deserializer())).map(Secret::new)
        })*
    };
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for SecretVisitor<T> {
    type Value = Secret<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Secret<T>, A::Error> {
        let first: Option<String> = map.next_key()?;
        let secret = match first.as_deref() {
            Some(SECRET) => {
                let Content { subject, key, value } = map.next_value()?;
                let source = subject.map(|subject| SecretSource { subject, key });
                Secret(State::Known { value, source })
            }
            Some(FORGOTTEN) => {
                map.next_value::<bool>()?;
                Secret::forgotten()
            }
            _ => {
                let map = WithFirst { first, map };
                return T::deserialize(Plain(MapAccessDeserializer::new(map))).map(Secret::new);
            }
        };
        match map.next_key::<de::IgnoredAny>()? {
            None => Ok(secret),
            Some(_) => Err(de::Error::custom("a secret has one field")),
        }
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, items: A) -> Result<Secret<T>, A::Error> {
        T::deserialize(Plain(SeqAccessDeserializer::new(items))).map(Secret::new)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Secret<T>, E> {
        T::deserialize(Plain(BorrowedStrDeserializer::new(text))).map(Secret::new)
    }

    fn visit_none<E: de::Error>(self) -> Result<Secret<T>, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Secret<T>, D::Error> {
        T::deserialize(deserializer).map(Secret::new)
    }

    plain! {
        visit_bool(bool);
        visit_i64(i64);
        visit_i128(i128);
        visit_u64(u64);
        visit_u128(u128);
        visit_f64(f64);
        visit_str(&str);
    }

    fn visit_unit<E: de::Error>(self) -> Result<Secret<T>, E> {
        T::deserialize(().into_deserializer()).map(Secret::new)
    }
}

/// A value that is not null: also the content of a `Some` or of a newtype, which the deserializers of values do not offer.
struct Plain<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Plain<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

/// The entries of a map whose first key was read.
struct WithFirst<A> {
    first: Option<String>,
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithFirst<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        match self.first.take() {
            Some(first) => seed.deserialize(first.into_deserializer()).map(Some),
            None => self.map.next_key_seed(seed),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{from_str, json, to_string};

    use super::*;
    use crate::secret::{SecretFields, Written, encoding, fields::SecretField, scope::with_subjects};

    #[derive(Deserialize, Debug, PartialEq)]
    struct Newtype(String);

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        New(Option<Newtype>),
        Unit,
    }

    fn subject() -> Tag {
        Tag::new("customer", "ann").unwrap()
    }

    /// Writes a value whose secrets have the same subject.
    fn encode<T: Serialize + SecretField>(value: &T) -> String {
        let mut subjects = Vec::new();
        value.each_secret(&mut |address| subjects.push((address, subject())));
        encoding(|| with_subjects(subjects, || to_string(value))).0.unwrap()
    }

    fn plain<T: for<'de> Deserialize<'de>>(json: &str) -> Option<T> {
        from_str::<Secret<T>>(json).unwrap().into_known()
    }

    #[test]
    fn secret_is_read_with_its_subject() {
        let json = encode(&Secret::new("a \"b\"".to_owned()));
        assert_eq!(json, r#"{"$secret":{"value":"a \"b\"","subject":"customer:ann"}}"#);
        let again: Secret<String> = from_str(&json).unwrap();
        assert_eq!(again.known().map(String::as_str), Some("a \"b\""));
        // Its own subject, without that of a field.
        let (own, written) = encoding(|| to_string(&again));
        assert_eq!((own.unwrap(), written), (json, Written::WithSubject));
        assert_eq!(encoding(|| to_string(&Secret::<u8>::forgotten())).0.unwrap(), r#"{"$forgotten":true}"#);
        assert!(from_str::<Secret<u8>>(r#"{"$forgotten":true}"#).unwrap().is_forgotten());
    }

    #[test]
    fn value_from_before_the_field_was_a_secret_is_known() {
        assert_eq!(plain::<String>(r#""ann""#), Some("ann".to_owned()));
        assert_eq!(plain::<String>(r#""\u0041nn""#), Some("Ann".to_owned()));
        assert_eq!(plain::<i64>("-7"), Some(-7));
        assert_eq!(plain::<f64>("1.5"), Some(1.5));
        assert_eq!(plain::<bool>("true"), Some(true));
        assert_eq!(plain::<Option<u8>>("null"), Some(None));
        assert_eq!(plain::<Option<u8>>("7"), Some(Some(7)));
        assert_eq!(plain::<Vec<u8>>("[1,2]"), Some(vec![1, 2]));
        let map = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(plain::<BTreeMap<String, u8>>(r#"{"a":1,"b":2}"#), Some(map));
        assert_eq!(plain::<serde_json::Value>(r#"{}"#), Some(json!({})));
        assert_eq!(plain::<Kind>(r#"{"new":"7"}"#), Some(Kind::New(Some(Newtype("7".into())))));
        assert_eq!(plain::<Option<Newtype>>(r#""a""#), Some(Some(Newtype("a".into()))));
        assert_eq!(plain::<Kind>(r#""unit""#), Some(Kind::Unit));
    }

    #[test]
    fn types_are_read_back_exactly() {
        fn both_ways<T: Serialize + for<'de> Deserialize<'de> + PartialEq + Clone>(value: T) {
            let json = encode(&Secret::new(value.clone()));
            assert!(from_str::<Secret<T>>(&json).unwrap().known() == Some(&value), "{json}");
        }
        both_ways(u128::MAX);
        both_ways(i64::MIN);
        both_ways(0.1 + 0.2);
        both_ways(Some(vec![(1, "x".to_owned())]));
        both_ways(json!({ "$secret": { "a": [1, null] } }));
        both_ways(None::<u8>);
    }

    #[test]
    fn neither_debug_nor_errors_nor_other_serializers_show_the_value() {
        let secret = Secret::new("ann@example.org".to_owned());
        assert_eq!(format!("{secret:?}"), "Secret(known)");
        let error = to_string(&secret).unwrap_err().to_string();
        assert!(error.contains("`Secret::known`") && !error.contains("example"), "{error}");
        let error = from_str::<Secret<u8>>(r#""ann@example.org""#).unwrap_err().to_string();
        assert!(!error.contains("example"), "{error}");
        let json = r#"{"$secret":{"subject":"customer:ann","value":"ann@example.org"}}"#;
        let error = from_str::<Secret<u8>>(json).unwrap_err().to_string();
        assert!(!error.contains("example"), "{error}");
    }

    #[test]
    fn second_field_beside_the_form_is_refused() {
        from_str::<Secret<u8>>(r#"{"$forgotten":true,"x":1}"#).unwrap_err();
        from_str::<Secret<u8>>(r#"{"$secret":{"subject":null,"value":1},"x":1}"#).unwrap_err();
    }

    #[test]
    fn secret_without_a_subject_is_noticed() {
        let (json, written) = encoding(|| to_string(&(Secret::new(1), 2)));
        assert_eq!(json.unwrap(), r#"[{"$secret":{"value":1,"subject":null}},2]"#);
        assert_eq!(written, Written::WithoutSubject);
        assert_eq!(encoding(|| to_string(&1)).1, Written::Nothing);
        assert_eq!(encoding(|| encoding(|| to_string(&Secret::new(1))).1).1, Written::WithoutSubject);
    }

    #[test]
    fn subjects_end_with_the_value_even_after_a_panic() {
        let secret = Secret::new(1);
        let panics = || {
            let mut fields = SecretFields::default();
            fields.add_tag(&secret, &subject());
            encoding(|| crate::secret::with_subjects(&mut fields, || panic!("no")))
        };
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).unwrap_err();
        to_string(&secret).unwrap_err();
        assert_eq!(encoding(|| to_string(&secret)).1, Written::WithoutSubject);
    }
}
