//! Finds the events of appends that match criteria, without comparing each event with each criteria.

use crate::{
    criteria::{Criteria, Item},
    record::Draft,
    tag::Tag,
};

/// Events by their tags.
pub(super) struct EventIndex<'a>(Vec<Entry<'a>>);

/// A tag of an event, with the number of the event. For each event there is also an entry without tag. Sorted by tag and number.
type Entry<'a> = (Option<&'a Tag>, usize, &'a Draft);

impl<'a> EventIndex<'a> {
    pub(super) fn new(events: impl Iterator<Item = &'a Draft> + Clone) -> Self {
        let mut entries = Vec::with_capacity(events.clone().map(|event| event.tags().len() + 1).sum());
        for (number, event) in events.enumerate() {
            entries.push((None, number, event));
            entries.extend(event.tags().iter().map(|tag| (Some(tag), number, event)));
        }
        entries.sort_unstable_by_key(|(tag, number, _)| (*tag, *number));
        Self(entries)
    }

    /// Returns `true` if an event matches.
    pub(super) fn has_match(&self, criteria: &Criteria) -> bool {
        self.matching(criteria).next().is_some()
    }

    /// The numbers of the events that match, counted from 0. An event that matches several items is returned for each of them.
    pub(super) fn matching(&self, criteria: &Criteria) -> impl Iterator<Item = usize> {
        criteria.items().iter().flat_map(|item| {
            let candidates = self.with_tag(item.tags().first()).iter();
            candidates.filter(|(.., event)| matches_rest(item, event)).map(|(_, number, _)| *number)
        })
    }

    fn with_tag(&self, tag: Option<&Tag>) -> &[Entry<'a>] {
        let start = self.0.partition_point(|(one, ..)| *one < tag);
        let tail = &self.0[start..];
        &tail[..tail.partition_point(|(one, ..)| *one == tag)]
    }
}

/// Returns `true` if an event that has the first tag of an item matches it. A draft has its tags in order.
fn matches_rest(item: &Item, event: &Draft) -> bool {
    let names = item.type_names();
    (names.is_empty() || names.iter().any(|name| *name == event.name()))
        && item.tags().iter().skip(1).all(|tag| event.tags().binary_search(tag).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    #[test]
    fn index_finds_the_events_that_match() {
        let tag = |number: u32| Tag::new("a", number).unwrap();
        let draft = |name: &'static str, tags: &[u32]| {
            Draft::new(name, 1, tags.iter().map(|number| tag(*number)), Payload::parse("{}").unwrap())
                .unwrap()
        };
        let events = [
            draft("x", &[]),
            draft("x", &[1, 2]),
            draft("y", &[2]),
            draft("x", &[2, 3]),
            draft("y", &[1, 2, 3]),
        ];
        let items = [
            Item::any(),
            Item::any().types(["x"]),
            Item::any().types(["x", "z"]).tag(tag(2)),
            Item::any().tag(tag(1)).tag(tag(3)),
            Item::any().tag(tag(2)).tag(tag(1)).types(["y"]),
            Item::any().tag(tag(4)),
        ];
        let index = EventIndex::new(events.iter());
        let none = EventIndex::new([].into_iter());
        for criteria in items.map(Criteria::from).into_iter().chain([Criteria::none()]) {
            let matches = |index: &usize| criteria.matches(events[*index].name(), events[*index].tags());
            let expected: Vec<usize> = (0..events.len()).filter(matches).collect();
            assert_eq!(index.matching(&criteria).collect::<Vec<_>>(), expected, "{criteria:?}");
            assert_eq!(
                (index.has_match(&criteria), none.has_match(&criteria)),
                (!expected.is_empty(), false)
            );
        }
    }
}
