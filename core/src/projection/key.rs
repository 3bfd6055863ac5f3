//! Keys of rows.

use std::hash::Hash;

use crate::{
    error::Invalid,
    rows::{Field, Key},
};

/// The key of a row: one field, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a row",
    note = "a key is an id, a text, a whole number, a UUID, a time or a boolean, or several of them"
)]
pub trait RowKey: Clone + Eq + Hash + Send + Sync + 'static {
    /// Its values, in the order of the key columns.
    ///
    /// # Errors
    /// [`Invalid`] if no store can keep one of them.
    fn to_key(&self) -> Result<Key, Invalid>;
}

impl<F: Field + Clone + Eq + Hash + Send + Sync + 'static> RowKey for F {
    fn to_key(&self) -> Result<Key, Invalid> {
        Ok(vec![self.to_value()?])
    }
}

macro_rules! tuples {
    ($($($member:ident $number:tt),+;)+) => {
        $(impl<$($member: Field + Clone + Eq + Hash + Send + Sync + 'static),+> RowKey for ($($member,)+) {
            fn to_key(&self) -> Result<Key, Invalid> {
                Ok(vec![$(self.$number.to_value()?),+])
            }
        })+
    };
}

tuples! {
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
}

/// What a function behind `by` may return: one key, an `Option` of one, or a `Vec` of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the key of the row, which is `{K}`",
    note = "the function behind `by` returns one key, an `Option` of one or a `Vec` of them"
)]
pub trait IntoKeys<K> {
    /// Calls `visit` with each key.
    fn each_key(self, visit: &mut dyn FnMut(K));
}

impl<K: RowKey> IntoKeys<K> for K {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        visit(self);
    }
}

impl<K: RowKey> IntoKeys<K> for Option<K> {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        self.into_iter().for_each(visit);
    }
}

impl<K: RowKey> IntoKeys<K> for Vec<K> {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        self.into_iter().for_each(visit);
    }
}
