//! The domain of the README with the derives of the write side.

#![allow(missing_docs, reason = "a test has no documentation to read")]

use annalist::prelude::*;
use annalist_ui_tests::{decide, draft_text, read, written};

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AccountId(Uuid);

#[derive(Event, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[event(prefix = "account")]
pub enum AccountEvent {
    Opened {
        #[id]
        account: AccountId,
        owner: String,
    },
    Deposited {
        #[id]
        account: AccountId,
        amount: u64,
    },
    Moved {
        #[id]
        from: AccountId,
        #[id]
        to: AccountId,
        amount: u64,
    },
}

#[derive(Aggregate, Debug)]
#[aggregate(on(AccountEvent => Account::apply), error = AccountError)]
pub struct Account {
    #[id]
    id: AccountId,
    open: bool,
    balance: u64,
}

#[derive(Debug, PartialEq)]
pub enum AccountError {
    NotOpen,
    Insufficient,
    SameAccount,
}

impl Account {
    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.id => self.balance -= amount,
            AccountEvent::Moved { amount, .. } => self.balance += amount,
        }
    }

    fn deposit(&self, c: &Deposit) -> Result<AccountEvent, AccountError> {
        if !self.open {
            return Err(AccountError::NotOpen);
        }
        Ok(AccountEvent::Deposited { account: c.account, amount: c.amount })
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Account::deposit)]
pub struct Deposit {
    #[id]
    pub account: AccountId,
    pub amount: u64,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = transfer)]
pub struct Transfer {
    #[id(Account)]
    pub from: AccountId,
    #[id(Account)]
    pub to: AccountId,
    pub amount: u64,
}

fn transfer((from, to): (&Account, &Account), c: &Transfer) -> Result<AccountEvent, AccountError> {
    if c.from == c.to {
        return Err(AccountError::SameAccount);
    }
    if !from.open || !to.open {
        return Err(AccountError::NotOpen);
    }
    if from.balance < c.amount {
        return Err(AccountError::Insufficient);
    }
    Ok(AccountEvent::Moved { from: c.from, to: c.to, amount: c.amount })
}

fn opened(account: AccountId) -> AccountEvent {
    AccountEvent::Opened { account, owner: "Ann".into() }
}

fn deposited(account: AccountId, amount: u64) -> AccountEvent {
    AccountEvent::Deposited { account, amount }
}

#[test]
fn command_is_decided_on_the_states_it_names() {
    let (a, b) = (AccountId::new(), AccountId::new());
    let decided = decide([opened(a), deposited(a, 3)], Deposit { account: a, amount: 4 });
    assert_eq!(decided.name, "deposit");
    assert_eq!(decided.reads.len(), 1);
    assert_eq!(
        decided.events(),
        [format!("account.deposited v1 {{\"account\":\"{a}\",\"amount\":4}} [account:{a}]")]
    );
    assert_eq!(decide((), Deposit { account: a, amount: 4 }).error(), AccountError::NotOpen);

    let past = [opened(a), opened(b), deposited(a, 10)];
    let transfer = |amount| Transfer { from: a, to: b, amount };
    assert_eq!(decide(past.clone(), transfer(40)).error(), AccountError::Insufficient);
    let decided = decide(past, transfer(10));
    assert_eq!(decided.reads.len(), 2);
    assert_eq!(decided.result.unwrap()[0].tags().len(), 2);
}

#[test]
fn event_payload_contains_only_the_fields() {
    let id: AccountId = "018f0000-0000-7000-8000-000000000001".parse().unwrap();
    let draft = written(opened(id)).remove(0);
    assert_eq!(
        draft_text(&draft),
        format!("account.opened v1 {{\"account\":\"{id}\",\"owner\":\"Ann\"}} [account:{id}]")
    );
    assert_eq!(read::<AccountEvent>("account.opened", 1, draft.data().as_str()).unwrap(), [opened(id)]);
    assert!(read::<AccountEvent>("account.opened", 2, draft.data().as_str()).is_err());
    assert!(read::<AccountEvent>("account.closed", 1, "{}").is_err());
}
