//! Which events: the query of the [DCB specification](https://dcb.events/specification/).

use std::borrow::Cow;

use crate::tag::Tag;

/// Which events a read, a condition or a feed is about: those that match at least one item.
///
/// Without items it matches nothing; [`Criteria::all`] matches every event.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Criteria {
    items: Vec<Item>,
}

impl Criteria {
    /// Every event.
    pub fn all() -> Self {
        Item::any().into()
    }

    /// No event.
    pub fn none() -> Self {
        Self::default()
    }

    /// These criteria, or that item.
    #[must_use]
    pub fn or(mut self, item: Item) -> Self {
        self.items.push(item);
        self
    }

    /// The items, of which an event has to match one.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Whether an event of this type with these tags matches.
    pub fn matches(&self, name: &str, tags: &[Tag]) -> bool {
        self.items.iter().any(|item| item.matches(name, tags))
    }
}

impl From<Item> for Criteria {
    fn from(item: Item) -> Self {
        Self { items: vec![item] }
    }
}

impl FromIterator<Item> for Criteria {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        Self { items: items.into_iter().collect() }
    }
}

/// One alternative of [`Criteria`]: any of the types AND all of the tags. Without types, every type; without tags, any tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    types: Vec<Cow<'static, str>>,
    tags: Vec<Tag>,
}

impl Item {
    /// An item that matches every event.
    pub fn any() -> Self {
        Self::default()
    }

    /// Events of these types (stored names), and of those already named.
    #[must_use]
    pub fn types<N: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.types.extend(names.into_iter().map(Into::into));
        self.types.sort_unstable();
        self.types.dedup();
        self
    }

    /// Events that carry this tag too.
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self.tags.sort_unstable();
        self.tags.dedup();
        self
    }

    /// The stored names of which an event must have one, sorted and each once; empty means any.
    pub fn type_names(&self) -> &[Cow<'static, str>] {
        &self.types
    }

    /// The tags of which an event must have all, sorted and each once.
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Whether an event of this type with these tags matches.
    pub fn matches(&self, name: &str, tags: &[Tag]) -> bool {
        (self.types.is_empty() || self.types.iter().any(|one| one == name))
            && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_alternatives_and_tags_add_up() {
        let (a, b) = (Tag::new("a", 1).unwrap(), Tag::new("b", 1).unwrap());
        let item = Item::any().types(["opened", "closed"]).tag(a.clone()).tag(b.clone());
        assert!(item.matches("opened", &[b.clone(), a.clone()]));
        assert!(!item.matches("opened", std::slice::from_ref(&a)));
        assert!(!item.matches("moved", &[a, b]));
        assert!(Criteria::all().matches("moved", &[]));
        assert!(!Criteria::none().matches("moved", &[]));
    }
}
