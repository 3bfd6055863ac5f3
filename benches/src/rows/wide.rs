//! Commands over many aggregates, on the store in memory.

use std::{sync::Arc, time::Instant};

use annalist::{App, Memory};

use crate::{
    Result,
    baseline::wide::Items,
    domain::{CountItems, ItemId},
    harness::{Pair, Size, side},
};

/// The number of commands of one run. All name the same items.
const COMMANDS: usize = 5;

/// Commands over a number of items, each with one event that names all of them.
pub(super) fn counts(size: Size, items: usize) -> Pair {
    let items: Arc<Vec<ItemId>> =
        Arc::new((0..size.of(20, items, items)).map(|_| annalist::Id::new()).collect());
    let also = Arc::clone(&items);
    Pair {
        ours: side((), move |()| {
            let items = Arc::clone(&items);
            async move {
                let app = App::builder(Memory::new()).start().await?;
                let start = Instant::now();
                for _ in 0..COMMANDS {
                    app.execute(CountItems { items: items.to_vec() }).await?;
                }
                Ok(milliseconds_each(start))
            }
        }),
        baseline: side((), move |()| {
            let items = Arc::clone(&also);
            async move {
                let log = Items::default();
                let start = Instant::now();
                (0..COMMANDS).try_for_each(|_| log.count(&items))?;
                Result::Ok(milliseconds_each(start))
            }
        }),
    }
}

fn milliseconds_each(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3 / COMMANDS as f64
}
