//! The events that a build folds, as stored with it. Rows that were folded from other events are not continued.

use serde::{Deserialize, Serialize};

use crate::event::{EventType, Types};

/// An event type that a build folds.
#[derive(Debug, Serialize, Deserialize)]
struct FoldedEvent {
    event: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The functions of the steps from version 1 on; empty for a version whose payloads are read as the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    steps: Vec<String>,
    /// The retired event types from which it is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    sources: Vec<Source>,
    /// Whether its secrets may be in columns that are not secret, in rows that have secret ones.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    reads_secrets: bool,
}

/// A retired event type, and the function that makes the events from it, if that is known.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    #[serde(flatten)]
    event: FoldedEvent,
    #[serde(default)]
    function: String,
}

/// Describes the events of the entries of `on(…)` as one text. `key_of` returns where an entry finds the keys of the rows of an event type,
/// if that is known and there are any.
pub(crate) fn describe(entries: &[Types], key_of: impl Fn(usize, &EventType) -> Option<String>) -> String {
    // Texts and numbers are always valid JSON.
    serde_json::to_string(&folded(entries, key_of)).unwrap_or_default()
}

/// As [`describe`], of rows with secret columns whose handlers may read secrets, too.
pub(crate) fn describe_reading(
    entries: &[Types],
    key_of: impl Fn(usize, &EventType) -> Option<String>,
) -> String {
    let mut folded = folded(entries, key_of);
    folded.iter_mut().for_each(|event| event.reads_secrets = true);
    serde_json::to_string(&folded).unwrap_or_default()
}

fn folded(entries: &[Types], key_of: impl Fn(usize, &EventType) -> Option<String>) -> Vec<FoldedEvent> {
    let mut folded = Vec::new();
    for (entry, types) in entries.iter().enumerate() {
        types.each(&mut |one| folded.push(FoldedEvent::of(one, key_of(entry, one))));
    }
    folded.sort_unstable_by(|one, other| one.event.cmp(&other.event));
    folded
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
            Some(new) => {
                differences.extend(old.key_difference(new));
                differences.extend(old.source_differences(new));
                differences.extend(old.reading_difference(new));
            }
            None => differences.push(format!("`{}` was removed", old.event)),
        }
    }
    let is_new = |new: &&FoldedEvent| stored.iter().all(|old| !new.is_named(&old.event));
    differences.extend(wanted.iter().filter(is_new).map(|new| format!("`{}` was added", new.event)));
    (!differences.is_empty()).then(|| differences.join(", "))
}

/// Returns which events of a build were folded with other conversions than those of the program, in words; `None` if there are none.
/// Only what is declared is compared: versions, and the functions of their steps and of events that are made from retired ones.
pub(super) fn other_conversions(stored: &str, wanted: &str) -> Option<String> {
    let (stored, wanted) = (parse(stored)?, parse(wanted)?);
    let mut others = Vec::new();
    for old in &stored {
        if let Some(new) = wanted.iter().find(|new| new.is_named(&old.event)) {
            old.add_other_conversions(new, &mut others);
        }
    }
    (!others.is_empty()).then(|| others.join(", "))
}

/// The empty text describes no events.
fn parse(text: &str) -> Option<Vec<FoldedEvent>> {
    if text.is_empty() { Some(Vec::new()) } else { serde_json::from_str(text).ok() }
}

impl FoldedEvent {
    fn of(one: &EventType, key: Option<String>) -> Self {
        let mut sources = Vec::new();
        for (index, types) in one.sources.iter().enumerate() {
            let function = one.source_functions.get(index).copied().unwrap_or_default();
            types.each(&mut |source| {
                sources.push(Source { event: Self::of(source, None), function: function.to_owned() });
            });
        }
        Self {
            event: one.name.to_owned(),
            version: one.version,
            aliases: one.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            key,
            steps: one.steps.iter().map(|step| step.function.to_owned()).collect(),
            sources,
            reads_secrets: false,
        }
    }

    fn is_named(&self, name: &str) -> bool {
        self.event == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The sources that were added or removed, in words: their events were not folded before, or are not any more.
    fn source_differences(&self, new: &Self) -> Vec<String> {
        let is_missing = |all: &[Source], name: &str| !all.iter().any(|one| one.event.is_named(name));
        let removed = self.sources.iter().filter(|old| {
            // A renamed source has the former name as an alias.
            is_missing(&new.sources, &old.event.event)
        });
        let removed =
            removed.map(|old| format!("`{}` is not made from `{}` any more", new.event, old.event.event));
        let added = new.sources.iter().filter(|one| {
            is_missing(&self.sources, &one.event.event)
                && one.event.aliases.iter().all(|alias| is_missing(&self.sources, alias))
        });
        let added = added.map(|one| format!("`{}` is now made from `{}`", new.event, one.event.event));
        removed.chain(added).collect()
    }

    /// Adds what is converted in another way by `new`, in words.
    fn add_other_conversions(&self, new: &Self, others: &mut Vec<String>) {
        let name = &new.event;
        if self.version != new.version {
            others.push(format!("`{name}` had version {} and has version {}", self.version, new.version));
        }
        for (index, (old, new)) in self.steps.iter().zip(&new.steps).enumerate() {
            if old != new {
                let (version, old, new) = (index + 1, function(old), function(new));
                others.push(format!("the step from version {version} of `{name}` was {old} and is {new}"));
            }
        }
        for old in &self.sources {
            let Some(new) = new.sources.iter().find(|new| new.event.is_named(&old.event.event)) else {
                continue;
            };
            if old.function != new.function {
                let (from, old, new) = (&new.event.event, function(&old.function), function(&new.function));
                others.push(format!("`{name}` was made from `{from}` by {old} and is made by {new}"));
            }
            old.event.add_other_conversions(&new.event, others);
        }
    }

    /// Rows without copies of secrets are not continued by a program that makes some, either: the former program would not know of them.
    fn reading_difference(&self, new: &Self) -> Option<String> {
        let event = &self.event;
        match (self.reads_secrets, new.reads_secrets) {
            (true, false) => Some(format!("secrets of `{event}` may be in columns that are not secret")),
            (false, true) => Some(format!("secrets of `{event}` are read, too")),
            (false, false) | (true, true) => None,
        }
    }

    fn key_difference(&self, new: &Self) -> Option<String> {
        if self.key == new.key {
            return None;
        }
        let key = |of: &Self| of.key.as_ref().map_or("none".to_owned(), |key| format!("`{key}`"));
        Some(format!("the key of `{}` was {} and is {}", new.event, key(self), key(new)))
    }
}

/// A function of an attribute, in words.
fn function(text: &str) -> String {
    if text.is_empty() { "`_`".to_owned() } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::VersionStep;

    const OPENED: Types = Types::One(EventType::new("opened", "Opened"));
    const CLOSED: Types = Types::One(EventType::new("closed", "Closed"));

    fn described(entries: &[Types]) -> String {
        describe(entries, |_, _| Some("account".to_owned()))
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
            assert_eq!(other_conversions(stored, wanted).as_deref(), expected);
        }
        assert_eq!(other_conversions("[", &first), None);
    }

    #[test]
    fn other_steps_and_functions_are_reported_and_no_difference() {
        const MADE: Types = Types::One(EventType::new("made", "Made").aliases(&["booked"]).retired());
        let held = |step: &'static str, functions: &'static [&'static str]| {
            let steps: &'static [VersionStep] = match step {
                "" => &[const { VersionStep::same(1) }],
                _ => &[const { VersionStep::new(1, "from_v1", || None) }],
            };
            let mut one = EventType::new("held", "Held").version(2).made_from(&[&MADE]);
            (one.steps, one.source_functions) = (steps, functions);
            described(&[Types::One(one)])
        };
        let (old, new) = (held("", &["from_made"]), held("from_v1", &["Held::from_made"]));
        assert_differences(&old, &new, None);
        let expected = "the step from version 1 of `held` was `_` and is `from_v1`, `held` was made from `made` by `from_made` and is made \
                        by `Held::from_made`";
        assert_eq!(other_conversions(&old, &new).as_deref(), Some(expected));
        assert_eq!(other_conversions(&old, &old), None);
    }

    #[test]
    fn added_and_removed_sources_are_differences() {
        const MADE: Types = Types::One(EventType::new("made", "Made").retired());
        const RENAMED: Types = Types::One(EventType::new("booked", "Booked").aliases(&["made"]).retired());
        let opened = EventType::new("opened", "Opened");
        let from = |source| described(&[Types::One(opened.made_from(source))]);
        let (plain, made, renamed) = (described(&[OPENED]), from(&[&MADE]), from(&[&RENAMED]));
        assert_differences(&plain, &made, Some("`opened` is now made from `made`"));
        assert_differences(&made, &plain, Some("`opened` is not made from `made` any more"));
        assert_differences(&made, &renamed, None);
    }

    #[test]
    fn rows_that_may_have_copies_of_secrets_are_not_continued_without() {
        let (plain, reading) =
            (described(&[OPENED]), describe_reading(&[OPENED], |_, _| Some("account".to_owned())));
        let expected = "secrets of `opened` may be in columns that are not secret";
        assert_differences(&reading, &plain, Some(expected));
        assert_differences(&plain, &reading, Some("secrets of `opened` are read, too"));
        assert_differences(&reading, &reading, None);
    }

    #[test]
    fn another_key_is_a_difference() {
        let by_function = describe(&[OPENED], |_, _| Some("owner_of()".to_owned()));
        let expected = "the key of `opened` was `account` and is `owner_of()`";
        assert_differences(&described(&[OPENED]), &by_function, Some(expected));
    }
}
