//! Whole commands on the store in memory, and the same on a hand-written map of events behind a lock: the events are encoded,
//! stored and folded.

use std::{
    collections::HashMap,
    error::Error,
    sync::{Mutex, MutexGuard, PoisonError},
};

use annalist::{App, Id as _, Memory, prelude::*};

use super::{Account, AccountEvent, AccountId, Deposit};

pub(super) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// The number of accounts that are known before the counted commands.
const KNOWN: usize = 1_000;

/// Deposits on known accounts, in turn, on an app.
pub(super) fn known_on_an_app(commands: usize) -> Result<u64> {
    on_an_app(known_accounts(commands))
}

/// Deposits on a new account each, on an app.
pub(super) fn new_on_an_app(commands: usize) -> Result<u64> {
    on_an_app(new_accounts(KNOWN + commands))
}

/// Deposits on known accounts, in turn, on a map.
pub(super) fn known_on_a_map(commands: usize) -> Result<u64> {
    on_a_map(known_accounts(commands))
}

/// Deposits on a new account each, on a map.
pub(super) fn new_on_a_map(commands: usize) -> Result<u64> {
    on_a_map(new_accounts(KNOWN + commands))
}

fn known_accounts(commands: usize) -> Vec<AccountId> {
    new_accounts(KNOWN).into_iter().cycle().take(KNOWN + commands).collect()
}

fn new_accounts(count: usize) -> Vec<AccountId> {
    (0..count).map(|_| AccountId::new()).collect()
}

/// Returns the number of events.
fn on_an_app(accounts: Vec<AccountId>) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let (app, mut events) = (App::builder(Memory::new()).start().await?, 0);
        for account in accounts {
            let result = app.execute(Deposit { account, amount: 1 }).await;
            let receipt = result.map_err(|error| format!("{error:?}"))?;
            events += receipt.events.len() as u64;
        }
        Ok(events)
    })
}

fn on_a_map(accounts: Vec<AccountId>) -> Result<u64> {
    let (map, mut events) = (Map::default(), 0);
    for account in accounts {
        map.deposit(account)?;
        events += 1;
    }
    Ok(events)
}

type Streams = HashMap<AccountId, Vec<(&'static str, String)>>;

/// The events of each account: stored names and JSON.
#[derive(Default)]
struct Map(Mutex<Streams>);

#[derive(Serialize, Deserialize)]
struct Deposited {
    account: AccountId,
    amount: u64,
}

impl Map {
    /// Loads, decides and appends, and retries if another event was appended meanwhile.
    fn deposit(&self, account: AccountId) -> Result<()> {
        loop {
            let (state, version) = self.load(account)?;
            let event = state.deposit(&Deposit { account, amount: 1 });
            let event = encode(event.map_err(|refused| format!("{refused:?}"))?)?;
            let mut streams = self.streams();
            let stream = streams.entry(account).or_default();
            if stream.len() == version {
                stream.push(event);
                return Ok(());
            }
        }
    }

    fn load(&self, id: AccountId) -> Result<(Account, usize)> {
        let (mut account, streams) = (Account { id, balance: 0 }, self.streams());
        let stream = streams.get(&id).map_or(&[][..], Vec::as_slice);
        for (name, data) in stream {
            account.apply(&decode(name, data)?);
        }
        Ok((account, stream.len()))
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(event: AccountEvent) -> Result<(&'static str, String)> {
    let (name, account, amount) = match event {
        AccountEvent::Deposited { account, amount } => ("account.deposited", account, amount),
        AccountEvent::Withdrawn { account, amount } => ("account.withdrawn", account, amount),
    };
    Ok((name, serde_json::to_string(&Deposited { account, amount })?))
}

fn decode(name: &str, data: &str) -> Result<AccountEvent> {
    let Deposited { account, amount } = serde_json::from_str(data)?;
    match name {
        "account.deposited" => Ok(AccountEvent::Deposited { account, amount }),
        "account.withdrawn" => Ok(AccountEvent::Withdrawn { account, amount }),
        other => Err(format!("unknown event `{other}`").into()),
    }
}
