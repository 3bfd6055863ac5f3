//! Criteria that select events of a log, as the query of the [DCB specification](https://dcb.events/specification/).

use std::{borrow::Cow, sync::Arc};

use crate::tag::Tag;

/// Selects the events of a read, an append condition or a feed: the events that match at least one item.
///
/// Without items no event matches; [`Criteria::all`] matches every event.
///
/// ```
/// use annalist::{Criteria, Item, Tag};
///
/// let ann = Tag::new("account", "ann")?;
/// let criteria = Criteria::from(Item::any().types(["account.opened", "account.closed"]).tag(ann.clone()))
///     .or(Item::any().types(["bank.closed"]));
///
/// assert!(criteria.matches("account.opened", &[ann]));
/// assert!(!criteria.matches("account.opened", &[]));
/// assert!(criteria.matches("bank.closed", &[]));
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Criteria {
    /// Shared, because a command uses its criteria for the read, the condition of the append and the state.
    items: Arc<Vec<Item>>,
}

impl Criteria {
    /// Matches every event.
    ///
    /// ```
    /// use annalist::Criteria;
    ///
    /// assert!(Criteria::all().matches("account.opened", &[]));
    /// ```
    pub fn all() -> Self {
        Item::any().into()
    }

    /// Matches no event.
    ///
    /// ```
    /// use annalist::Criteria;
    ///
    /// assert!(!Criteria::none().matches("account.opened", &[]));
    /// ```
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds an item: events that match it are selected too.
    ///
    /// ```
    /// use annalist::{Criteria, Item};
    ///
    /// let criteria = Criteria::none().or(Item::any().types(["account.opened"]));
    /// assert!(criteria.matches("account.opened", &[]));
    /// assert_eq!(criteria.items().len(), 1);
    /// ```
    #[must_use]
    pub fn or(mut self, item: Item) -> Self {
        Arc::make_mut(&mut self.items).push(item);
        self
    }

    /// Returns the items; an event is selected if it matches at least one.
    ///
    /// ```
    /// use annalist::{Criteria, Item};
    ///
    /// assert_eq!(Criteria::all().items(), [Item::any()]);
    /// assert_eq!(Criteria::none().items(), []);
    /// ```
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Returns `true` if an event with this stored name and these tags matches.
    ///
    /// ```
    /// use annalist::{Criteria, Item};
    ///
    /// let criteria = Criteria::from(Item::any().types(["account.opened"]));
    /// assert!(criteria.matches("account.opened", &[]));
    /// assert!(!criteria.matches("account.closed", &[]));
    /// ```
    pub fn matches(&self, name: &str, tags: &[Tag]) -> bool {
        self.items.iter().any(|item| item.matches(name, tags))
    }
}

impl From<Item> for Criteria {
    fn from(item: Item) -> Self {
        Self { items: Arc::new(vec![item]) }
    }
}

impl FromIterator<Item> for Criteria {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        Self { items: Arc::new(items.into_iter().collect()) }
    }
}

/// One alternative of [`Criteria`]: an event matches if it has any of the types and all of the tags. Without types every
/// type matches; without tags, any tags.
///
/// ```
/// use annalist::{Item, Tag};
///
/// let (from, to) = (Tag::new("account", "ann")?, Tag::new("account", "bob")?);
/// let transfers = Item::any().types(["account.moved"]).tag(from.clone()).tag(to.clone());
///
/// assert!(transfers.matches("account.moved", &[to, from.clone()]));
/// assert!(!transfers.matches("account.moved", &[from]));
/// # Ok::<(), annalist::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    types: Vec<Cow<'static, str>>,
    tags: Vec<Tag>,
}

impl Item {
    /// Creates an item that matches every event.
    ///
    /// ```
    /// use annalist::Item;
    ///
    /// assert!(Item::any().matches("account.opened", &[]));
    /// ```
    pub fn any() -> Self {
        Self::default()
    }

    /// Adds stored names of event types: an event must have one of them.
    ///
    /// ```
    /// use annalist::Item;
    ///
    /// let item = Item::any().types(["account.opened", "account.closed"]);
    /// assert!(item.matches("account.closed", &[]));
    /// assert_eq!(item.type_names(), ["account.closed", "account.opened"]);
    /// ```
    #[must_use]
    pub fn types<N: Into<Cow<'static, str>>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.types.extend(names.into_iter().map(Into::into));
        self.types.sort_unstable();
        self.types.dedup();
        self
    }

    /// Adds a tag that an event must have.
    ///
    /// ```
    /// use annalist::{Item, Tag};
    ///
    /// let ann = Tag::new("account", "ann")?;
    /// let item = Item::any().tag(ann.clone());
    /// assert!(item.matches("account.opened", &[ann.clone()]));
    /// assert!(!item.matches("account.opened", &[]));
    /// assert_eq!(item.tags(), [ann]);
    /// # Ok::<(), annalist::Error>(())
    /// ```
    #[must_use]
    pub fn tag(mut self, tag: Tag) -> Self {
        self.tags.push(tag);
        self.tags.sort_unstable();
        self.tags.dedup();
        self
    }

    /// Returns the stored names of which an event must have one, sorted and without duplicates; empty means any.
    ///
    /// ```
    /// use annalist::Item;
    ///
    /// assert_eq!(Item::any().types(["b", "a", "b"]).type_names(), ["a", "b"]);
    /// ```
    pub fn type_names(&self) -> &[Cow<'static, str>] {
        &self.types
    }

    /// Returns the tags of which an event must have all, sorted and without duplicates.
    ///
    /// ```
    /// use annalist::{Item, Tag};
    ///
    /// let item = Item::any().tag(Tag::new("account", "bob")?).tag(Tag::new("account", "ann")?);
    /// assert_eq!(item.tags()[0].as_str(), "account:ann");
    /// # Ok::<(), annalist::Error>(())
    /// ```
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// Returns `true` if an event with this stored name and these tags matches.
    ///
    /// ```
    /// use annalist::Item;
    ///
    /// let item = Item::any().types(["account.opened", "account.closed"]);
    /// assert!(item.matches("account.closed", &[]));
    /// assert!(!item.matches("account.moved", &[]));
    /// ```
    pub fn matches(&self, name: &str, tags: &[Tag]) -> bool {
        (self.types.is_empty() || self.types.iter().any(|one| one == name))
            && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_matches_any_of_its_types_and_all_of_its_tags() {
        let (a, b) = (Tag::new("a", 1).unwrap(), Tag::new("b", 1).unwrap());
        let item = Item::any().types(["opened", "closed"]).tag(a.clone()).tag(b.clone());
        assert!(item.matches("opened", &[b.clone(), a.clone()]));
        assert!(!item.matches("opened", std::slice::from_ref(&a)));
        assert!(!item.matches("moved", &[a, b]));
        assert!(Criteria::all().matches("moved", &[]));
        assert!(!Criteria::none().matches("moved", &[]));
    }
}
