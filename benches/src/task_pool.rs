//! Tasks that share a number of jobs.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use tokio::task::JoinSet;

use crate::Result;

/// Runs jobs `0..jobs` on a number of tasks, each taking the next open job, and returns the jobs per second.
pub(crate) async fn rate<F, Fut>(tasks: usize, jobs: usize, job: F) -> Result<f64>
where
    F: Fn(usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<()>> + Send,
{
    let (job, next) = (Arc::new(job), Arc::new(AtomicUsize::new(0)));
    let mut running = JoinSet::new();
    let start = Instant::now();
    for _ in 0..tasks {
        let (job, next) = (Arc::clone(&job), Arc::clone(&next));
        running.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= jobs {
                    return Ok(());
                }
                job(number).await?;
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.map_err(crate::Error::from).and_then(|answer: Result<()>| answer)?;
    }
    Ok(jobs as f64 / start.elapsed().as_secs_f64())
}

/// A deterministic number below `count` for a job, so that both sides choose equally.
pub(crate) fn pick(job: usize, count: usize) -> usize {
    fastrand::Rng::with_seed(job as u64).usize(..count)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn every_job_is_done_once() {
        let done = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&done);
        rate(4, 100, move |job| {
            seen.lock().unwrap().push(job);
            async { Ok(()) }
        })
        .await
        .unwrap();
        let mut done = done.lock().unwrap().clone();
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn failed_job_fails_the_run() {
        let outcome =
            rate(2, 10, |job| async move { if job == 5 { Err("five".into()) } else { Ok(()) } }).await;
        assert_eq!(outcome.unwrap_err().to_string(), "five");
    }
}
