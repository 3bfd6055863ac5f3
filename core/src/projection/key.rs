//! Keys of rows.

use std::{
    any::type_name,
    hash::{Hash, Hasher},
};

use super::Projection;
use crate::{
    error::Invalid,
    id::Id,
    limits::refuse,
    record::Record,
    rows::{Field, Key, Value},
    tag::Tag,
};

/// The key of a row: one field, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a row",
    label = "marked with `#[key]`",
    note = "a key is a text, a whole number that fits into `i64`, a UUID, a time or a boolean, an id around one of these, or a tuple of up to four of these; its type implements `Clone`, `Eq` and `Hash`",
    note = "an enum without fields or another newtype becomes a key with `#[derive(Field, Clone, PartialEq, Eq, Hash)]`, any other type with `impl Field for …`"
)]
pub trait RowKey: Clone + Eq + Hash + Send + Sync + 'static {
    /// The kind of the tag of the events that change the row, if the key is a single id.
    const TAG_KIND: Option<&'static str> = None;

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
    const TAG_KIND: Option<&'static str> = <F as Field>::TAG_KIND;

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

/// The key of a row as a store compares it. It alone decides which row an event changes: keys whose `Eq` takes them for equal, such as
/// texts in upper and lower case, are keys of two rows if they are stored differently.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey(Key);

impl StoredKey {
    /// The stored form of a key.
    ///
    /// # Errors
    /// [`Invalid`] if no store can store it.
    pub(crate) fn of<K: RowKey>(key: &K) -> Result<Self, Invalid> {
        key.to_key().map(Self)
    }

    pub(crate) fn values(&self) -> &Key {
        &self.0
    }
}

impl PartialEq for StoredKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().zip(&other.0).all(|(one, other)| one.order(other).is_eq())
    }
}

impl Eq for StoredKey {}

impl Hash for StoredKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for value in &self.0 {
            match value {
                Value::Null => state.write_u8(0),
                Value::Bool(value) => value.hash(state),
                Value::Int(number) => number.hash(state),
                // Both zeros are equal.
                Value::Float(number) => (number + 0.0).to_bits().hash(state),
                Value::Text(text) => text.hash(state),
                Value::Uuid(id) => id.hash(state),
                Value::Time(time) => time.as_micros().hash(state),
                Value::Json(json) => json.hash(state),
                Value::Date(day) => day.hash(state),
                Value::TimeOfDay(time) => time.hash(state),
                Value::Decimal(number) => number.hash(state),
            }
        }
    }
}

/// A key with its stored form.
#[derive(Clone, Debug)]
pub(super) struct PlannedKey<K> {
    pub(super) key: K,
    pub(super) stored: StoredKey,
}

impl<K: RowKey> PlannedKey<K> {
    pub(super) fn new(key: K) -> Result<Self, Invalid> {
        Ok(Self { stored: StoredKey::of(&key)?, key })
    }
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

/// Returns `true` if an `on` entry without `by` has an event type that may carry the key of the row. If not, no event would
/// ever reach the entry.
#[doc(hidden)]
pub const fn entry_reaches_row<P: Projection>(entry: usize) -> bool {
    match P::Key::TAG_KIND {
        Some(kind) => P::EVENTS[entry].carries(kind),
        None => true,
    }
}

/// Returns `true` if an `on` entry of a projection whose entries have no `by` has an event type that may carry the key of the
/// row. If not, the projection would stay empty.
#[doc(hidden)]
pub const fn reaches_row<P: Projection>() -> bool {
    let mut entry = 0;
    while entry < P::EVENTS.len() {
        if entry_reaches_row::<P>(entry) {
            return true;
        }
        entry += 1;
    }
    false
}

/// The ids of one kind in the tags of a record: the keys of rows that are keyed by such an id.
///
/// # Errors
/// [`Invalid`] if a tag of the kind does not parse as the id.
pub fn ids_of<I: Id>(record: &Record) -> Result<Vec<I>, Invalid> {
    // Of an id that is forgotten, the log has a text that is no id.
    let is_known = |tag: &&Tag| I::SECRET.is_none() || tag.is_secret();
    let ids = record.tags.iter().filter(|tag| tag.kind() == I::KIND).filter(is_known);
    ids.map(|tag| {
        tag.value().parse().map_err(|_| {
            refuse("tag", &tag.to_string(), format!("`{}` cannot be read from it", type_name::<I>()))
        })
    })
    .collect()
}
