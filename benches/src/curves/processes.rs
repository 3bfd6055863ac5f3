//! Several processes on one log.

use super::{Line, Point};
use crate::{
    Result,
    environment::{Commits, Environment},
    rows::deposits::Load,
    worker::Worker,
};

const TASKS: usize = 32;

pub(super) async fn draw(environment: &Environment) -> Result<Vec<Line>> {
    let commands = Load::new(environment.size(), 200, TASKS).commands.to_string();
    let mut points = Vec::new();
    for processes in 1..=4 {
        let (_, schema) = environment.log(Commits::Plain).await?;
        let url = environment.url(Commits::Plain);
        let mut workers = Vec::new();
        for _ in 0..processes {
            workers.push(Worker::start(&["deposits", &url, &schema, &TASKS.to_string(), &commands]).await?);
        }
        let mut rate = 0.0;
        for result in Worker::run_all(workers).await? {
            rate += result.parse::<f64>()?;
        }
        points.push(Point::at(processes, rate));
    }
    Ok(vec![Line { name: "ours", points }])
}
