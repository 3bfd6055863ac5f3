//! Items that are counted together, in the memory of the process, behind a lock.
//!
//! Each event is JSON, stored once, and each item has the numbers of its events.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    Result,
    domain::{Counted, Item, ItemId},
};

#[derive(Clone, Default)]
pub(crate) struct Items(Arc<Mutex<Log>>);

#[derive(Default)]
struct Log {
    events: Vec<String>,
    of_item: HashMap<ItemId, Vec<usize>>,
}

impl Items {
    /// Loads the items, decodes each of their events once, decides and appends.
    pub(crate) fn count(&self, items: &[ItemId]) -> Result<()> {
        let log = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let numbers: BTreeSet<usize> =
            items.iter().filter_map(|item| log.of_item.get(item)).flatten().copied().collect();
        let mut states: HashMap<ItemId, Item> = items.iter().map(|item| (*item, Item::new(*item))).collect();
        for number in numbers {
            let event: Counted = serde_json::from_str(&log.events[number])?;
            for item in &event.items {
                if let Some(state) = states.get_mut(item) {
                    state.counted(&event);
                }
            }
        }
        let event = Item::count(states.values(), items.to_vec());
        let number = log.events.len();
        log.events.push(serde_json::to_string(&event)?);
        for item in items {
            log.of_item.entry(*item).or_default().push(number);
        }
        Ok(())
    }
}
