//! Hand-written conversion of events to and from JSON, with exactly the texts that the library stores.

use annalist::Tag;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Result,
    domain::{AccountEvent, AccountId},
};

/// The values of one insert.
pub(crate) struct Draft {
    pub(crate) name: &'static str,
    pub(crate) tags: Vec<String>,
    pub(crate) data: String,
}

#[derive(Serialize, Deserialize)]
struct Opened {
    account: AccountId,
    owner: String,
}

#[derive(Serialize, Deserialize)]
struct Deposited {
    account: AccountId,
    amount: i64,
}

#[derive(Serialize, Deserialize)]
struct Moved {
    from: AccountId,
    to: AccountId,
    amount: i64,
}

pub(crate) fn encode(event: AccountEvent) -> Result<Draft> {
    let accounts = match &event {
        AccountEvent::Opened { account, .. } | AccountEvent::Deposited { account, .. } => vec![*account],
        AccountEvent::Moved { from, to, .. } => vec![*from, *to],
    };
    let tags = accounts.into_iter().map(tag).collect::<Result<_>>()?;
    let (name, data) = json(event)?;
    Ok(Draft { name, tags, data })
}

/// The stored name of an event and its JSON.
pub(crate) fn json(event: AccountEvent) -> Result<(&'static str, String)> {
    Ok(match event {
        AccountEvent::Opened { account, owner } => {
            ("account.opened", serde_json::to_string(&Opened { account, owner })?)
        }
        AccountEvent::Deposited { account, amount } => {
            ("account.deposited", serde_json::to_string(&Deposited { account, amount })?)
        }
        AccountEvent::Moved { from, to, amount } => {
            ("account.moved", serde_json::to_string(&Moved { from, to, amount })?)
        }
    })
}

pub(crate) fn decode(name: &str, data: &str) -> Result<AccountEvent> {
    Ok(match name {
        "account.opened" => {
            let Opened { account, owner } = serde_json::from_str(data)?;
            AccountEvent::Opened { account, owner }
        }
        "account.deposited" => {
            let Deposited { account, amount } = serde_json::from_str(data)?;
            AccountEvent::Deposited { account, amount }
        }
        "account.moved" => {
            let Moved { from, to, amount } = serde_json::from_str(data)?;
            AccountEvent::Moved { from, to, amount }
        }
        other => return Err(format!("unknown event `{other}`").into()),
    })
}

pub(crate) fn deposited(account: AccountId, amount: i64) -> Result<Draft> {
    encode(AccountEvent::Deposited { account, amount })
}

pub(crate) fn tag(account: AccountId) -> Result<String> {
    Ok(Tag::of(&account)?.as_str().to_owned())
}

/// The metadata that the library stores for a command without further options.
pub(crate) fn metadata(command: &str) -> String {
    let id = Uuid::now_v7();
    format!(r#"{{"command_id":"{id}","command":"{command}","correlation":"{id}"}}"#)
}

#[cfg(test)]
mod tests {
    use annalist::{App, Criteria, Id, Memory, Position, prelude::EventStore};

    use super::*;
    use crate::domain::{Deposit, Open};

    #[tokio::test]
    async fn both_sides_store_the_same() {
        let store = Memory::new();
        let app = App::builder(store.clone()).start().await.unwrap();
        let account = AccountId::new();
        app.execute(Open { account, owner: "Ann".into() }).await.unwrap();
        app.execute(Deposit { account, amount: 7 }).await.unwrap();
        let page = store
            .feed(&Criteria::all(), Position::default(), annalist::raw::store::PageLimit::records(10))
            .await
            .unwrap();
        let opened = AccountEvent::Opened { account, owner: "Ann".into() };
        let events = [opened, AccountEvent::Deposited { account, amount: 7 }];
        for (record, event) in page.records.iter().zip(events) {
            let hand_written = encode(event.clone()).unwrap();
            assert_eq!(hand_written.name, &*record.name);
            assert_eq!(hand_written.data, record.data.as_str());
            assert_eq!(hand_written.tags, record.tags.iter().map(Tag::as_str).collect::<Vec<_>>());
            assert_eq!(decode(hand_written.name, &hand_written.data).unwrap(), event);
        }
    }
}
