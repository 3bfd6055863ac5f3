//! A longer log, with many events of other aggregates.

use annalist::{App, Id};

use super::{Line, of_pairs};
use crate::{
    Result,
    baseline::{self, bank::Bank},
    domain::AccountId,
    environment::{Commits, Environment},
    rows::deposits::{self, Load},
};

const TASKS: usize = 32;

pub(super) async fn draw(environment: &Environment) -> Result<Vec<Line>> {
    let sizes = vec![1_000, 10_000, 100_000, 1_000_000];
    let sizes = sizes.into_iter().take(environment.size().of(1, 3, 4)).collect();
    let others: Vec<AccountId> = (0..1_000).map(|_| AccountId::new()).collect();
    of_pairs(sizes, async |events| {
        let (store, schema) = environment.log(Commits::Plain).await?;
        baseline::fill(environment, &schema, events, &others).await?;
        let app = App::builder(store).start().await?;
        let schema = baseline::schema_with_streams(environment).await?;
        baseline::fill(environment, &schema, events, &others).await?;
        let bank = Bank::open_in(environment, &schema, TASKS, Commits::Plain).await?;
        Ok(deposits::pair(app, bank, Load::new(environment.size(), 200, TASKS)))
    })
    .await
}
