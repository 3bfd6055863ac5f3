//! Stored events that the program does not read.

use std::fmt::{self, Write as _};

use crate::position::Position;

/// The number of entries in the text of an error.
const SHOWN: usize = 10;

/// Stored events of one name, or of one version of it, that the program does not read. [`Builder::start`](crate::app::Builder::start)
/// finds them.
///
/// ```
/// # use annalist_doc_tests::*;
/// # run(async {
/// use annalist::Memory;
///
/// /// The next version of the program.
/// mod newer {
///     # use annalist_doc_tests::*;
///     #[derive(Event, Serialize, Deserialize)]
///     #[event(name = "account.opened", version = 2, upcast(1 => _))]
///     pub struct Opened {
///         #[id]
///         pub account: AccountId,
///     }
///     # pub fn open(command: &Open) -> Opened { Opened { account: command.account.clone() } }
///     # #[derive(Command, Serialize, Deserialize)]
///     # #[command(decide = open)]
///     # pub struct Open { pub account: AccountId }
/// }
///
/// let log = Memory::new();
/// # App::builder(log.clone()).start().await?.execute(newer::Open { account: id("ann") }).await?;
/// let error = App::builder(log).events::<AccountEvent>().start().await.unwrap_err();
/// let Error::UnreadEvents { events, .. } = &error else { unreachable!() };
/// assert_eq!((&*events[0].name, events[0].version, events[0].known), ("account.opened", 2, Some(1)));
/// assert_eq!((events[0].count, events[0].first.get(), events[0].last.get()), (1, 1, 1));
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadEvents {
    /// The stored name.
    pub name: String,
    /// The stored version. If no version of the events is read: the newest one.
    pub version: u32,
    /// The newest version that the program reads, if `version` is a later one: a newer program has written the events.
    pub known: Option<u32>,
    /// The number of the events, at most [`UnreadEvents::MAX_COUNT`]: the rest is not counted, so that the start does not wait for it.
    pub count: u64,
    /// The position of the first of the events.
    pub first: Position,
    /// The position of the last of the events.
    pub last: Position,
    /// Why the program does not read them, or not all of them.
    pub reason: String,
}

impl UnreadEvents {
    /// The largest number of events that are counted.
    pub const MAX_COUNT: u64 = 100_000;
}

impl fmt::Display for UnreadEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, count, first, last, reason, .. } = self;
        let or_more = if *count < Self::MAX_COUNT { "" } else { " or more" };
        write!(
            f,
            "`{name}` version {version} (events: {count}{or_more}, positions {first} to {last}) {reason}"
        )
    }
}

/// The text of the error, and what to do.
pub(super) fn refused(events: &[UnreadEvents]) -> String {
    let mut text = list_unread(events);
    if events.iter().any(|events| events.known.is_some()) {
        text.push_str(
            ". A newer program has written the later versions: deploy it. To start this one nevertheless, allow them with \
             `Builder::unchecked_events`: commands that read such an event are refused, and projections and policies stop before it, or \
             park it",
        );
    }
    if events.iter().any(|events| events.known.is_none()) {
        text.push_str(
            ". If a type or variant was renamed in Rust, keep its stored name: `#[event(name = \"…\")]` or `alias = \"…\"`. If it is \
             used by commands alone, register them: `Builder::commands`. Allow the events of other programs, and events that nobody \
             reads any more: `Builder::unchecked_events`",
        );
    }
    text
}

/// The entries as one text.
pub(crate) fn list_unread(events: &[UnreadEvents]) -> String {
    let shown: Vec<String> = events.iter().take(SHOWN).map(UnreadEvents::to_string).collect();
    let mut text = shown.join("; ");
    if let Some(more) = events.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = write!(text, "; and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unread(name: &str, known: Option<u32>, count: u64) -> UnreadEvents {
        let (first, last) = (Position::new(3), Position::new(9));
        UnreadEvents {
            name: name.to_owned(),
            version: 2,
            known,
            count,
            first,
            last,
            reason: "is not read".to_owned(),
        }
    }

    #[test]
    fn text_says_that_more_events_were_not_counted() {
        let text = unread("a", None, UnreadEvents::MAX_COUNT).to_string();
        assert_eq!(text, "`a` version 2 (events: 100000 or more, positions 3 to 9) is not read");
        assert!(unread("a", None, 7).to_string().contains("(events: 7, positions 3 to 9)"));
    }

    #[test]
    fn long_list_is_shortened() {
        let many: Vec<_> = (0..12).map(|number| unread(&format!("e{number}"), None, 1)).collect();
        let text = list_unread(&many);
        assert!(
            text.contains("`e9` version") && !text.contains("`e10`") && text.ends_with("; and 2 more"),
            "{text}"
        );
    }

    #[test]
    fn advice_fits_what_was_found() {
        let both = [unread("a", Some(1), 1), unread("b", None, 1)];
        let texts = [&both[..1], &both[1..], &both[..]].map(refused);
        let advice = texts.each_ref().map(|text| (text.contains("deploy it"), text.contains("`alias")));
        assert_eq!(advice, [(true, false), (false, true), (true, true)]);
    }
}
