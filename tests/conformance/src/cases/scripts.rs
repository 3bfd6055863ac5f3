//! Random scripts, played step by step on the store and on the memory model: every answer must be the same.
//!
//! Positions need not be: a store may leave gaps. Both sides are compared by the order of their events.

mod player;
mod step;

use std::fmt::Debug;

use annalist_core::BoxError;
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tokio::runtime::Handle as Runtime;

use self::{player::Player, step::script};
use crate::{
    Failure,
    failure::{Outcome, panicked},
    log::Log,
};

cases!("script": [
    every_answer_is_that_of_the_model,
]);

async fn every_answer_is_that_of_the_model(log: Log) -> Outcome {
    for_all(log, script, |log, steps| async move { Player::new(log).await?.play(steps).await }).await
}

/// Plays random scripts, each on a log of its own. One that fails is made as short as it can be.
pub(super) async fn for_all<S, T, F>(log: Log, scripts: fn() -> S, play: fn(Log, Vec<T>) -> F) -> Outcome
where
    S: Strategy<Value = Vec<T>> + 'static,
    T: Debug + 'static,
    F: Future<Output = Outcome> + 'static,
{
    let mut config = Config::with_cases(u32::try_from(log.rounds(20)).unwrap_or(u32::MAX));
    config.failure_persistence = None;
    config.max_shrink_iters = 400;
    let mut seed = [0; 32];
    log.random("script").fill(&mut seed);
    // The runner of properties knows nothing of futures, so it gets a thread of its own.
    let played = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let play = |steps| {
            let played = Runtime::current().block_on(async { play(log.another().await?, steps).await });
            played.map_err(|failure: Failure| TestCaseError::fail(failure.to_string()))
        };
        match runner.run(&scripts(), play) {
            Ok(()) => Ok(()),
            Err(TestError::Fail(reason, steps)) => {
                let steps: Vec<String> =
                    steps.iter().enumerate().map(|(n, step)| format!("\n    {n}: {step:?}")).collect();
                Err(Failure::new(format!("{reason}\n  in the script{}", steps.concat())))
            }
            Err(TestError::Abort(reason)) => Err(Failure::from(BoxError::from(reason.to_string()))),
        }
    });
    played.await.map_err(panicked)?
}
