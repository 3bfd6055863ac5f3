//! The events that a build folds, as stored with it. Rows that were folded from other events are not continued.

use serde::{Deserialize, Serialize};

use crate::event::Types;

/// An event type that a build folds.
#[derive(Debug, Serialize, Deserialize)]
struct FoldedEvent {
    event: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Describes the events of the entries of `on(…)` as one text. `key_of` returns where an entry finds the keys of its rows, if
/// that is known.
pub(crate) fn describe(entries: &[Types], key_of: impl Fn(usize) -> Option<String>) -> String {
    let mut folded = Vec::new();
    for (entry, types) in entries.iter().enumerate() {
        types.each(&mut |one| {
            folded.push(FoldedEvent {
                event: one.name.to_owned(),
                version: one.version,
                aliases: one.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
                key: key_of(entry),
            });
        });
    }
    folded.sort_unstable_by(|one, other| one.event.cmp(&other.event));
    // Texts and numbers are always valid JSON.
    serde_json::to_string(&folded).unwrap_or_default()
}

/// Returns the differences between the stored description of a build and that of the program, in words; `None` if there are
/// none. An event type that was renamed, with its former name as an alias, is the same, and so is one of another version: no program
/// passes an event of a version that it cannot read.
pub(super) fn differences(stored: &str, wanted: &str) -> Option<String> {
    if stored == wanted {
        return None;
    }
    let (Some(stored), Some(wanted)) = (parse(stored), parse(wanted)) else {
        return Some("their stored description is damaged".to_owned());
    };
    let mut differences = Vec::new();
    for old in &stored {
        match wanted.iter().find(|new| new.is_named(&old.event)) {
            Some(new) => differences.extend(old.key_difference(new)),
            None => differences.push(format!("`{}` was removed", old.event)),
        }
    }
    let is_new = |new: &&FoldedEvent| stored.iter().all(|old| !new.is_named(&old.event));
    differences.extend(wanted.iter().filter(is_new).map(|new| format!("`{}` was added", new.event)));
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// Returns which events of a build were folded with another version than that of the program, in words; `None` if there are none.
pub(super) fn other_versions(stored: &str, wanted: &str) -> Option<String> {
    let (stored, wanted) = (parse(stored)?, parse(wanted)?);
    let others = stored.iter().filter_map(|old| {
        let new = wanted.iter().find(|new| new.is_named(&old.event) && new.version != old.version)?;
        Some(format!("`{}` had version {} and has version {}", new.event, old.version, new.version))
    });
    let others: Vec<_> = others.collect();
    (!others.is_empty()).then(|| others.join(", "))
}

/// The empty text describes no events.
fn parse(text: &str) -> Option<Vec<FoldedEvent>> {
    if text.is_empty() { Some(Vec::new()) } else { serde_json::from_str(text).ok() }
}

impl FoldedEvent {
    fn is_named(&self, name: &str) -> bool {
        self.event == name || self.aliases.iter().any(|alias| alias == name)
    }

    fn key_difference(&self, new: &Self) -> Option<String> {
        if self.key == new.key {
            return None;
        }
        let key = |of: &Self| of.key.as_ref().map_or("not known".to_owned(), |key| format!("`{key}`"));
        Some(format!("the key of `{}` was {} and is {}", new.event, key(self), key(new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::EventType;

    const OPENED: Types = Types::One(EventType::new("opened", "Opened"));
    const CLOSED: Types = Types::One(EventType::new("closed", "Closed"));

    fn described(entries: &[Types]) -> String {
        describe(entries, |_| Some("account".to_owned()))
    }

    #[track_caller]
    fn assert_differences(stored: &str, wanted: &str, expected: Option<&str>) {
        assert_eq!(differences(stored, wanted).as_deref(), expected);
    }

    #[test]
    fn description_does_not_depend_on_the_order_or_the_nesting_of_entries() {
        let expected = r#"[{"event":"closed","version":1,"key":"account"},{"event":"opened","version":1,"key":"account"}]"#;
        assert_eq!(described(&[OPENED, CLOSED]), expected);
        assert_eq!(described(&[CLOSED, OPENED]), expected);
        assert_eq!(described(&[Types::Sum(&[&OPENED, &CLOSED])]), expected);
    }

    #[test]
    fn added_and_removed_events_are_named() {
        let (one, both) = (described(&[OPENED]), described(&[OPENED, CLOSED]));
        assert_differences(&one, &one, None);
        assert_differences(&one, &both, Some("`closed` was added"));
        assert_differences(&both, &one, Some("`closed` was removed"));
        assert_differences(&one, &described(&[CLOSED]), Some("`opened` was removed, `closed` was added"));
        assert_differences("", &one, Some("`opened` was added"));
        assert_differences(&one, "", Some("`opened` was removed"));
        assert_differences("[", &one, Some("their stored description is damaged"));
    }

    #[test]
    fn renamed_event_with_an_alias_is_the_same() {
        const RENAMED: Types =
            Types::One(EventType::new("registered", "Registered").aliases(&["opened", "created"]));
        assert_differences(&described(&[OPENED, CLOSED]), &described(&[RENAMED, CLOSED]), None);
        let with_alias = Types::One(EventType::new("opened", "Opened").aliases(&["created"]));
        assert_differences(&described(&[OPENED]), &described(&[with_alias]), None);
        // A program of before the rename does not know the events of after it.
        let expected = "`registered` was removed, `opened` was added";
        assert_differences(&described(&[RENAMED]), &described(&[OPENED]), Some(expected));
    }

    #[test]
    fn another_version_is_reported_and_no_difference() {
        let second = described(&[Types::One(EventType::new("opened", "Opened").version(2)), CLOSED]);
        let first = described(&[OPENED, CLOSED]);
        for (stored, wanted, expected) in [
            (&first, &second, Some("`opened` had version 1 and has version 2")),
            (&second, &first, Some("`opened` had version 2 and has version 1")),
            (&first, &first, None),
        ] {
            assert_differences(stored, wanted, None);
            assert_eq!(other_versions(stored, wanted).as_deref(), expected);
        }
        assert_eq!(other_versions("[", &first), None);
    }

    #[test]
    fn another_key_is_a_difference() {
        let by_function = describe(&[OPENED], |_| Some("owner_of()".to_owned()));
        let expected = "the key of `opened` was `account` and is `owner_of()`";
        assert_differences(&described(&[OPENED]), &by_function, Some(expected));
    }
}
