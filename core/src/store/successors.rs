//! The successors of event names: what a reader of an older name has to read too.

use std::borrow::Cow;

use super::rewrite::{Rewrite, RewriteTarget};
use crate::{
    error::Invalid,
    limits::check_event_name,
    record::{Draft, Position},
};

/// A name under which programs append what they appended under an older name before: an event type was renamed, with the older name
/// as its alias, or its events are made `from` those of the older name, which is retired.
///
/// A program that reads the older name alone does not see the events of the successor. So the first append of such an event stores the
/// successor, and the store says so to each program that appends without knowing it: see [`KnownSuccessors`].
///
/// ```
/// use annalist::{Position, raw::store::Successor};
///
/// let reserved = Successor::made("booking.made", "booking.reserved")?;
/// assert_eq!((reserved.of(), reserved.name()), ("booking.made", "booking.reserved"));
/// assert!(!reserved.is_rename() && reserved.since() == Position::START);
/// # Ok::<(), annalist::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Successor {
    of: Cow<'static, str>,
    name: Cow<'static, str>,
    is_rename: bool,
    since: Position,
}

impl Successor {
    /// The same event type under another name.
    ///
    /// # Errors
    /// [`Invalid`] if a name is not a valid event name.
    pub fn renamed(
        of: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
    ) -> Result<Self, Invalid> {
        Self::new(of.into(), name.into(), true)
    }

    /// An event type that is made from the older one. There may be several, and a reader may need only some of them.
    ///
    /// # Errors
    /// [`Invalid`] if a name is not a valid event name.
    pub fn made(
        of: impl Into<Cow<'static, str>>,
        name: impl Into<Cow<'static, str>>,
    ) -> Result<Self, Invalid> {
        Self::new(of.into(), name.into(), false)
    }

    fn new(of: Cow<'static, str>, name: Cow<'static, str>, is_rename: bool) -> Result<Self, Invalid> {
        check_event_name(&of)?;
        check_event_name(&name)?;
        Ok(Self { of, name, is_rename, since: Position::START })
    }

    /// For stores: sets the position of the event with which the successor was stored.
    #[must_use]
    pub fn stored_at(self, since: Position) -> Self {
        Self { since, ..self }
    }

    /// Returns the older name.
    pub fn of(&self) -> &str {
        &self.of
    }

    /// Returns the name of the successor.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns `true` if it is the same event type, renamed.
    pub fn is_rename(&self) -> bool {
        self.is_rename
    }

    /// Returns the position of the first event that was appended as a successor; the start of the log if it is not stored.
    pub fn since(&self) -> Position {
        self.since
    }

    /// Returns `true` if both names are the same as those of another.
    pub fn has_names_of(&self, other: &Self) -> bool {
        (&self.of, &self.name) == (&other.of, &other.name)
    }
}

/// All successors that a log has, and the passes that have rewritten its events: what a program has to know before it appends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Successors {
    /// Identifies the list. 0 while it is empty, and another number after each change; also in two copies of a log that change
    /// independently.
    pub version: u64,
    /// Sorted by the older names.
    all: Vec<Successor>,
    /// Sorted by names and targets.
    rewrites: Vec<Rewrite>,
    /// The version that the list got when events last left the log or returned; 0 if none did.
    archived: u64,
}

impl Successors {
    /// The stored successors, in any order.
    pub fn new(version: u64, mut all: Vec<Successor>) -> Self {
        all.sort_unstable();
        Self { version, all, rewrites: Vec::new(), archived: 0 }
    }

    /// For stores: sets the version that the list got when events of an [`Archive`](super::Archive) last left the log or returned.
    #[must_use]
    pub fn with_archived(self, archived: u64) -> Self {
        Self { archived, ..self }
    }

    /// For stores: sets this version after events have left the log or returned.
    pub fn put_archived(&mut self, archived: u64) {
        self.archived = self.archived.max(archived);
        self.version = self.version.max(archived);
    }

    /// The same list with the stored passes, in any order.
    #[must_use]
    pub fn with_rewrites(mut self, rewrites: Vec<Rewrite>) -> Self {
        self.rewrites = rewrites;
        self.rewrites
            .sort_unstable_by(|one, other| (&one.name, &one.target).cmp(&(&other.name, &other.target)));
        self
    }

    /// Returns the passes that have rewritten events, sorted by names and targets.
    pub fn rewrites(&self) -> &[Rewrite] {
        &self.rewrites
    }

    /// Returns the pass over the events with a name that changes this.
    pub fn rewrite(&self, name: &str, target: &RewriteTarget) -> Option<&Rewrite> {
        self.rewrites.iter().find(|one| one.name == name && one.target == *target)
    }

    /// Returns the pass that adds the tags of a kind of ids to the events with a name.
    pub fn retag(&self, name: &str, kind: &str) -> Option<&Rewrite> {
        self.rewrite(name, &RewriteTarget::Tags { kind: kind.to_owned() })
    }

    /// The version of the list when a pass was last completed, or events of an archive left the log or returned; 0 if none did. What was
    /// read with another one may lack events that have a tag now, have secrets whose subject was forgotten, or have events that are not in
    /// the log any more.
    pub(crate) fn retag_version(&self) -> u64 {
        let complete = self.rewrites.iter().filter(|rewrite| rewrite.is_complete());
        complete.map(|rewrite| rewrite.version).max().unwrap_or(0).max(self.archived)
    }

    /// Returns all of them, sorted by the older names.
    pub fn all(&self) -> &[Successor] {
        &self.all
    }

    /// Returns the successors of a name.
    pub fn of(&self, name: &str) -> &[Successor] {
        let start = self.all.partition_point(|one| one.of() < name);
        let count = self.all[start..].iter().take_while(|one| one.of() == name).count();
        &self.all[start..start + count]
    }

    /// Returns `true` if a successor is stored.
    pub fn contains(&self, successor: &Successor) -> bool {
        self.of(successor.of()).iter().any(|one| one.has_names_of(successor))
    }

    /// For stores: adds successors that are not stored yet, and changes the version if there are any.
    pub fn add(&mut self, added: Vec<Successor>) {
        if added.is_empty() {
            return;
        }
        self.all.extend(added);
        self.all.sort_unstable();
        self.version = Self::version_after(self.version);
    }

    /// For stores: adds or replaces a pass, and changes the version if its state has changed.
    pub fn put_rewrite(&mut self, rewrite: Rewrite) {
        self.version = self.version.max(rewrite.version);
        let key = (&rewrite.name, &rewrite.target);
        match self.rewrites.binary_search_by(|one| (&one.name, &one.target).cmp(&key)) {
            Ok(index) => self.rewrites[index] = rewrite,
            Err(index) => self.rewrites.insert(index, rewrite),
        }
    }

    /// For stores: returns the version of a list that changes. It is larger, by a random number: if a log goes back to an earlier state, or
    /// is copied, and then gets other successors, their list has another version.
    pub fn version_after(version: u64) -> u64 {
        version + 1 + u64::from(fastrand::u32(..))
    }
}

/// What the caller of an append knows of the successors of event names.
///
/// A store compares the version with that of its own list, in the transaction of the append. If they differ, nothing is written: the
/// caller reads the list, and appends again only if it has read no name whose successor it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownSuccessors {
    /// The version of the list that the caller knows.
    pub version: u64,
    /// The successors that the caller knows and the list does not contain: those among the event names of the append. The store adds
    /// them, in the transaction of the append. Others it ignores.
    pub added: Vec<Successor>,
}

impl KnownSuccessors {
    /// For stores: returns the successors to add to a list with these events, at their positions.
    pub fn to_add<'a>(
        &self,
        stored: &Successors,
        events: impl Iterator<Item = (&'a Draft, Position)> + Clone,
    ) -> Vec<Successor> {
        let mut new: Vec<Successor> = Vec::new();
        for successor in &self.added {
            let mut named = events.clone().filter(|(draft, _)| draft.name() == successor.name());
            let is_known = stored.contains(successor) || new.iter().any(|one| one.has_names_of(successor));
            if let (Some((_, since)), false) = (named.next(), is_known) {
                new.push(successor.clone().stored_at(since));
            }
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Payload;

    fn made(of: &'static str, name: &'static str) -> Successor {
        Successor::made(of, name).unwrap()
    }

    #[test]
    fn list_is_searched_by_the_older_name() {
        let all = ["b c", "a d", "b a", "c b"].map(|pair| {
            let (of, name) = pair.split_once(' ').unwrap();
            made(of, name)
        });
        let list = Successors::new(1, all.to_vec());
        let of = |name| list.of(name).iter().map(Successor::name).collect::<Vec<_>>();
        assert_eq!((of("a"), of("b"), of("c")), (vec!["d"], vec!["a", "c"], vec!["b"]));
        assert!(of("d").is_empty() && of("").is_empty() && of("bb").is_empty());
        assert!(list.contains(&made("b", "c")) && !list.contains(&made("c", "c")));
    }

    #[test]
    fn only_new_successors_that_are_appended_are_added_once() {
        let event = |name: &'static str| Draft::new(name, 1, [], Payload::parse("{}").unwrap()).unwrap();
        let events = [event("reserved"), event("paid"), event("reserved")];
        let at = |position| Position::new(position);
        let positioned = events.iter().zip([at(7), at(8), at(9)]);
        let added = [("made", "reserved"), ("made", "reserved"), ("made", "paid"), ("made", "lost")];
        let known = KnownSuccessors { version: 0, added: added.map(|(of, name)| made(of, name)).to_vec() };
        let mut list = Successors::new(3, vec![made("made", "paid").stored_at(at(1))]);
        let new = known.to_add(&list, positioned);
        assert_eq!(new, [made("made", "reserved").stored_at(at(7))]);

        list.add(Vec::new());
        assert_eq!(list.version, 3);
        list.add(new);
        assert!(list.version > 3 && list.all().len() == 2);
        assert!(Successor::renamed("made", "").is_err() && Successor::made("$gap", "made").is_err());
    }
}
