//! The JSON Schemas of types that implement `JsonSchema`.

use std::marker::PhantomData;

use serde_json::Value;

use crate::context::Context;

/// Makes the JSON Schema of a type.
#[doc(hidden)]
pub type MakeSchema = fn() -> Value;

/// Returns the names of the variants of an enum by their numbers.
#[doc(hidden)]
pub type VariantNames = fn() -> &'static [&'static str];

/// Finds the JSON Schema of a type where the type is written out, without a bound. The compiler prefers the members of the type itself,
/// which exist for types that implement `JsonSchema`; all other types take those of [`NoSchema`].
#[doc(hidden)]
#[derive(Debug)]
pub struct SchemaOf<T: ?Sized>(PhantomData<T>);

/// The members of [`SchemaOf`] for types without a JSON Schema.
#[doc(hidden)]
pub trait NoSchema {
    /// Makes the JSON Schema.
    const __ANNALIST_SCHEMA: Option<MakeSchema> = None;
    /// Returns the names of the variants.
    const __ANNALIST_VARIANTS: Option<VariantNames> = None;

    /// As the constant, for an inferred type.
    fn __annalist_schema(&self) -> Option<MakeSchema> {
        None
    }
}

impl<T: ?Sized> NoSchema for SchemaOf<T> {}

/// A function of `upcast`, for the type that it takes. A function with other arguments has a type without a JSON Schema here: where it
/// is called, it is an error.
#[doc(hidden)]
#[derive(Debug)]
pub struct StepFunction<F>(pub F);

/// The type that a function takes.
#[doc(hidden)]
pub trait StepInput<Old, R>: Sized {
    /// The type.
    fn __annalist_input(self) -> SchemaOf<Old> {
        SchemaOf(PhantomData)
    }
}

impl<F: FnOnce(Old) -> R, Old, R> StepInput<Old, R> for StepFunction<F> {}

/// The type that a function takes in addition to the [`Context`].
#[doc(hidden)]
pub trait StepInputInContext<Old, R>: Sized {
    /// The type.
    fn __annalist_input_in_context(self) -> SchemaOf<Old> {
        SchemaOf(PhantomData)
    }
}

impl<F: for<'c> FnOnce(Old, &'c Context<'c>) -> R, Old, R> StepInputInContext<Old, R> for StepFunction<F> {}

/// Takes the place of [`StepInput`] for functions with other arguments.
#[doc(hidden)]
pub trait OtherStep {
    /// No known type.
    fn __annalist_input(&self) -> SchemaOf<Undescribed> {
        SchemaOf(PhantomData)
    }

    /// No known type.
    fn __annalist_input_in_context(&self) -> SchemaOf<Undescribed> {
        SchemaOf(PhantomData)
    }
}

impl<F> OtherStep for StepFunction<F> {}

/// A type without a JSON Schema.
#[doc(hidden)]
#[derive(Debug)]
pub enum Undescribed {}

#[cfg(feature = "schema")]
mod described {
    use schemars::{JsonSchema, generate::SchemaSettings};
    use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor, value::Error};
    use serde_json::Value;

    use super::{MakeSchema, SchemaOf, VariantNames};

    impl<T: JsonSchema> SchemaOf<T> {
        /// Makes the JSON Schema.
        pub const __ANNALIST_SCHEMA: Option<MakeSchema> = Some(schema::<T>);

        /// As the constant, for an inferred type.
        pub fn __annalist_schema(&self) -> Option<MakeSchema> {
            Self::__ANNALIST_SCHEMA
        }
    }

    impl<T: DeserializeOwned> SchemaOf<T> {
        /// Returns the names of the variants.
        pub const __ANNALIST_VARIANTS: Option<VariantNames> = Some(variants::<T>);
    }

    /// The JSON Schema of what `Deserialize` accepts.
    fn schema<T: JsonSchema>() -> Value {
        SchemaSettings::draft2020_12()
            .for_deserialize()
            .into_generator()
            .into_root_schema_for::<T>()
            .to_value()
    }

    /// The names of the variants of an enum in the order of their numbers; none of another type.
    fn variants<E: DeserializeOwned>() -> &'static [&'static str] {
        let mut names: &'static [&'static str] = &[];
        // The deserializer refuses everything once it has the names.
        let _ = E::deserialize(Names(&mut names));
        names
    }

    /// A deserializer that notes the names of the variants for which it is asked.
    struct Names<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = Error;

        fn deserialize_enum<V: Visitor<'de>>(
            self,
            _: &'static str,
            variants: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            *self.0 = variants;
            Err(Error::custom("the names of the variants are known"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("it is no enum"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct identifier ignored_any
        }
    }
}
