//! Deposits in a log that has many successors of event names, which every append is checked against.

use annalist::{App, EventStore, Postgres, raw::store::Successor};

use super::deposits::{self, Load};
use crate::{
    Result,
    environment::{Commits, Environment},
    harness::{Pair, side},
    moved_log,
};

/// The number of successors in the log.
const SUCCESSORS: usize = 1_000;

pub(super) async fn prepare(environment: &Environment, tasks: usize) -> Result<Pair> {
    let load = Load::new(environment.size(), 200, tasks);
    let (with, _) = environment.log(Commits::Plain).await?;
    add_successors(&with).await?;
    let (without, _) = environment.log(Commits::Plain).await?;
    let [ours, baseline] = [App::builder(with).start().await?, App::builder(without).start().await?];
    Ok(Pair {
        ours: side((ours, load), |(app, load)| deposits::ours(app, load)),
        baseline: side((baseline, load), |(app, load)| deposits::ours(app, load)),
    })
}

/// Imports an event, and the successors of as many names.
async fn add_successors(store: &Postgres) -> Result<()> {
    let event = moved_log::record(0)?;
    let position = event.position;
    let successors = (0..SUCCESSORS).map(|number| {
        let (of, name) = (format!("shipment.step_{number}"), format!("parcel.step_{number}"));
        Ok(Successor::renamed(of, name)?.stored_at(position))
    });
    let mut import = store.import().await?;
    import.write_events(vec![event], Vec::new()).await?;
    import.write_successors(successors.collect::<Result<_>>()?).await?;
    Ok(import.finish().await?)
}
