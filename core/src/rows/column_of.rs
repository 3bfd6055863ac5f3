//! What the `Projection` derive takes from the type of a column, so that a type that cannot be a column is one error for each
//! field.

use std::marker::PhantomData;

use super::{ColumnType, Field, Value};
use crate::{error::Invalid, initial::InitialValue, limits::refuse};

/// A column of this type. The compiler prefers the items of the type itself, which exist for every [`Field`]; for another type
/// those of [`NotAColumn`] take their place without a further error: the derive also names `Field` or
/// [`RowKey`](crate::projection::RowKey), and that is the error.
#[doc(hidden)]
#[derive(Debug)]
pub struct ColumnOf<T>(PhantomData<T>);

impl<F: Field> ColumnOf<F> {
    /// As [`Field::TYPE`].
    pub const __ANNALIST_TYPE: ColumnType = F::TYPE;
    /// As [`Field::NULLABLE`].
    pub const __ANNALIST_NULLABLE: bool = F::NULLABLE;

    /// The value before the first event of the row.
    pub fn __annalist_initial() -> F
    where
        F: InitialValue,
    {
        F::initial_value()
    }

    /// As [`Field::to_value`].
    ///
    /// # Errors
    /// As there.
    pub fn __annalist_to_value(field: &F) -> Result<Value, Invalid> {
        field.to_value()
    }

    /// As [`Field::from_value`].
    ///
    /// # Errors
    /// As there.
    pub fn __annalist_from_value(value: Value) -> Result<F, Invalid> {
        F::from_value(value)
    }
}

/// Takes the place of the items of [`ColumnOf`] for a type that is no [`Field`]. Such a program does not compile.
#[doc(hidden)]
pub trait NotAColumn<T> {
    /// Any type.
    const __ANNALIST_TYPE: ColumnType = ColumnType::Bool;
    /// Not optional.
    const __ANNALIST_NULLABLE: bool = false;

    /// Cannot be called.
    fn __annalist_initial() -> T {
        unreachable!("a type that is not a `Field` does not compile")
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    fn __annalist_to_value(_: &T) -> Result<Value, Invalid> {
        Err(refuse("field", std::any::type_name::<T>(), "it cannot be stored in a column"))
    }

    /// Fails.
    ///
    /// # Errors
    /// Always.
    fn __annalist_from_value(_: Value) -> Result<T, Invalid> {
        Err(refuse("field", std::any::type_name::<T>(), "it cannot be stored in a column"))
    }

    /// Does nothing. Generated code calls it, so that it uses the trait in any case.
    fn __annalist_used() {}
}

impl<T> NotAColumn<T> for ColumnOf<T> {}
