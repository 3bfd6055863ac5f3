//! A longer log, whose other events are none of the work's.

use annalist::{App, Id};

use super::{Line, of_pairs};
use crate::{
    Result,
    domain::AccountId,
    hand::{self, bank::Bank},
    place::{Commits, Place},
    rows::deposits::{self, Load},
};

const TASKS: usize = 32;

pub(super) async fn draw(place: &Place) -> Result<Vec<Line>> {
    let sizes = vec![1_000, 10_000, 100_000, 1_000_000];
    let sizes = sizes.into_iter().take(place.size().of(1, 3, 4)).collect();
    let others: Vec<AccountId> = (0..1_000).map(|_| AccountId::new()).collect();
    of_pairs(sizes, async |events| {
        let (store, schema) = place.log(Commits::Plain).await?;
        hand::fill(place, &schema, events, &others).await?;
        let app = App::builder(store).start().await?;
        let schema = hand::schema_with_streams(place).await?;
        hand::fill(place, &schema, events, &others).await?;
        let bank = Bank::open_in(place, &schema, TASKS, Commits::Plain).await?;
        Ok(deposits::pair(app, bank, Load::new(place.size(), 200, TASKS)))
    })
    .await
}
