//! The payment gateway: an external service that may refuse, or be unavailable for a while.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use annalist::prelude::*;
use async_trait::async_trait;

use crate::{event::OrderId, money::Cents};

/// A payment service.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// Charges the amount of an order. A repeated call for the same order returns the same answer and charges nothing.
    ///
    /// # Errors
    /// Returns [`Unavailable`] if there is no answer. The order may have been charged nevertheless, so call again.
    async fn charge(&self, order: &OrderId, amount: Cents) -> Result<Answer, Unavailable>;
}

/// The answer of a gateway.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Answer {
    /// The order was charged.
    Paid {
        /// The gateway's id of the payment.
        receipt: String,
    },
    /// The payment is refused for good.
    Refused {
        /// The reason.
        why: String,
    },
}

/// The gateway did not answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the payment gateway does not answer")]
pub struct Unavailable;

/// A gateway for tests: refuses amounts above a limit, and can be unavailable for a number of calls.
#[derive(Debug)]
pub struct FakeGateway {
    limit: Cents,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    outages: u32,
    answers: HashMap<OrderId, Answer>,
    calls: HashMap<OrderId, u32>,
}

impl FakeGateway {
    /// Creates a gateway that refuses amounts above a limit.
    pub fn new(limit: Cents) -> Self {
        Self { limit, books: Mutex::default() }
    }

    /// Makes the gateway unavailable for this many calls.
    #[must_use]
    pub fn away(self, times: u32) -> Self {
        self.books().outages = times;
        self
    }

    /// Makes the gateway available again.
    pub fn comes_back(&self) {
        self.books().outages = 0;
    }

    /// The number of calls for an order.
    pub fn calls(&self, order: &OrderId) -> u32 {
        self.books().calls.get(order).copied().unwrap_or_default()
    }

    /// The number of charged orders.
    pub fn paid(&self) -> usize {
        self.books().answers.values().filter(|answer| matches!(answer, Answer::Paid { .. })).count()
    }

    fn answer(&self, order: &OrderId, amount: Cents) -> Answer {
        match amount {
            amount if amount > self.limit => Answer::Refused { why: format!("above {}", self.limit) },
            _ => Answer::Paid { receipt: format!("receipt for {order}") },
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Gateway for FakeGateway {
    async fn charge(&self, order: &OrderId, amount: Cents) -> Result<Answer, Unavailable> {
        let mut books = self.books();
        *books.calls.entry(order.clone()).or_default() += 1;
        if let Some(left) = books.outages.checked_sub(1) {
            books.outages = left;
            return Err(Unavailable);
        }
        Ok(books.answers.entry(order.clone()).or_insert_with(|| self.answer(order, amount)).clone())
    }
}
