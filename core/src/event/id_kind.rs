//! The kinds of the ids that events carry, known at compile time.

use std::any::type_name;

use crate::id::{Id, Ids};

/// A kind of id, and the Rust type that defines it.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::manual::IdKind;
///
/// let kind = IdKind::of::<AccountId>();
/// assert_eq!((kind.kind, kind.shared), ("account", false));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct IdKind {
    /// The kind.
    pub kind: &'static str,
    /// Whether the type gives its kind explicitly, so that several types may share it.
    pub shared: bool,
    /// Whether every event carries an id of this kind.
    pub(crate) always: bool,
    /// Whether the ids are personal.
    pub(crate) is_secret: bool,
    /// The name of the field; empty if it is not known.
    pub(crate) field: &'static str,
    rust: fn() -> &'static str,
}

impl IdKind {
    /// Returns the kind of the ids in an `#[id]` field of this type.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::manual::IdKind;
    ///
    /// assert_eq!(IdKind::of::<Vec<AccountId>>().kind, "account");
    /// ```
    pub const fn of<I: Ids>() -> Self {
        assert_is_declared::<I>();
        Self {
            is_secret: I::IN_SECRET,
            kind: <I::Id as Id>::KIND,
            shared: <I::Id as Id>::SHARED,
            always: I::NEVER_EMPTY,
            field: "",
            rust: type_name::<I::Id>,
        }
    }

    /// The same kind, of the ids in the field with this name.
    #[doc(hidden)]
    pub const fn of_field(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    /// Returns the name of the Rust type.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::manual::IdKind;
    ///
    /// assert!(IdKind::of::<AccountId>().rust().ends_with("::AccountId"));
    /// ```
    pub fn rust(&self) -> &'static str {
        (self.rust)()
    }
}

/// An id that is personal is in a `Secret` in an event, and no other id is.
const fn assert_is_declared<I: Ids>() {
    match (<I::Id as Id>::SECRET, I::IN_SECRET) {
        (Some(_), false) => {
            panic!("the id is personal (`#[id(secret)]`): the type of the field of an event is `Secret<…>`")
        }
        (None, true) => panic!(
            "the id is not personal: add `#[id(secret)]` to its type, or write the field without `Secret<…>`"
        ),
        _ => {}
    }
}
