//! Tags: the ids that an event carries, in the form in which the log stores them.

use std::{
    cmp::Ordering,
    fmt::{self, Write},
    hash::{Hash, Hasher},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::Invalid,
    id::Id,
    limits::{MAX_TAG, check_text, is_kind, refuse},
};

/// What takes the place of an id that is personal in messages.
const HIDDEN: &str = "…";

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
///
/// The tag of an id that is personal (`#[id(secret)]`) has the id in [`as_str`](Tag::as_str) alone. `Display` and `Debug` do not show it, and
/// the log has another text in its place.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag {
    text: Arc<str>,
    form: Form,
}

/// How a log has a tag.
#[derive(Clone)]
enum Form {
    /// As the text.
    Plain,
    /// With a text in place of an id that is personal, which is not known here.
    Secret,
    /// With this text in place of an id that is personal.
    #[cfg(feature = "secrets")]
    Sealed(Arc<str>),
}

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
        match I::SECRET {
            None => Self::new(I::KIND, id),
            Some(_) => Self::of_secret(I::KIND, id),
        }
    }

    /// The tag of an id that is personal. The error does not show the id.
    fn of_secret(kind: &str, id: impl fmt::Display) -> Result<Self, Invalid> {
        match Self::new(kind, id) {
            Ok(Self { text, .. }) => Ok(Self { text, form: Form::Secret }),
            Err(Invalid::TooLarge { size, limit, .. }) => {
                Err(Invalid::TooLarge { what: format!("tag of the kind `{kind}`"), size, limit })
            }
            Err(Invalid::Text { what, rule, .. }) => Err(refuse(what, &format!("{kind}:{HIDDEN}"), rule)),
            Err(other) => Err(other),
        }
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
        // Room for the text of a UUID.
        let mut text = String::with_capacity(kind.len() + 37);
        text.push_str(kind);
        text.push(':');
        match write!(text, "{value}") {
            Ok(()) => Self::parse(text),
            Err(_) => Err(refuse("tag", kind, "the `Display` of the id returned an error")),
        }
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
            Some((kind, _)) if is_kind(kind) => Ok(Self { text, form: Form::Plain }),
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
        &self.text
    }

    /// Returns `true` if this is the tag of an id that is personal.
    pub(crate) fn is_secret(&self) -> bool {
        !matches!(self.form, Form::Plain)
    }

    /// The same tag, which a log has as another one.
    #[cfg(feature = "secrets")]
    pub(crate) fn stored_as(&self, sealed: &Self) -> Self {
        Self { text: Arc::clone(&self.text), form: Form::Sealed(Arc::clone(&sealed.text)) }
    }

    /// The text that a log may have: of an id that is personal, the text in its place, or none of it.
    pub(crate) fn stored_text(&self) -> String {
        match &self.form {
            #[cfg(feature = "secrets")]
            Form::Sealed(text) => text.as_ref().to_owned(),
            Form::Plain | Form::Secret => self.to_string(),
        }
    }

    /// Returns `true` if this is the tag of an id. Unlike a comparison with [`Tag::of`], it allocates nothing.
    pub(crate) fn is_of<I: Id>(&self, id: &I) -> bool {
        let mut rest = Rest(self.as_str());
        write!(rest, "{}:{id}", I::KIND).is_ok() && rest.0.is_empty()
    }

    fn parts(&self) -> (&str, &str) {
        self.text.split_once(':').unwrap_or((&self.text, ""))
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Tag {}

impl PartialOrd for Tag {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Tag {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The rest of a text, after what was written to it. What is not at its start cannot be written.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}

/// Shows the kind alone of an id that is personal.
impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_secret() {
            true => write!(f, "{}:{HIDDEN}", self.kind()),
            false => f.write_str(&self.text),
        }
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tag").field(&self.to_string()).finish()
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
        tag.text.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    /// An id whose `Display` writes the parts one after the other, and fails at an empty part.
    #[derive(Clone, PartialEq, Eq, Hash)]
    struct PartsId(Vec<&'static str>);

    impl Id for PartsId {
        const KIND: &'static str = "product";
        const SHARED: bool = false;
        type Inner = Vec<&'static str>;

        fn as_inner(&self) -> &Self::Inner {
            &self.0
        }

        fn from_inner(inner: Self::Inner) -> Self {
            Self(inner)
        }
    }

    impl fmt::Display for PartsId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|part| match part.is_empty() {
                true => Err(fmt::Error),
                false => f.write_str(part),
            })
        }
    }

    impl FromStr for PartsId {
        type Err = fmt::Error;

        fn from_str(_: &str) -> Result<Self, fmt::Error> {
            Err(fmt::Error)
        }
    }

    #[test]
    fn tag_is_of_the_id_with_its_text() {
        let tag = Tag::parse("product:ab").unwrap();
        for parts in [vec!["ab"], vec!["a", "b"]] {
            let id = PartsId(parts);
            assert!(tag.is_of(&id) && Tag::of(&id).unwrap() == tag);
        }
        for parts in [vec![], vec!["a"], vec!["ab", "c"], vec!["b"], vec!["ab", ""]] {
            assert!(!tag.is_of(&PartsId(parts)));
        }
        assert!(!Tag::parse("products:ab").unwrap().is_of(&PartsId(vec!["ab"])));
    }

    #[test]
    fn id_that_cannot_be_displayed_is_rejected() {
        let error = Tag::of(&PartsId(vec!["a", ""])).unwrap_err();
        assert!(error.to_string().contains("the `Display` of the id returned an error"), "{error}");
    }

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
