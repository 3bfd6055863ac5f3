//! Larger appends: more events, or larger ones.

use super::{Line, of_pairs};
use crate::{Result, environment::Environment, rows::packages};

pub(super) async fn draw_by_events(environment: &Environment) -> Result<Vec<Line>> {
    of_pairs(vec![1, 3, 10, 30, 100], async |events| packages::of_events(environment, events).await).await
}

pub(super) async fn draw_by_bytes(environment: &Environment) -> Result<Vec<Line>> {
    of_pairs(vec![100, 1_000, 10_000, 100_000], async |bytes| packages::of_bytes(environment, bytes).await)
        .await
}
