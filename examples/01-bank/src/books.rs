//! Generated customers that are imported from another bank with their history, to make a long log.

use std::{ops::Range, time::Duration};

use annalist::{App, prelude::*};

use crate::{
    command::Import,
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
};

/// The number of events of each customer, with the welcome bonus.
const EVENTS_PER_CUSTOMER: usize = 100;
/// The number of customers in one import.
const BATCH: usize = 10;
/// How long to wait for the bonuses of an import.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Fills the bank with this many events, a customer for each hundred, and returns the number of customers.
///
/// # Errors
/// Returns an error if the store fails, or if the policy that pays the bonus is stopped.
pub async fn fill(app: &App, events: usize) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let customers = (events / EVENTS_PER_CUSTOMER).max(1);
    let mut left = events.saturating_sub(customers);
    // The log grows with every import, so its length was never used as the number of a customer.
    let first = app.store().settled().await?.position.get();
    for number in (0..customers).step_by(BATCH) {
        let some = BATCH.min(customers - number);
        let count = if number + some == customers { left } else { some * (EVENTS_PER_CUSTOMER - 1) };
        let start = first + number as u64;
        let receipt = app.execute(import(start..start + some as u64, count)).actor("manager").await?;
        app.wait_for_position("welcome_bonus", &receipt, DEFAULT_TIMEOUT).await?;
        left -= count;
    }
    Ok(customers)
}

/// The import of some customers: their accounts are opened, then further events go to them in turn.
fn import(numbers: Range<u64>, events: usize) -> Import {
    let accounts: Vec<AccountId> = numbers.clone().map(account).collect();
    let opened =
        numbers.map(|number| AccountEvent::Opened(Opened { account: account(number), owner: owner(number) }));
    let turns = (0..).flat_map(|turn| (0..accounts.len()).map(move |place| (turn, place)));
    let later =
        turns.map(|(turn, place)| happened(turn, &accounts[place], &accounts[(place + 1) % accounts.len()]));
    let books = opened.chain(later).take(events).collect();
    Import { accounts, books }
}

/// Deposits money, moves some of it to the next account, and withdraws some.
fn happened(turn: usize, account: &AccountId, next: &AccountId) -> AccountEvent {
    let (account, amount) = (account.clone(), Cents::new);
    match turn % 3 {
        0 => AccountEvent::Deposited { account, amount: amount(30_00) },
        1 if account != *next => {
            AccountEvent::Moved { from: account, to: next.clone(), amount: amount(10_00) }
        }
        _ => AccountEvent::Withdrawn { account, amount: amount(5_00) },
    }
}

fn account(number: u64) -> AccountId {
    AccountId::from_inner(format!("c{number:06}"))
}

fn owner(number: u64) -> String {
    const FIRST: [&str; 7] = ["Ada", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gus"];
    const FAMILY: [&str; 14] = [
        "Young", "Abel", "West", "Brook", "Usher", "Cole", "Stone", "Dale", "Reed", "Field", "Pike", "Gray",
        "Lake", "Hill",
    ];
    let number = number as usize;
    format!("{} {}", FIRST[number % FIRST.len()], FAMILY[number % FAMILY.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_has_the_requested_number_of_events() {
        let Import { accounts, books } = import(7..10, 100);
        assert_eq!((accounts.len(), books.len()), (3, 100));
        assert_eq!(accounts[0].to_string(), "c000007");
        assert!(books.iter().flat_map(AccountEvent::accounts).all(|account| accounts.contains(account)));
    }

    #[test]
    fn import_of_one_customer_has_no_transfers() {
        let Import { books, .. } = import(0..1, 9);
        assert!(books.iter().all(|event| event.accounts().len() == 1));
    }
}
