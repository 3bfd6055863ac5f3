//! Who takes the money: a service outside, which may refuse, and may be away for a while.

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
    /// Takes an amount for an order, once: asked again for the same order, it gives the same answer and takes nothing.
    ///
    /// # Errors
    /// [`Away`] if there is no answer. It may have taken the money nevertheless: ask again.
    async fn charge(&self, order: &OrderId, amount: Cents) -> Result<Answer, Away>;
}

/// What a gateway says.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
pub enum Answer {
    /// It took the money.
    Paid {
        /// What it calls the payment.
        receipt: String,
    },
    /// It did not, and will not.
    Refused {
        /// Why.
        why: String,
    },
}

/// No answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the payment gateway does not answer")]
pub struct Away;

/// Stands in for a gateway: refuses what is above a limit, and does not answer a number of times.
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
    /// One that refuses what is above a limit.
    pub fn new(limit: Cents) -> Self {
        Self { limit, books: Mutex::default() }
    }

    /// The same, which first does not answer this many times.
    #[must_use]
    pub fn away(self, times: u32) -> Self {
        self.books().outages = times;
        self
    }

    /// From now on it answers.
    pub fn comes_back(&self) {
        self.books().outages = 0;
    }

    /// How often it was asked about an order.
    pub fn calls(&self, order: &OrderId) -> u32 {
        self.books().calls.get(order).copied().unwrap_or_default()
    }

    /// How many orders it has taken money for.
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
    async fn charge(&self, order: &OrderId, amount: Cents) -> Result<Answer, Away> {
        let mut books = self.books();
        *books.calls.entry(order.clone()).or_default() += 1;
        if let Some(left) = books.outages.checked_sub(1) {
            books.outages = left;
            return Err(Away);
        }
        Ok(books.answers.entry(order.clone()).or_insert_with(|| self.answer(order, amount)).clone())
    }
}
