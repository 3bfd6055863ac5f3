//! A small bank and a small shop, whose decisions cost nothing compared with the measured work.

use std::{fmt, sync::Arc};

use annalist::prelude::*;

/// An account.
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AccountId(Uuid);

/// The events of accounts.
#[derive(Event, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[event(prefix = "account")]
pub(crate) enum AccountEvent {
    Opened {
        #[id]
        account: AccountId,
        owner: String,
    },
    Deposited {
        #[id]
        account: AccountId,
        amount: i64,
    },
    Moved {
        #[id]
        from: AccountId,
        #[id]
        to: AccountId,
        amount: i64,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refused {
    Open,
    SameAccount,
    Insufficient,
    TooMuch,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Refused {}

/// The decision of both sides.
#[derive(Aggregate, Clone, Debug)]
#[aggregate(on(AccountEvent => Account::apply), error = Refused)]
pub(crate) struct Account {
    #[id]
    id: AccountId,
    open: bool,
    pub(crate) balance: i64,
}

impl Account {
    pub(crate) fn new(id: AccountId) -> Self {
        Self { id, open: false, balance: 0 }
    }

    pub(crate) fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => self.open = true,
            AccountEvent::Deposited { amount, .. } => self.balance += amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.id => self.balance -= amount,
            AccountEvent::Moved { amount, .. } => self.balance += amount,
        }
    }

    pub(crate) fn open(&self, command: &Open) -> Result<AccountEvent, Refused> {
        if self.open {
            return Err(Refused::Open);
        }
        Ok(AccountEvent::Opened { account: command.account, owner: command.owner.clone() })
    }

    pub(crate) fn deposit(&self, command: &Deposit) -> Result<AccountEvent, Refused> {
        self.balance.checked_add(command.amount).ok_or(Refused::TooMuch)?;
        Ok(AccountEvent::Deposited { account: command.account, amount: command.amount })
    }

    pub(crate) fn fill(&self, command: &Fill) -> Result<Vec<AccountEvent>, Refused> {
        let deposited = AccountEvent::Deposited { account: command.account, amount: 1 };
        Ok(vec![deposited; command.events])
    }
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::open)]
pub(crate) struct Open {
    #[id]
    pub(crate) account: AccountId,
    pub(crate) owner: String,
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::deposit)]
pub(crate) struct Deposit {
    #[id]
    pub(crate) account: AccountId,
    pub(crate) amount: i64,
}

/// A number of deposits in one append.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = Account::fill)]
pub(crate) struct Fill {
    #[id]
    pub(crate) account: AccountId,
    pub(crate) events: usize,
}

#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = transfer)]
pub(crate) struct Transfer {
    #[id(Account)]
    pub(crate) from: AccountId,
    #[id(Account)]
    pub(crate) to: AccountId,
    pub(crate) amount: i64,
}

pub(crate) fn transfer(
    (from, to): (&Account, &Account),
    command: &Transfer,
) -> Result<AccountEvent, Refused> {
    if from.id == to.id {
        return Err(Refused::SameAccount);
    }
    if from.balance < command.amount {
        return Err(Refused::Insufficient);
    }
    to.balance.checked_add(command.amount).ok_or(Refused::TooMuch)?;
    Ok(AccountEvent::Moved { from: from.id, to: to.id, amount: command.amount })
}

/// An item that is counted together with many others.
#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ItemId(Uuid);

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Counted {
    #[id]
    pub(crate) items: Vec<ItemId>,
    /// The sum of the counts before.
    before: u64,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Counted => Item::counted))]
pub(crate) struct Item {
    #[id]
    id: ItemId,
    count: u64,
}

impl Item {
    pub(crate) fn new(id: ItemId) -> Self {
        Self { id, count: 0 }
    }

    pub(crate) fn counted(&mut self, _: &Counted) {
        self.count += 1;
    }

    pub(crate) fn count<'a>(states: impl IntoIterator<Item = &'a Self>, items: Vec<ItemId>) -> Counted {
        Counted { items, before: states.into_iter().map(|item| item.count).sum() }
    }
}

/// Counts all of its items in one event.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(decide = count_items)]
pub(crate) struct CountItems {
    #[id(Item)]
    pub(crate) items: Vec<ItemId>,
}

fn count_items(items: &[Arc<Item>], command: &CountItems) -> Counted {
    Item::count(items.iter().map(AsRef::as_ref), command.items.clone())
}

/// The read model of the projection rows.
#[derive(Projection, Clone, Debug, PartialEq)]
#[projection(name = "balances", version = 1, on(AccountEvent => Balance::apply))]
pub(crate) struct Balance {
    #[key]
    account: AccountId,
    cents: i64,
}

impl Balance {
    pub(crate) fn cents(&self) -> i64 {
        self.cents
    }

    fn apply(&mut self, event: &AccountEvent) {
        match event {
            AccountEvent::Opened { .. } => {}
            AccountEvent::Deposited { amount, .. } => self.cents += amount,
            AccountEvent::Moved { from, amount, .. } if *from == self.account => self.cents -= amount,
            AccountEvent::Moved { amount, .. } => self.cents += amount,
        }
    }
}

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ProductId(Uuid);

#[derive(Id, Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct OrderId(Uuid);

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Priced {
    #[id]
    product: ProductId,
    price: u64,
}

#[derive(Event, Serialize, Deserialize, Clone, Debug)]
pub(crate) struct Ordered {
    #[id]
    order: OrderId,
    #[id]
    product: ProductId,
    price: u64,
}

/// The price of a product, which is all that an order reads of it.
#[derive(Aggregate, Debug)]
#[aggregate(on(Priced => Price::apply), error = Unavailable)]
pub(crate) struct Price {
    #[id]
    id: ProductId,
    price: Option<u64>,
}

#[derive(Aggregate, Debug)]
#[aggregate(on(Ordered => Order::apply), error = Unavailable)]
pub(crate) struct Order {
    #[id]
    id: OrderId,
    placed: bool,
}

/// The product has no price, or the order already exists.
#[derive(Debug)]
pub(crate) struct Unavailable;

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the product has no price, or the order is placed already")
    }
}

impl std::error::Error for Unavailable {}

impl Price {
    fn apply(&mut self, event: &Priced) {
        self.price = Some(event.price);
    }

    fn set(&self, command: &SetPrice) -> Result<Priced, Unavailable> {
        Ok(Priced { product: self.id, price: command.price })
    }
}

impl Order {
    fn apply(&mut self, _: &Ordered) {
        self.placed = true;
    }
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = Price::set)]
pub(crate) struct SetPrice {
    #[id]
    pub(crate) product: ProductId,
    pub(crate) price: u64,
}

#[derive(Command, Serialize, Deserialize)]
#[command(decide = environment)]
pub(crate) struct PlaceOrder {
    #[id(Price)]
    pub(crate) product: ProductId,
    #[id(Order)]
    pub(crate) order: OrderId,
}

fn environment((price, order): (&Price, &Order), _: &PlaceOrder) -> Result<Ordered, Unavailable> {
    let cost = price.price.filter(|_| !order.placed).ok_or(Unavailable)?;
    Ok(Ordered { order: order.id, product: price.id, price: cost })
}
