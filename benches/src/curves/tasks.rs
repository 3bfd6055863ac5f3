//! More concurrent callers.

use super::{Line, of_pairs};
use crate::{
    Result,
    environment::{Commits, Environment},
    rows::deposits,
};

pub(super) async fn draw(environment: &Environment) -> Result<Vec<Line>> {
    let sizes =
        environment.size().of(vec![1, 8], vec![1, 4, 16, 64, 256], vec![1, 2, 4, 8, 16, 32, 64, 128, 256]);
    of_pairs(sizes, async |tasks| deposits::prepare(environment, 200, tasks, Commits::Plain).await).await
}
