//! Checks the calls against the final log, with a model that knows only tags, numbers and changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use annalist::{Criteria, EventStore, Position, Receipt, Record, store::Read};
use serde::Deserialize;

use super::shapes::{Entry, Refused, Seen};

/// In which order the store commits appends of different aggregates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commits {
    /// In the order of their positions.
    InOrder,
    /// In any order: what is read together may contain an event, but not one before it that is not committed yet.
    InAnyOrder,
}

/// One call and its outcome.
#[derive(Debug)]
pub(super) struct Executed {
    pub(super) op: u64,
    /// The settled position before the call.
    pub(super) from: Position,
    pub(super) outcome: Result<Receipt, Refused>,
}

/// The part of an event that the model reads.
#[derive(Deserialize)]
struct Stored {
    entry: Entry,
}

/// Balance and number of events of each aggregate.
#[derive(Clone, Default)]
struct Model(BTreeMap<String, (i64, u64)>);

impl Model {
    fn agrees(&self, seen: &Seen) -> bool {
        self.0.get(&seen.key).copied().unwrap_or_default() == (seen.balance, seen.events)
    }

    /// Applies an event to the aggregates that it is of.
    fn apply(&mut self, record: &Record, entry: &Entry) -> Result<(), String> {
        for key in keys(record) {
            let (balance, events) = self.0.entry(key.clone()).or_default();
            *balance += entry.changes.get(&key).copied().unwrap_or_default();
            *events += 1;
            if *balance < 0 {
                return Err(format!("`{key}` has the balance {balance} after {}", record.position));
            }
        }
        Ok(())
    }
}

/// Checks that every decision was made on the states at its position, that every accepted command is in the log once and no other
/// one is, and that every rejection was made on states that the log had since the call began.
pub(super) async fn check(
    store: &dyn EventStore,
    calls: &[Executed],
    commits: Commits,
) -> Result<(), String> {
    let (mut model, mut models) = (Model::default(), vec![(Position::START, Model::default())]);
    let (mut positions, mut log) = (HashMap::new(), Vec::new());
    for record in records(store).await? {
        let Stored { entry } =
            serde_json::from_str(record.data.as_str()).map_err(|error| error.to_string())?;
        if let Some(seen) = entry.seen.iter().find(|seen| !model.agrees(seen)) {
            return Err(format!(
                "operation {} at position {} was decided on {seen:?}, but the log had {:?}",
                entry.op,
                record.position,
                model.0.get(&seen.key)
            ));
        }
        model.apply(&record, &entry)?;
        models.push((record.position, model.clone()));
        if positions.insert(entry.op, record.position).is_some() {
            return Err(format!("operation {} is in the log twice", entry.op));
        }
        log.push(Event { position: record.position, keys: keys(&record).collect() });
    }
    for Executed { op, from, outcome } in calls {
        match outcome {
            Ok(receipt) if positions.remove(op) == Some(receipt.position()) => {}
            Ok(receipt) => return Err(format!("operation {op} is not at {}", receipt.position())),
            Err(refused) => {
                // The states before the position, and each later one.
                let before = models.iter().rposition(|(position, _)| position <= from).unwrap_or_default();
                let mut since = models[before..].iter();
                let was_state = since.any(|(_, model)| refused.seen.iter().all(|seen| model.agrees(seen)))
                    || commits == Commits::InAnyOrder && were_committed(&log, &models, *from, &refused.seen);
                if !was_state {
                    return Err(format!(
                        "operation {op}, called after {from}, was refused on states that the log never had: {refused}\n\
                         the log: {log:?}"
                    ));
                }
            }
        }
    }
    match positions.into_keys().next() {
        Some(op) => Err(format!("operation {op} is in the log, but was not accepted")),
        None => Ok(()),
    }
}

/// Whether the states contain what was committed at one moment after a position, on a store that commits appends in another order
/// than that of their positions, unless they belong to the same aggregate.
///
/// An event was committed if a state contains it, and before each later event of one of its aggregates. Each state of its
/// aggregates must contain it then.
fn were_committed(log: &[Event], models: &[(Position, Model)], from: Position, seen: &[Seen]) -> bool {
    let was_state = |seen: &Seen| models.iter().any(|(_, model)| model.agrees(seen));
    if !seen.iter().all(was_state) {
        return false;
    }
    let counts: HashMap<&str, u64> = seen.iter().map(|seen| (&*seen.key, seen.events)).collect();
    // How many events of each aggregate there are up to the event.
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    for key in log.iter().flat_map(|event| &event.keys) {
        *numbers.entry(key).or_default() += 1;
    }
    let mut committed: BTreeSet<&str> = BTreeSet::new();
    for Event { position, keys } in log.iter().rev() {
        let contains = |key: &String| Some(counts.get(&**key)? >= numbers.get(&**key)?);
        let is_committed = *position <= from
            || keys.iter().any(|key| committed.contains(&**key) || contains(key) == Some(true));
        if is_committed && keys.iter().any(|key| contains(key) == Some(false)) {
            return false;
        }
        for key in keys {
            if is_committed {
                committed.insert(key);
            }
            numbers.entry(key).and_modify(|number| *number -= 1);
        }
    }
    true
}

/// An event of the log.
#[derive(Debug)]
struct Event {
    position: Position,
    keys: Vec<String>,
}

/// The aggregates of an event.
fn keys(record: &Record) -> impl Iterator<Item = String> {
    let tags = record.tags.iter().map(ToString::to_string);
    let activities =
        tags.clone().filter_map(|tag| Some(format!("activity:{}", tag.strip_prefix("wallet:")?)));
    tags.chain(activities).chain((record.name == "numbered").then(|| "numbering".to_owned()))
}

/// All records of a log.
async fn records(store: &dyn EventStore) -> Result<Vec<Record>, String> {
    let read = Read::all(Criteria::all());
    let batches = store.read(&[read]).await.map_err(|error| error.to_string())?;
    Ok(batches.into_iter().flat_map(|batch| batch.records).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three events of two accounts, of which each adds 1 to the balance: the first of `a`, the next of `b`, the last of both.
    fn log() -> (Vec<Event>, Vec<(Position, Model)>) {
        let (mut model, mut log, mut models) = (Model::default(), Vec::new(), Vec::new());
        models.push((Position::START, model.clone()));
        for (position, keys) in [(1, ["a"].as_slice()), (2, &["b"]), (3, &["a", "b"])] {
            let position = Position::new(position);
            for key in keys {
                let (balance, events) = model.0.entry((*key).to_owned()).or_default();
                (*balance, *events) = (*balance + 1, *events + 1);
            }
            models.push((position, model.clone()));
            log.push(Event { position, keys: keys.iter().map(|key| (*key).to_owned()).collect() });
        }
        (log, models)
    }

    fn is_accepted(from: u64, a: u64, b: u64) -> bool {
        let (log, models) = log();
        let seen = [("a", a), ("b", b)].map(|(key, events)| Seen {
            key: key.to_owned(),
            balance: events.cast_signed(),
            events,
        });
        were_committed(&log, &models, Position::new(from), &seen)
    }

    #[test]
    fn states_of_one_moment_contain_all_events_that_were_committed_before() {
        // The second event may be committed before the first one, but not one half of the third, nor the third before them.
        let accepted: Vec<_> =
            (0..9).map(|both| (both / 3, both % 3)).filter(|(a, b)| is_accepted(0, *a, *b)).collect();
        assert_eq!(accepted, [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2)]);
        let later: Vec<_> =
            (0..9).map(|both| (both / 3, both % 3)).filter(|(a, b)| is_accepted(1, *a, *b)).collect();
        assert_eq!(later, [(1, 0), (1, 1), (2, 2)], "the first one was committed before the call");
        assert!(!is_accepted(0, 3, 3), "there is no such state");
    }
}
