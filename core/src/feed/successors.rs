//! Checks that the readers of a program read the successors of the event names that they read.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Mutex;

use crate::{
    criteria::{Criteria, Item},
    error::{Error, Invalid},
    event::DeclaredSuccessors,
    record::{Draft, Position},
    store::{EventStore, KnownSuccessors, RewriteTarget, Successor, Successors},
};

/// The successors that the log has, as far as this process knows, and the successors that the program declares.
#[derive(Debug)]
pub(crate) struct SuccessorCheck {
    store: Arc<dyn EventStore>,
    declared: Arc<DeclaredSuccessors>,
    stored: RwLock<Arc<Successors>>,
    /// Locked while the list is read, so that one caller reads it.
    reading: Mutex<()>,
}

impl SuccessorCheck {
    pub(crate) fn new(store: Arc<dyn EventStore>, declared: Arc<DeclaredSuccessors>) -> Self {
        Self { store, declared, stored: RwLock::default(), reading: Mutex::default() }
    }

    /// The list as this process knows it.
    pub(crate) fn stored(&self) -> Arc<Successors> {
        Arc::clone(&self.stored.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the list of the log after it was found to differ from that of a version. Reads it, unless another caller has done so
    /// since then.
    ///
    /// # Errors
    /// [`Error`] if the store cannot answer.
    pub(crate) async fn list_after(&self, version: u64) -> Result<Arc<Successors>, Error> {
        let _reading = self.reading.lock().await;
        let known = self.stored();
        if known.version != version {
            return Ok(known);
        }
        let read = Arc::new(self.store.successors().await?);
        *self.stored.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&read);
        Ok(read)
    }

    /// Checks that criteria select the successors of the names that they select, as far as these have events up to a position, and no
    /// events by tags that are still being added. Returns the list that was checked: the known one, or that of the log if tags are being
    /// added as far as this process knows.
    ///
    /// # Errors
    /// [`Invalid::SecretsUnknown`] if the program does not declare the secrets of their events;
    /// [`Invalid::Superseded`] with a successor that they do not select and the program does not declare; [`Error::Unavailable`] with
    /// [`Invalid::IdsIncomplete`], or if the store cannot answer; [`Invalid::IdWithoutKeys`] if they select events by an id that is personal,
    /// and there are no keys.
    pub(crate) async fn check<'a>(
        &self,
        criteria: impl Iterator<Item = &'a Criteria> + Clone + Send,
        up_to: Position,
    ) -> Result<Arc<Successors>, Error> {
        if let Some(kind) = self.unreadable_kind(criteria.clone()) {
            return Err(Invalid::IdWithoutKeys { kind }.into());
        }
        let mut list = self.stored();
        if criteria.clone().any(|criteria| running_retag(&list, criteria).is_some()) {
            list = Box::pin(self.list_after(list.version)).await?;
        }
        for criteria in criteria {
            if let Some(unknown) = self.unknown_secrets(&list, criteria) {
                return Err(unknown.1.into());
            }
            if let Some((name, kind)) = running_retag(&list, criteria) {
                let incomplete = Invalid::IdsIncomplete { name: name.to_owned(), kind: kind.to_owned() };
                let operation = format!("read events of {}", self.store.describe());
                return Err(Error::unavailable(operation, incomplete));
            }
            let missing = self.missing(&list, criteria).into_iter().map(|(_, successor)| successor);
            let missing = missing.filter(|successor| successor.since() <= up_to);
            if let Some(first) = missing.min_by_key(|successor| successor.since()) {
                return Err(superseded(first).into());
            }
        }
        Ok(list)
    }

    /// The name of events that criteria name and whose secrets are encrypted, while the program has them as plain fields, with the error.
    pub(crate) fn unknown_secrets(
        &self,
        list: &Successors,
        criteria: &Criteria,
    ) -> Option<(String, Invalid)> {
        let mut concerned = list.rewrites().iter().filter(|rewrite| rewrite.concerns(criteria));
        concerned.find_map(|rewrite| {
            let unknown = rewrite.unknown_secrets(|name, fields, version| {
                self.declared.knows_secrets(name, fields, version)
            })?;
            Some((rewrite.name.clone(), unknown))
        })
    }

    /// The kind of an id that is personal in criteria, if the log is read without keys: no event has it as it is written there.
    fn unreadable_kind<'a>(&self, mut criteria: impl Iterator<Item = &'a Criteria>) -> Option<String> {
        let secret =
            criteria.find_map(|one| one.items().iter().flat_map(Item::tags).find(|tag| tag.is_secret()))?;
        self.store.as_stored().is_none().then(|| secret.kind().to_owned())
    }

    /// The successors that criteria do not select and the program does not declare, each with the item that selects the older name.
    pub(crate) fn missing<'a>(
        &self,
        stored: &'a Successors,
        criteria: &'a Criteria,
    ) -> Vec<(&'a Item, &'a Successor)> {
        let mut missing = Vec::new();
        if stored.all().is_empty() {
            return missing;
        }
        for item in criteria.items() {
            let mut names: Vec<&str> = item.type_names().iter().map(|name| &**name).collect();
            let mut next = 0;
            while let Some(name) = names.get(next).copied() {
                next += 1;
                for successor in stored.of(name) {
                    let (of, name, read) = (successor.of(), successor.name(), item.type_names());
                    let read = read.iter().map(|name| &**name);
                    let is_known = names.contains(&name)
                        || self.declared.covers(of, name, successor.is_rename(), read)
                        || selects(criteria, item, name);
                    if !is_known {
                        names.push(name);
                        missing.push((item, successor));
                    }
                }
            }
        }
        missing
    }

    /// What an append with these events knows of the successors.
    pub(crate) fn known(&self, stored: &Successors, events: &[Draft]) -> KnownSuccessors {
        let mut known = KnownSuccessors { version: stored.version, added: Vec::new() };
        for draft in events {
            for one in self.declared.predecessors(draft.name()) {
                if stored.of(one.name).iter().any(|stored| stored.name() == draft.name()) {
                    continue;
                }
                let name = draft.name().to_owned();
                let successor = match one.is_alias {
                    true => Successor::renamed(one.name, name),
                    false => Successor::made(one.name, name),
                };
                // No event is stored under a name that is not valid.
                known.added.extend(successor.ok().filter(|successor| !known.added.contains(successor)));
            }
        }
        known
    }
}

/// A pass that adds tags by which criteria select events: the name of the events and the kind of the ids.
fn running_retag<'a>(list: &'a Successors, criteria: &Criteria) -> Option<(&'a str, &'a str)> {
    list.rewrites().iter().find_map(|rewrite| match &rewrite.target {
        RewriteTarget::Tags { kind } if !rewrite.is_complete() && rewrite.concerns(criteria) => {
            Some((rewrite.name.as_str(), kind.as_str()))
        }
        _ => None,
    })
}

/// The error of a reader that does not read a successor.
pub(crate) fn superseded(successor: &Successor) -> Invalid {
    Invalid::Superseded {
        name: successor.of().to_owned(),
        successor: successor.name().to_owned(),
        since: successor.since(),
    }
}

/// Whether criteria select all events with a name that an item would select if it had the name.
fn selects(criteria: &Criteria, item: &Item, name: &str) -> bool {
    criteria.items().iter().any(|other| {
        let names = other.type_names();
        (names.is_empty() || names.iter().any(|one| one == name))
            && other.tags().iter().all(|tag| item.tags().contains(tag))
    })
}
