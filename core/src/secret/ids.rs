//! Ids that are personal: `#[id(secret)]`.

use std::{any::type_name, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::Error as _,
    ser::{Error as _, SerializeMap},
};

use super::{
    Secret,
    form::SECRET,
    scope::{self, Written},
};
use crate::{
    id::{Id, Ids, StateSource},
    tag::Tag,
};

/// An id that may be forgotten. A forgotten one is none: it has no tag, and a decision gets no state for it.
impl<I: Id> Ids for Secret<I> {
    type Id = I;
    type States<A> = Option<Arc<A>>;
    const IN_SECRET: bool = true;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.known().into_iter().for_each(visit);
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Option<Arc<A>>, S::Error> {
        self.known().map(|id| states.shared(id)).transpose()
    }
}

impl<I: Id> Ids for Option<Secret<I>> {
    type Id = I;
    type States<A> = Option<Arc<A>>;
    const IN_SECRET: bool = true;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(|id| id.each(visit));
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Option<Arc<A>>, S::Error> {
        self.as_ref().map_or(Ok(None), |id| id.load(states))
    }
}

impl<I: Id> Ids for Vec<Secret<I>> {
    type Id = I;
    type States<A> = Vec<Arc<A>>;
    const IN_SECRET: bool = true;

    fn each(&self, visit: &mut dyn FnMut(&I)) {
        self.iter().for_each(|id| id.each(visit));
    }

    fn load<A, S: StateSource<I, A>>(&self, states: &mut S) -> Result<Vec<Arc<A>>, S::Error> {
        let known: Vec<I> = self.iter().filter_map(Secret::known).cloned().collect();
        known.load(states)
    }
}

/// `Serialize` of an id that is personal, which wraps this value. Outside of a [`Secret`] it is written as one.
///
/// # Errors
/// That of the serializer; an error if Annalist does not write the value.
#[doc(hidden)]
pub fn write_secret_id<I: Id, T: Serialize, S: Serializer>(
    id: &I,
    inner: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if !scope::is_encoding() {
        let kind = I::KIND;
        return Err(S::Error::custom(format_args!(
            "an id of the kind `{kind}` is personal, and is written only in events, commands and states; write its `to_string()` instead"
        )));
    }
    let tag = Tag::of(id).map_err(S::Error::custom)?;
    if scope::is_in_secret() {
        let written = inner.serialize(serializer);
        scope::wrote_id(type_name::<I>(), tag);
        return written;
    }
    scope::wrote(Written::IdOutsideOfSecret);
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(SECRET, &Content { subject: tag.as_str(), value: inner })?;
    map.end()
}

#[derive(Serialize)]
struct Content<'a, T> {
    subject: &'a str,
    value: &'a T,
}

/// `Deserialize` of an id that is personal, which wraps this value.
///
/// # Errors
/// That of the deserializer, without the value; an error if the id is forgotten.
#[doc(hidden)]
pub fn read_secret_id<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let secret = Secret::deserialize(deserializer)?;
    secret.into_known().ok_or_else(|| {
        D::Error::custom(
            "the id is forgotten, and the type of the field has no place for that: write `Secret<…>`",
        )
    })
}
