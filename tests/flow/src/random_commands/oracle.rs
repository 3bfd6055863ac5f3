//! Checks the calls against the final log, with a model that knows only tags, numbers and changes.

use std::collections::{BTreeMap, HashMap};

use annalist::{Criteria, EventStore, Position, Receipt, Record, store::Read};
use serde::Deserialize;

use super::shapes::{Entry, Refused, Seen};

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
        let tags = record.tags.iter().map(ToString::to_string);
        let activities =
            tags.clone().filter_map(|tag| Some(format!("activity:{}", tag.strip_prefix("wallet:")?)));
        let numbering = (record.name == "numbered").then(|| "numbering".to_owned());
        for key in tags.clone().chain(activities).chain(numbering) {
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
pub(super) async fn check(store: &dyn EventStore, calls: &[Executed]) -> Result<(), String> {
    let (mut model, mut models) = (Model::default(), vec![(Position::START, Model::default())]);
    let mut positions = HashMap::new();
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
    }
    for Executed { op, from, outcome } in calls {
        match outcome {
            Ok(receipt) if positions.remove(op) == Some(receipt.position()) => {}
            Ok(receipt) => return Err(format!("operation {op} is not at {}", receipt.position())),
            Err(refused) => {
                // The states before the position, and each later one.
                let before = models.iter().rposition(|(position, _)| position <= from).unwrap_or_default();
                let mut since = models[before..].iter();
                if !since.any(|(_, model)| refused.seen.iter().all(|seen| model.agrees(seen))) {
                    return Err(format!(
                        "operation {op} was refused on states that the log never had: {refused}"
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

/// All records of a log.
async fn records(store: &dyn EventStore) -> Result<Vec<Record>, String> {
    let read = Read::all(Criteria::all());
    let batches = store.read(&[read]).await.map_err(|error| error.to_string())?;
    Ok(batches.into_iter().flat_map(|batch| batch.records).collect())
}
