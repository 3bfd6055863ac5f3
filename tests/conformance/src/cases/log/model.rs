//! Random scripts, played step by step on the store and on the model, the store in memory: every result must be equal.
//!
//! Positions may differ, because a store may leave gaps. Both sides are compared by the order of their events.

mod player;
mod step;

use self::{player::Player, step::script};
use crate::{
    failure::Outcome,
    support::{log::Log, scripts::for_all},
};

cases!("model": [
    random_scripts_agree_with_the_model,
]);

async fn random_scripts_agree_with_the_model(log: Log) -> Outcome {
    for_all(log, script, |log, steps| async move { Player::new(log).await?.play(steps).await }).await
}
