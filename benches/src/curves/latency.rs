//! How long a deposit takes while others arrive at a fixed rate, whether or not earlier ones are done: what waits for its turn
//! waits in the figures too, because each is counted from the time at which it was due.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use annalist::App;
use tokio::{task::JoinSet, time::sleep_until};

use super::{Line, Point};
use crate::{
    Result,
    crowd::pick,
    domain::Deposit,
    harness::quantile,
    place::{Commits, Place},
    rows::deposits::{self, Load},
};

const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)];

pub(super) async fn draw(place: &Place) -> Result<Vec<Line>> {
    let (store, _) = place.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    let mut lines = QUANTILES.map(|(name, _)| Line { name, points: Vec::new() });
    for rate in place.size().of(vec![50], vec![500, 1_000, 2_000], vec![250, 500, 1_000, 2_000, 4_000, 8_000])
    {
        let seconds = place.size().of(1, 3, 20);
        let took = under(&app, rate, rate * seconds).await?;
        for (line, (_, part)) in lines.iter_mut().zip(QUANTILES) {
            line.points.push(Point::at(rate, quantile(&took, part)));
        }
    }
    Ok(lines.into())
}

/// Milliseconds that the commands took, sorted.
async fn under(app: &App, rate: usize, commands: usize) -> Result<Vec<f64>> {
    let load = Load { accounts: 200, tasks: 1, commands };
    let accounts = Arc::new(deposits::ready(app, load).await?);
    let (mut crowd, start) = (JoinSet::new(), Instant::now());
    for job in 0..commands {
        let due = start + Duration::from_secs_f64(job as f64 / rate as f64);
        sleep_until(due.into()).await;
        let (app, account) = (app.clone(), accounts[pick(job, accounts.len())]);
        crowd.spawn(async move {
            app.execute(Deposit { account, amount: 1 }).await?;
            Ok::<_, crate::Error>(due.elapsed().as_secs_f64() * 1e3)
        });
    }
    let mut took = Vec::with_capacity(commands);
    while let Some(one) = crowd.join_next().await {
        took.push(one??);
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}
