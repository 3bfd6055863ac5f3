//! The queries of the read models.

use annalist::{
    prelude::*,
    query::{Cursor, ReadModels},
};

use crate::{
    event::{CustomerId, OrderId},
    projection::{OrderRow, Shelf, State},
};

/// One order.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = OrderRow)]
pub struct OrderOf {
    /// The order.
    #[key]
    pub order: OrderId,
}

/// The orders of a customer, the newest first, page by page.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = OrderRow, order = placed, descending, limit = 50)]
pub struct OrdersOf {
    /// The customer.
    #[equal]
    pub customer: CustomerId,
    /// Only orders in this state.
    #[equal]
    pub state: Option<State>,
    /// The size of a page.
    #[limit]
    pub page: Option<usize>,
    /// The end of the previous page.
    #[cursor]
    pub cursor: Option<Cursor>,
}

/// The best-selling products.
#[derive(Query, Serialize, Deserialize, Clone, Debug)]
#[query(from = Shelf, order = sold, descending, limit = 10)]
pub struct BestSellers {}

/// All products, page by page.
#[derive(Query, Serialize, Deserialize, Clone, Debug, Default)]
#[query(from = Shelf)]
pub struct WholeStock {
    /// The end of the previous page.
    #[cursor]
    pub cursor: Option<Cursor>,
}

/// An order and the current stock of its products: written without the derive, because the answer needs both read models.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Again {
    /// The order.
    pub order: OrderId,
}

/// The order and the stock of each of its products, in the order of its lines.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderAndStock {
    /// The order.
    pub order: OrderRow,
    /// The products.
    pub stock: Vec<Shelf>,
}

impl OrderAndStock {
    /// Returns `true` if the stock suffices to place the same order again.
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
