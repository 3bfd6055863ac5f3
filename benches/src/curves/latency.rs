//! The latency of deposits that arrive at a fixed rate, whether or not earlier ones are done. Queueing time is
//! included, because each deposit is measured from its scheduled start.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use annalist::App;
use tokio::{task::JoinSet, time::sleep_until};

use super::{Line, Point};
use crate::{
    Result,
    domain::Deposit,
    environment::{Commits, Environment},
    harness::quantile,
    rows::deposits::{self, Load},
    task_pool::pick,
};

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)];

pub(super) async fn draw(environment: &Environment) -> Result<Vec<Line>> {
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    let mut lines = QUANTILES.map(|(name, _)| Line { name, points: Vec::new() });
    for rate in
        environment.size().of(vec![50], vec![500, 1_000, 2_000], vec![250, 500, 1_000, 2_000, 4_000, 8_000])
    {
        let seconds = environment.size().of(1, 3, 20);
        let took = under(&app, rate, rate * seconds).await?;
        for (line, (_, part)) in lines.iter_mut().zip(QUANTILES) {
            line.points.push(Point::at(rate, quantile(&took, part)));
        }
    }
    Ok(lines.into())
}

/// The latencies of the commands in milliseconds, sorted.
async fn under(app: &App, rate: usize, commands: usize) -> Result<Vec<f64>> {
    let load = Load { accounts: 200, tasks: 1, commands };
    let accounts = Arc::new(deposits::ready(app, load).await?);
    let (mut running, start) = (JoinSet::new(), Instant::now());
    for job in 0..commands {
        let due = start + Duration::from_secs_f64(job as f64 / rate as f64);
        sleep_until(due.into()).await;
        let (app, account) = (app.clone(), accounts[pick(job, accounts.len())]);
        running.spawn(async move {
            app.execute(Deposit { account, amount: 1 }).await?;
            Ok::<_, crate::Error>(due.elapsed().as_secs_f64() * 1e3)
        });
    }
    let mut took = Vec::with_capacity(commands);
    while let Some(one) = running.join_next().await {
        took.push(one??);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}
