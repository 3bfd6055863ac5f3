//! Keys of rows.

use std::{any::type_name, hash::Hash};

use crate::{
    error::Invalid,
    id::Id,
    limits::refuse,
    record::Record,
    rows::{Field, Key},
    tag::Tag,
};

/// The key of a row: one field, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a row",
    label = "marked with `#[key]`",
    note = "a key is a text, a whole number that fits into `i64`, a UUID, a time or a boolean, an id around one of these, or a tuple of up to four of these; its type implements `Clone`, `Eq` and `Hash`"
)]
pub trait RowKey: Clone + Eq + Hash + Send + Sync + 'static {
    /// The values of the key columns, in their order.
    ///
    /// # Errors
    /// [`Invalid`] if no store can store one of them.
    fn to_key(&self) -> Result<Key, Invalid>;

    /// The tag of the events that change this row, if the key is a single id.
    ///
    /// # Errors
    /// [`Invalid`] if the id is not a valid tag.
    fn to_tag(&self) -> Result<Option<Tag>, Invalid> {
        Ok(None)
    }
}

#[diagnostic::do_not_recommend]
impl<F: Field + Clone + Eq + Hash + Send + Sync + 'static> RowKey for F {
    fn to_key(&self) -> Result<Key, Invalid> {
        Ok(vec![self.to_value()?])
    }

    fn to_tag(&self) -> Result<Option<Tag>, Invalid> {
        Field::to_tag(self)
    }
}

macro_rules! tuples {
    ($($($member:ident $number:tt),+;)+) => {
        $(#[diagnostic::do_not_recommend]
        impl<$($member: Field + Clone + Eq + Hash + Send + Sync + 'static),+> RowKey for ($($member,)+) {
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

/// Return types of the function named after `by`: one key, an `Option` of a key, or a `Vec` of keys.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not contain keys of type `{K}`",
    note = "the function after `by` returns one key of the row, an `Option` of one or a `Vec` of keys"
)]
pub trait IntoKeys<K> {
    /// Calls `visit` with each key.
    fn each_key(self, visit: &mut dyn FnMut(K));
}

impl<K> IntoKeys<K> for K {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        visit(self);
    }
}

impl<K> IntoKeys<K> for Option<K> {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        self.into_iter().for_each(visit);
    }
}

impl<K> IntoKeys<K> for Vec<K> {
    fn each_key(self, visit: &mut dyn FnMut(K)) {
        self.into_iter().for_each(visit);
    }
}

/// A row key that events are tagged with.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "the row of the event cannot be found: its key, `{Self}`, is not an id that events are tagged with",
    label = "this entry needs `by`",
    note = "name a function that returns the key of an event: `on(Event => handler by key_of)` with `fn key_of(event: &Event) -> {Self}`"
)]
pub trait FromTags: Sized {
    /// Reads the keys from the tags of a record.
    ///
    /// # Errors
    /// [`Invalid`] if a tag does not parse as the key.
    fn from_tags(record: &Record) -> Result<Vec<Self>, Invalid>;
}

#[diagnostic::do_not_recommend]
impl<I: Id> FromTags for I {
    fn from_tags(record: &Record) -> Result<Vec<I>, Invalid> {
        ids_of(record)
    }
}

/// The ids of one kind in the tags of a record: the keys of rows that are keyed by such an id.
///
/// # Errors
/// [`Invalid`] if a tag of the kind does not parse as the id.
pub fn ids_of<I: Id>(record: &Record) -> Result<Vec<I>, Invalid> {
    let ids = record.tags.iter().filter(|tag| tag.kind() == I::KIND);
    ids.map(|tag| {
        tag.value().parse().map_err(|_| {
            refuse("tag", tag.as_str(), format!("`{}` cannot be read from it", type_name::<I>()))
        })
    })
    .collect()
}
