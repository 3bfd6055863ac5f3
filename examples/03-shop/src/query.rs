//! What may be asked of the rows.

use annalist::{find::Cursor, manual::ReadModels, prelude::*};

use crate::{
    event::{CustomerId, OrderId},
    projection::{OrderRow, Shelf, State},
};

/// Where is my order?
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = OrderRow)]
pub struct OrderOf {
    /// The order.
    #[key]
    pub order: OrderId,
}

/// The orders of a customer, the newest first, a page at a time.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = OrderRow, order = placed, descending, limit = 50)]
pub struct OrdersOf {
    /// Whose.
    #[equal]
    pub customer: CustomerId,
    /// Only those that are so far.
    #[equal]
    pub state: Option<State>,
    /// How many a page holds.
    #[limit]
    pub page: Option<usize>,
    /// Where the page before ended.
    #[cursor]
    pub cursor: Option<Cursor>,
}

/// What sells best.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = Shelf, order = sold, descending, limit = 10)]
pub struct BestSellers {}

/// All products, a page at a time.
#[derive(Query, Serialize, Deserialize, Clone, Debug, Default)]
#[query(from = Shelf)]
pub struct WholeStock {
    /// Where the page before ended.
    #[cursor]
    pub cursor: Option<Cursor>,
}

/// What would become of an order that is placed again: written by hand, because the answer takes both read models.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Again {
    /// The order.
    pub order: OrderId,
}

/// The order, and what is there now of each product in it, in the order of its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderAndStock {
    /// The order.
    pub order: OrderRow,
    /// The products.
    pub stock: Vec<Shelf>,
}

impl OrderAndStock {
    /// Whether there is enough for the same order again.
    pub fn is_there_again(&self) -> bool {
        let mut lines = self.order.lines.iter().zip(&self.stock);
        lines.all(|(line, shelf)| shelf.available >= i64::from(line.count))
    }
}

impl Query for Again {
    type Answer = Option<OrderAndStock>;

    async fn answer(&self, models: &ReadModels) -> Result<Self::Answer, Error> {
        let Some(order) = models.find::<OrderRow>(&self.order).await? else { return Ok(None) };
        let mut stock = Vec::new();
        for line in &order.lines {
            stock.extend(models.find::<Shelf>(&line.product).await?);
        }
        Ok(Some(OrderAndStock { order, stock }))
    }
}
