//! Tags: the ids that an event carries, in the form in which the log stores them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    error::Invalid,
    id::Id,
    limits::{MAX_TAG, check_text, is_kind, refuse},
};

/// An id that an event carries, as `kind:value`: `account:0192…`. The first colon separates the two parts.
///
/// ```
/// # use annalist_doc_tests::*;
/// use annalist::Tag;
///
/// let tag = Tag::of(&id("ann"))?;
/// assert_eq!(tag.as_str(), "account:ann");
/// assert_eq!((tag.kind(), tag.value()), ("account", "ann"));
/// assert!(Tag::parse("no colon").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(Arc<str>);

impl Tag {
    /// Creates the tag of an id.
    ///
    /// ```
    /// # use annalist_doc_tests::*;
    /// use annalist::Tag;
    ///
    /// assert_eq!(Tag::of(&id("ann"))?.as_str(), "account:ann");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if the id's kind is not `[a-z][a-z0-9_]*`, or the tag is longer than 512 bytes or contains NUL.
    pub fn of<I: Id>(id: &I) -> Result<Self, Invalid> {
        Self::new(I::KIND, id)
    }

    /// Creates the tag with this kind and value.
    ///
    /// ```
    /// use annalist::Tag;
    ///
    /// assert_eq!(Tag::new("order", 7)?.as_str(), "order:7");
    /// assert!(Tag::new("Order", 7).is_err());
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Tag::of`].
    pub fn new(kind: &str, value: impl fmt::Display) -> Result<Self, Invalid> {
        Self::parse(format!("{kind}:{value}"))
    }

    /// Parses a tag from its stored form.
    ///
    /// ```
    /// use annalist::Tag;
    ///
    /// let tag = Tag::parse("url:https://example.org")?;
    /// assert_eq!((tag.kind(), tag.value()), ("url", "https://example.org"));
    /// # Ok::<(), annalist::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Invalid`] if the text before the first colon is not a kind, or the tag is longer than 512 bytes or contains NUL.
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, Invalid> {
        let text = text.into();
        check_text("tag", &text, MAX_TAG)?;
        match text.split_once(':') {
            Some((kind, _)) if is_kind(kind) => Ok(Self(text)),
            _ => Err(refuse(
                "tag",
                &text,
                "it must be `kind:value`; the kind must match `[a-z][a-z0-9_]*` and have at most 64 bytes",
            )),
        }
    }

    /// Returns the part before the first colon.
    ///
    /// ```
    /// use annalist::Tag;
    ///
    /// assert_eq!(Tag::new("account", "ann")?.kind(), "account");
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn kind(&self) -> &str {
        self.parts().0
    }

    /// Returns the part after the first colon.
    ///
    /// ```
    /// use annalist::Tag;
    ///
    /// assert_eq!(Tag::new("account", "ann")?.value(), "ann");
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn value(&self) -> &str {
        self.parts().1
    }

    /// Returns the whole tag.
    ///
    /// ```
    /// use annalist::Tag;
    ///
    /// assert_eq!(Tag::new("account", "ann")?.as_str(), "account:ann");
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(':').unwrap_or((&self.0, ""))
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Tag {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(text)
    }
}

impl From<Tag> for String {
    fn from(tag: Tag) -> Self {
        tag.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tag_is_split_at_the_first_colon() {
        let tag = Tag::new("product", "a:b").unwrap();
        assert_eq!((tag.kind(), tag.value()), ("product", "a:b"));
        assert_eq!(Tag::parse("product:").unwrap().value(), "");
    }

    #[test]
    fn tag_that_a_store_cannot_hold_is_rejected() {
        assert!(Tag::parse("noColon").is_err());
        assert!(Tag::new("Product", 1).is_err());
        assert!(Tag::new("product", "a\0").is_err());
        assert!(Tag::new("p", "x".repeat(510)).is_ok());
        assert!(matches!(
            Tag::new("p", "x".repeat(511)),
            Err(Invalid::TooLarge { size: 513, limit: 512, .. })
        ));
    }
}
