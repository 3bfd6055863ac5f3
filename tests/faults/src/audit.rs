//! The assertions at the end, which hold whatever process was killed at whatever moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use annalist::{App, Criteria, Position, Recorded, manual::Codec};
use bank::{
    event::{AccountEvent, AccountId, Opened},
    policy::WelcomeBonus,
    projection::{Balance, Line},
};

use crate::control::Counted;

/// Waits until the rows include every event, with the events of policies.
pub async fn settle(app: &App) -> Position {
    loop {
        let before = app.store().settled().await.unwrap().position;
        app.wait_until_caught_up().await.unwrap();
        if app.store().settled().await.unwrap().position == before {
            return before;
        }
    }
}

/// Reads the whole log.
pub async fn log(app: &App) -> Vec<Recorded<AccountEvent>> {
    let mut feed = app.feed(Criteria::all());
    let mut log = Vec::new();
    loop {
        let page = feed.poll().await.unwrap();
        if page.records.is_empty() {
            return log;
        }
        page.records.iter().for_each(|record| record.decode_into(&Codec::default(), &mut log).unwrap());
    }
}

/// Asserts that every acknowledged command is in the log, once.
pub fn acknowledged_commands_are_in_the_log(log: &[Recorded<AccountEvent>], acknowledged: &BTreeSet<String>) {
    let mut events: HashMap<&str, usize> = HashMap::new();
    for recorded in log {
        *events.entry(recorded.metadata.command_id.as_ref().unwrap().as_str()).or_default() += 1;
    }
    let twice: Vec<_> = events.iter().filter(|(_, events)| **events > 1).collect();
    assert!(twice.is_empty(), "commands that happened twice: {twice:?}");
    let lost: Vec<_> = acknowledged.iter().filter(|id| !events.contains_key(id.as_str())).collect();
    assert!(lost.is_empty(), "of {} acknowledged commands these are lost: {lost:?}", acknowledged.len());
}

/// Asserts that the rows equal a plain fold of the log.
pub async fn rows_are_the_fold(app: &App, log: &[Recorded<AccountEvent>]) {
    let mut balances: BTreeMap<String, i64> = BTreeMap::new();
    let mut lines = 0;
    for recorded in log {
        lines += recorded.event.accounts().len();
        let mut add = |account: &AccountId, amount: i64| {
            *balances.entry(account.to_string()).or_default() += amount;
        };
        match &recorded.event {
            AccountEvent::Opened(Opened { account, .. }) => add(account, 0),
            AccountEvent::Deposited { account, amount } => add(account, amount.cents().cast_signed()),
            AccountEvent::Moved { from, to, amount } => {
                add(from, -amount.cents().cast_signed());
                add(to, amount.cents().cast_signed());
            }
            other => panic!("unexpected event {other:?}"),
        }
    }
    assert_eq!(balances_of(app).await, balances);
    assert_eq!(lines_of(app).await, lines);
}

async fn balances_of(app: &App) -> BTreeMap<String, i64> {
    let (mut balances, mut cursor) = (BTreeMap::new(), None);
    loop {
        let list = app.list::<Balance>().limit(1000);
        let page = match cursor {
            Some(cursor) => list.from(cursor).await.unwrap(),
            None => list.await.unwrap(),
        };
        balances.extend(page.rows.into_iter().map(|row| (row.account.to_string(), row.cents)));
        cursor = page.next;
        if cursor.is_none() {
            return balances;
        }
    }
}

async fn lines_of(app: &App) -> usize {
    let (mut lines, mut cursor) = (0, None);
    loop {
        let list = app.list::<Line>().limit(1000);
        let page = match cursor {
            Some(cursor) => list.from(cursor).await.unwrap(),
            None => list.await.unwrap(),
        };
        lines += page.rows.len();
        cursor = page.next;
        if cursor.is_none() {
            return lines;
        }
    }
}

/// Asserts that each account got one bonus, caused by the event that opened it.
pub fn each_bonus_was_paid_once(log: &[Recorded<AccountEvent>]) {
    let mut opened: HashMap<String, &AccountId> = HashMap::new();
    for recorded in log {
        if let AccountEvent::Opened(Opened { account, .. }) = &recorded.event {
            opened.insert(recorded.id.to_string(), account);
        }
    }
    for recorded in log.iter().filter(|recorded| recorded.metadata.hops > 0) {
        let cause = recorded.metadata.causation.as_ref().unwrap();
        let account = opened.remove(cause.as_str());
        let account = account.unwrap_or_else(|| panic!("{cause} has led to a second bonus"));
        let bonus = AccountEvent::Deposited { account: account.clone(), amount: WelcomeBonus::AMOUNT };
        assert_eq!(recorded.event, bonus);
    }
    assert!(opened.is_empty(), "{} accounts have no bonus", opened.len());
}

/// Asserts that the control has counted events twice, which proves that the kills matter.
pub fn control_has_counted_twice(log: &[Recorded<AccountEvent>], counted: Counted) {
    let events = log.iter().filter(|recorded| recorded.position <= counted.position).count() as u64;
    assert!(
        counted.events > events,
        "the control has counted {events} events correctly, in spite of all kills"
    );
}
