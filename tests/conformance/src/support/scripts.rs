//! Random scripts that are shrunk to the shortest failing one.

use std::fmt::Debug;

use annalist_core::BoxError;
use proptest::{
    strategy::Strategy,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use tokio::runtime::Handle as Runtime;

use super::log::Log;
use crate::{
    Failure,
    failure::{Outcome, panicked},
};

/// Plays random scripts, each on its own log. A failing script is shrunk.
pub(crate) async fn for_all<S, T, F>(log: Log, scripts: fn() -> S, play: fn(Log, Vec<T>) -> F) -> Outcome
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
    // proptest is not async: it runs on a blocking thread.
    let played = tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
        let play = |steps| {
            let played = Runtime::current().block_on(async { play(log.another_log().await?, steps).await });
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
