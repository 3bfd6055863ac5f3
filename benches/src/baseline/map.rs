//! A map from accounts to their events in the memory of the process, behind a lock.
//!
//! Each event is a stored name and JSON. There are no ids, tags, times, metadata and global order.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::event;
use crate::{
    Result,
    domain::{Account, AccountEvent, AccountId, Refused},
};

type Streams = HashMap<AccountId, Vec<(&'static str, String)>>;

#[derive(Clone, Default)]
pub(crate) struct Map(Arc<Mutex<Streams>>);

impl Map {
    /// Loads, decides and appends, and retries if another event was appended meanwhile.
    pub(crate) fn execute(
        &self,
        id: AccountId,
        decide: impl Fn(&Account) -> Result<AccountEvent, Refused>,
    ) -> Result<()> {
        loop {
            let (account, version) = self.load(id)?;
            let event = event::json(decide(&account)?)?;
            let mut streams = self.streams();
            let stream = streams.entry(id).or_default();
            if stream.len() == version {
                stream.push(event);
                return Ok(());
            }
        }
    }

    /// An account and the number of its events.
    pub(crate) fn load(&self, id: AccountId) -> Result<(Account, usize)> {
        let mut account = Account::new(id);
        let streams = self.streams();
        let stream = streams.get(&id).map_or(&[][..], Vec::as_slice);
        for (name, data) in stream {
            account.apply(&event::decode(name, data)?);
        }
        Ok((account, stream.len()))
    }

    /// Adds a number of deposits to each account.
    pub(crate) fn seed(&self, accounts: &[AccountId], events: usize) -> Result<()> {
        let mut streams = self.streams();
        for &account in accounts {
            for _ in 0..events {
                let deposited = AccountEvent::Deposited { account, amount: 1 };
                streams.entry(account).or_default().push(event::json(deposited)?);
            }
        }
        Ok(())
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
