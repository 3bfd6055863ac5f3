//! More callers at once.

use super::{Line, of_pairs};
use crate::{
    Result,
    place::{Commits, Place},
    rows::deposits,
};

pub(super) async fn draw(place: &Place) -> Result<Vec<Line>> {
    let sizes = place.size().of(vec![1, 8], vec![1, 4, 16, 64, 256], vec![1, 2, 4, 8, 16, 32, 64, 128, 256]);
    of_pairs(sizes, async |tasks| deposits::prepare(place, 200, tasks, Commits::Plain).await).await
}
