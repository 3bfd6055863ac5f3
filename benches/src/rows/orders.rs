//! Orders that read an unchanged price and so must not wait for each other.

use std::sync::Arc;

use annalist::{App, Id};

use crate::{
    Result,
    domain::{OrderId, PlaceOrder, ProductId, SetPrice},
    environment::{Commits, Environment},
    harness::{Pair, side},
    task_pool::{pick, rate},
};

const PRODUCTS: usize = 1_000;

pub(super) async fn prepare(environment: &Environment, tasks: usize) -> Result<Pair> {
    let commands = environment.size().of(400, 3_000, 10_000);
    let (store, _) = environment.log(Commits::Plain).await?;
    let app = App::builder(store).start().await?;
    let products: Arc<Vec<ProductId>> = Arc::new((0..PRODUCTS).map(|_| ProductId::new()).collect());
    for &product in &*products {
        app.execute(SetPrice { product, price: 5 }).await?;
    }
    let hot = ProductId::new();
    app.execute(SetPrice { product: hot, price: 5 }).await?;
    Ok(Pair {
        ours: side(app.clone(), move |app| rate(tasks, commands, move |_| order(app.clone(), hot))),
        baseline: side(app, move |app| {
            let products = Arc::clone(&products);
            rate(tasks, commands, move |job| order(app.clone(), products[pick(job, PRODUCTS)]))
        }),
    })
}

async fn order(app: App, product: ProductId) -> Result<()> {
    let order = OrderId::new();
    app.execute(PlaceOrder { product, order }).await?;
    Ok(())
}
