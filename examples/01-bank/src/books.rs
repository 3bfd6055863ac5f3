//! Customers who come from another bank, with all that happened to them there: made up, to have a log that is long.

use std::{ops::Range, time::Duration};

use annalist::{App, prelude::*};

use crate::{
    command::Import,
    event::{AccountEvent, AccountId, Opened},
    money::Cents,
};

/// How many events there are of each customer, the welcome bonus among them.
const EACH: usize = 100;
/// How many customers come at once.
const AT_ONCE: usize = 10;
/// How long their bonuses may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// Fills the bank with so many events, of a customer for every hundred, and gives how many customers came.
///
/// # Errors
/// If the store does not answer, or the policy that pays the bonus stands still.
pub async fn fill(app: &App, events: usize) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let customers = (events / EACH).max(1);
    let mut left = events.saturating_sub(customers);
    // Nobody was ever called by this number: the log has grown since.
    let first = app.store().settled().await?.position.get();
    for number in (0..customers).step_by(AT_ONCE) {
        let some = AT_ONCE.min(customers - number);
        let count = if number + some == customers { left } else { some * (EACH - 1) };
        let start = first + number as u64;
        let receipt = app.execute(import(start..start + some as u64, count)).actor("manager").await?;
        app.wait_for_position("welcome_bonus", &receipt, DEFAULT_TIMEOUT).await?;
        left -= count;
    }
    Ok(customers)
}

/// Some customers by their numbers, and what happened to them: opened, and then in turns.
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

/// Money comes in, some of it goes over to the next account, some of it out.
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
    fn the_books_have_as_many_events_as_were_asked_for() {
        let Import { accounts, books } = import(7..10, 100);
        assert_eq!((accounts.len(), books.len()), (3, 100));
        assert_eq!(accounts[0].to_string(), "c000007");
        assert!(books.iter().flat_map(AccountEvent::accounts).all(|account| accounts.contains(account)));
    }

    #[test]
    fn one_customer_moves_no_money_to_another() {
        let Import { books, .. } = import(0..1, 9);
        assert!(books.iter().all(|event| event.accounts().len() == 1));
    }
}
