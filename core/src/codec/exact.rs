//! An exact notation of values. JSON writes `None`, `Some(None)`, `()`, NaN and the infinities alike, as `null`; here they differ.
//! It is compared and hashed, never read.

use serde::{
    Serialize, Serializer,
    ser::{
        SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

/// A value in the exact notation.
pub(super) struct Exact<'a, T: ?Sized> {
    value: &'a T,
    /// Whether fields that `skip_serializing_if` leaves out are written too, as the mark of a field without its value.
    with_skipped: bool,
}

impl<'a, T: ?Sized> Exact<'a, T> {
    pub(super) fn new(value: &'a T) -> Self {
        Self { value, with_skipped: false }
    }

    pub(super) fn with_skipped(value: &'a T) -> Self {
        Self { value, with_skipped: true }
    }
}

impl<T: Serialize + ?Sized> Serialize for Exact<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(ExactSerializer { inner: serializer, somes: 0, with_skipped: self.with_skipped })
    }
}

/// A serializer that writes marks for what JSON writes as `null`.
pub(super) struct ExactSerializer<S> {
    inner: S,
    /// How many `Some` are directly around the value.
    somes: u32,
    with_skipped: bool,
}

impl<S> ExactSerializer<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, somes: 0, with_skipped: false }
    }
}

/// The mark of a value that JSON writes as `null`. A text of a user that equals it is compared with another text.
fn mark(what: &str, somes: u32) -> String {
    format!("\0{what} in {somes} Some")
}

macro_rules! unchanged {
    ($($method:ident($argument:ty);)*) => {
        $(fn $method(self, value: $argument) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

macro_rules! floats {
    ($($method:ident($float:ty);)*) => {
        $(fn $method(self, value: $float) -> Result<S::Ok, S::Error> {
            if value.is_finite() { self.inner.$method(value) } else { self.inner.serialize_str(&mark(&value.to_string(), 0)) }
        })*
    };
}

impl<S: Serializer> Serializer for ExactSerializer<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = ExactParts<S::SerializeSeq>;
    type SerializeTuple = ExactParts<S::SerializeTuple>;
    type SerializeTupleStruct = ExactParts<S::SerializeTupleStruct>;
    type SerializeTupleVariant = ExactParts<S::SerializeTupleVariant>;
    type SerializeMap = ExactParts<S::SerializeMap>;
    type SerializeStruct = ExactParts<S::SerializeStruct>;
    type SerializeStructVariant = ExactParts<S::SerializeStructVariant>;

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        match self.somes {
            0 => self.inner.serialize_none(),
            somes => self.inner.serialize_str(&mark("None", somes)),
        }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(Self { somes: self.somes + 1, ..self })
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_str(&mark("()", self.somes))
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<S::Ok, S::Error> {
        self.serialize_unit()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let value = Exact { value, with_skipped: self.with_skipped };
        self.inner.serialize_newtype_variant(name, index, variant, &value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(ExactParts { inner: self.inner.serialize_seq(len)?, with_skipped: self.with_skipped })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(ExactParts { inner: self.inner.serialize_tuple(len)?, with_skipped: self.with_skipped })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(ExactParts {
            inner: self.inner.serialize_tuple_struct(name, len)?,
            with_skipped: self.with_skipped,
        })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.inner.serialize_tuple_variant(name, index, variant, len)?;
        Ok(ExactParts { inner, with_skipped: self.with_skipped })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(ExactParts { inner: self.inner.serialize_map(len)?, with_skipped: self.with_skipped })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(ExactParts { inner: self.inner.serialize_struct(name, len)?, with_skipped: self.with_skipped })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.inner.serialize_struct_variant(name, index, variant, len)?;
        Ok(ExactParts { inner, with_skipped: self.with_skipped })
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    unchanged! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    floats! {
        serialize_f32(f32);
        serialize_f64(f64);
    }
}

/// The parts of a composite value.
pub(super) struct ExactParts<P> {
    inner: P,
    with_skipped: bool,
}

macro_rules! items {
    ($($part:ident::$method:ident;)*) => {
        $(impl<P: $part> $part for ExactParts<P> {
            type Ok = P::Ok;
            type Error = P::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), P::Error> {
                self.inner.$method(&Exact { value, with_skipped: self.with_skipped })
            }

            fn end(self) -> Result<P::Ok, P::Error> {
                self.inner.end()
            }
        })*
    };
}

items! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

macro_rules! fields {
    ($($part:ident;)*) => {
        $(impl<P: $part> $part for ExactParts<P> {
            type Ok = P::Ok;
            type Error = P::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), P::Error> {
                self.inner.serialize_field(key, &Exact { value, with_skipped: self.with_skipped })
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), P::Error> {
                if self.with_skipped {
                    self.inner.serialize_field(key, &mark("skipped", 0))
                } else {
                    self.inner.skip_field(key)
                }
            }

            fn end(self) -> Result<P::Ok, P::Error> {
                self.inner.end()
            }
        })*
    };
}

fields! {
    SerializeStruct;
    SerializeStructVariant;
}

impl<P: SerializeMap> SerializeMap for ExactParts<P> {
    type Ok = P::Ok;
    type Error = P::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), P::Error> {
        self.inner.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), P::Error> {
        self.inner.serialize_value(&Exact { value, with_skipped: self.with_skipped })
    }

    fn end(self) -> Result<P::Ok, P::Error> {
        self.inner.end()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn exact<T: Serialize>(value: T) -> String {
        serde_json::to_string(&Exact::new(&value)).unwrap()
    }

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Newtype<T>(T);

    #[derive(Serialize)]
    struct Fields {
        plain: Vec<Option<f64>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
    }

    #[derive(Serialize)]
    enum Variant {
        Unit,
        Newtype(Option<()>),
        Tuple(u8, Option<f32>),
        Struct { inner: Option<Option<u8>> },
    }

    /// Each of these is `null` in JSON.
    #[test]
    fn values_that_json_writes_as_null_differ() {
        let mut notations = vec![
            exact(None::<u8>),
            exact(()),
            exact(Some(())),
            exact(Some(None::<u8>)),
            exact(Some(Some(None::<u8>))),
            exact(Some(f64::NAN)),
            exact(f32::INFINITY),
            exact(f64::NEG_INFINITY),
        ];
        assert_eq!(exact(Some(Newtype(None::<u8>))), exact(Some(None::<u8>)));
        assert_eq!(exact(Some(Unit)), exact(Some(())));
        let count = notations.len();
        notations.sort();
        notations.dedup();
        assert_eq!(notations.len(), count, "{notations:?}");
    }

    #[test]
    fn other_values_are_written_as_json() {
        let fields = Fields { plain: vec![None, Some(-0.0), Some(1e300)], left_out: None };
        let map = BTreeMap::from([(7, ("é\"", 'c', i128::MIN)), (8, ("", '\0', 0))]);
        let variants = [Variant::Unit, Variant::Newtype(None), Variant::Tuple(1, None)];
        let values = (&fields, map, variants, Variant::Struct { inner: None }, [1u8; 3]);
        assert_eq!(exact(&values), serde_json::to_string(&values).unwrap());
    }

    #[test]
    fn marks_are_written_inside_of_every_composite_value() {
        let nan = Some(f32::NAN);
        let plain = |value: &str| value.matches("NaN").count();
        assert_eq!(plain(&exact((vec![nan], [nan], Newtype(nan), BTreeMap::from([(1, nan)])))), 4);
        assert_eq!(plain(&exact(Variant::Tuple(1, nan))), 1);
        assert!(exact(Variant::Newtype(Some(()))).contains("()"));
        assert!(exact(Variant::Struct { inner: Some(None) }).contains("None"));
    }

    #[test]
    fn skipped_fields_are_marked_on_request() {
        let fields = Fields { plain: Vec::new(), left_out: None };
        assert_eq!(exact(&fields), r#"{"plain":[]}"#);
        let marked = serde_json::to_string(&Exact::with_skipped(&(fields,))).unwrap();
        assert!(marked.contains("left_out") && marked.contains("skipped"), "{marked}");
    }
}
