//! A domain whose commands have every shape of ids: one, an `Option`, a `Vec`, two fields of one aggregate, several aggregates for
//! one id and in several fields, an aggregate without an id, and the same id again in each of these.

use std::{collections::BTreeMap, sync::Arc};

use annalist::prelude::*;
use fastrand::Rng;

/// Wallets and items, few of each, so that the commands meet.
const IDS: u8 = 4;
/// So many wallets are read together.
const WIDE: u8 = 20;

/// Holds money.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct WalletId(String);

/// Is in stock.
#[derive(Id, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ItemId(String);

/// What a decision saw of one aggregate.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Its tag, or its name.
    pub(super) key: String,
    pub(super) balance: i64,
    /// The number of its events.
    pub(super) events: u64,
}

/// What a decision saw and decided.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(super) struct Entry {
    pub(super) op: u64,
    pub(super) seen: Vec<Seen>,
    /// What is added to the balance of each aggregate.
    pub(super) changes: BTreeMap<String, i64>,
}

/// The rejection: a balance would be negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) seen: Vec<Seen>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a balance would be negative: {:?}", self.seen)
    }
}

impl Entry {
    /// Marks the operation of a command with a command id.
    pub(super) const WITH_ID: u64 = 1 << 32;

    /// The first aggregate pays an amount, and each other one gets 1.
    fn new(op: u64, amount: i64, all: impl IntoIterator<Item = Seen>) -> Result<Self, Refused> {
        // Several states of one aggregate must be equal: all are recorded, and the oracle compares each.
        let (seen, mut changes): (Vec<Seen>, _) = (all.into_iter().collect(), BTreeMap::new());
        for Seen { key, .. } in &seen {
            let change = if changes.is_empty() { -amount } else { 1 };
            changes.entry(key.clone()).or_insert(change);
        }
        let is_negative = |one: &Seen| one.balance + changes[&one.key] < 0;
        if seen.iter().any(is_negative) {
            return Err(Refused { seen });
        }
        Ok(Self { op, seen, changes })
    }
}

/// A change of any number of wallets and items.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "booked")]
pub(super) struct Booked {
    #[id]
    wallets: Vec<WalletId>,
    #[id]
    items: Vec<ItemId>,
    entry: Entry,
}

/// A change that is numbered in the numbering.
#[derive(Event, Serialize, Deserialize, Clone, Debug)]
#[event(name = "numbered")]
pub(super) struct Numbered {
    #[id]
    wallet: Option<WalletId>,
    entry: Entry,
}

/// An aggregate that folds [`Booked`], and perhaps [`Numbered`].
macro_rules! aggregates {
    ($($name:ident($id:ty) $kind:literal: $($event:ident)+;)+) => {
        $(#[derive(Aggregate, Debug)]
        #[aggregate($(on($event => $name::apply)),+, error = Refused)]
        pub(super) struct $name {
            #[id]
            id: $id,
            balance: i64,
            events: u64,
        }

        impl $name {
            fn key(&self) -> String {
                format!("{}:{}", $kind, self.id)
            }

            fn apply(&mut self, event: &impl HasEntry) {
                self.balance += event.entry().changes.get(&self.key()).copied().unwrap_or_default();
                self.events += 1;
            }

            fn seen(&self) -> Seen {
                Seen { key: self.key(), balance: self.balance, events: self.events }
            }
        })+
    };
}

aggregates! {
    Wallet(WalletId) "wallet": Booked Numbered;
    Activity(WalletId) "activity": Booked Numbered;
    Item(ItemId) "item": Booked;
}

/// Counts the numbered changes of all wallets.
#[derive(Aggregate, Debug)]
#[aggregate(on(Numbered => Numbering::apply), error = Refused)]
pub(super) struct Numbering {
    balance: i64,
    events: u64,
}

impl Numbering {
    fn apply(&mut self, event: &Numbered) {
        self.balance += event.entry.changes.get("numbering").copied().unwrap_or_default();
        self.events += 1;
    }

    fn seen(&self) -> Seen {
        Seen { key: "numbering".to_owned(), balance: self.balance, events: self.events }
    }
}

/// An event with an entry.
pub(super) trait HasEntry {
    fn entry(&self) -> &Entry;
}

impl HasEntry for Booked {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

impl HasEntry for Numbered {
    fn entry(&self) -> &Entry {
        &self.entry
    }
}

/// A command of any shape.
#[derive(Command, Serialize, Deserialize, Clone, Debug)]
#[command(error = Refused)]
pub(super) enum Shaped {
    One(One),
    Maybe(Maybe),
    Many(Many),
    Pair(Pair),
    Mixed(Mixed),
    Active(Active),
    Count(Count),
}

/// Commands: their fields of ids, their decision, and what it sees.
macro_rules! commands {
    ($($(#[$command:meta])* $name:ident { $($(#[$field:meta])* $id:ident: $type:ty,)+ })+) => {
        $(#[derive(Command, Serialize, Deserialize, Clone, Debug)]
        $(#[$command])*
        pub(super) struct $name {
            $($(#[$field])* $id: $type,)+
            op: u64,
            amount: i64,
        })+

        impl Shaped {
            /// The same command as another operation.
            pub(super) fn with_op(&self, op: u64) -> Self {
                match self.clone() {
                    $(Self::$name(command) => Self::$name($name { op, ..command }),)+
                }
            }
        }
    };
}

commands! {
    #[command(decide = Wallet::one)]
    One {
        #[id]
        wallet: WalletId,
    }

    #[command(decide = maybe)]
    Maybe {
        #[id(Wallet)]
        wallet: WalletId,
        #[id(Wallet)]
        other: Option<WalletId>,
    }

    #[command(decide = many)]
    Many {
        #[id(Wallet)]
        wallets: Vec<WalletId>,
    }

    #[command(decide = pair)]
    Pair {
        #[id(Wallet)]
        from: WalletId,
        #[id(Wallet)]
        to: WalletId,
    }

    #[command(decide = mixed)]
    Mixed {
        #[id(Item)]
        item: Option<ItemId>,
        #[id(Wallet)]
        others: Vec<WalletId>,
        #[id(Item)]
        items: Vec<ItemId>,
        #[id(Wallet)]
        wallet: WalletId,
    }

    #[command(decide = active)]
    Active {
        #[id(Wallet, Activity)]
        wallet: WalletId,
        #[id(Activity, Wallet)]
        others: Vec<WalletId>,
    }

    #[command(decide = count, state(Numbering))]
    Count {
        #[id(Wallet)]
        wallet: Option<WalletId>,
    }
}

type Decided = Result<Booked, Refused>;

impl Wallet {
    fn one(&self, command: &One) -> Decided {
        let entry = Entry::new(command.op, command.amount, [self.seen()])?;
        Ok(Booked { wallets: vec![self.id.clone()], items: Vec::new(), entry })
    }
}

fn maybe((wallet, other): (&Wallet, &Option<Arc<Wallet>>), command: &Maybe) -> Decided {
    let all = [wallet].into_iter().chain(other.as_deref());
    let entry = Entry::new(command.op, command.amount, all.clone().map(Wallet::seen))?;
    Ok(Booked { wallets: all.map(|wallet| wallet.id.clone()).collect(), items: Vec::new(), entry })
}

fn many(wallets: &[Arc<Wallet>], command: &Many) -> Decided {
    let entry = Entry::new(command.op, command.amount, wallets.iter().map(|wallet| wallet.seen()))?;
    // With the ids as the caller named them, repeated ones included.
    Ok(Booked { wallets: command.wallets.clone(), items: Vec::new(), entry })
}

fn pair((from, to): (&Wallet, &Wallet), command: &Pair) -> Decided {
    let entry = Entry::new(command.op, command.amount, [from.seen(), to.seen()])?;
    Ok(Booked { wallets: vec![from.id.clone(), to.id.clone()], items: Vec::new(), entry })
}

#[allow(clippy::type_complexity, reason = "the states of four fields in one tuple")]
fn mixed(
    (item, others, items, wallet): (&Option<Arc<Item>>, &[Arc<Wallet>], &[Arc<Item>], &Wallet),
    command: &Mixed,
) -> Decided {
    let items = item.iter().chain(items).map(AsRef::as_ref);
    let wallets = [wallet].into_iter().chain(others.iter().map(AsRef::as_ref));
    let seen = wallets.clone().map(Wallet::seen).chain(items.clone().map(Item::seen));
    let entry = Entry::new(command.op, command.amount, seen)?;
    let wallets = wallets.map(|wallet| wallet.id.clone()).collect();
    Ok(Booked { wallets, items: items.map(|item| item.id.clone()).collect(), entry })
}

fn active(
    (wallet, activity, activities, others): (&Wallet, &Activity, &[Arc<Activity>], &[Arc<Wallet>]),
    command: &Active,
) -> Decided {
    let wallets = [wallet].into_iter().chain(others.iter().map(AsRef::as_ref));
    let activities = [activity].into_iter().chain(activities.iter().map(AsRef::as_ref));
    let seen = wallets.clone().map(Wallet::seen).chain(activities.map(Activity::seen));
    let entry = Entry::new(command.op, command.amount, seen)?;
    Ok(Booked { wallets: wallets.map(|wallet| wallet.id.clone()).collect(), items: Vec::new(), entry })
}

fn count(
    (wallet, numbering): (&Option<Arc<Wallet>>, &Numbering),
    command: &Count,
) -> Result<Numbered, Refused> {
    let seen = wallet.iter().map(|wallet| wallet.seen()).chain([numbering.seen()]);
    // The numbering counts even without a wallet that pays.
    let amount = if wallet.is_some() { command.amount } else { -1 };
    let entry = Entry::new(command.op, amount, seen)?;
    Ok(Numbered { wallet: command.wallet.clone(), entry })
}

impl Shaped {
    /// A random command on random ids.
    pub(super) fn random(op: u64, random: &mut Rng) -> Self {
        // A negative amount is paid in.
        let amount = random.i64(-4..=8);
        let wallet = |random: &mut Rng| WalletId(format!("w{}", random.u8(..IDS)));
        let item = |random: &mut Rng| ItemId(format!("i{}", random.u8(..IDS)));
        let wallets = |random: &mut Rng| (0..random.u8(..4)).map(|_| wallet(random)).collect();
        let maybe = |random: &mut Rng| random.bool().then(|| wallet(random));
        match random.u8(..8) {
            0 => Self::One(One { wallet: wallet(random), op, amount }),
            1 => Self::Maybe(Maybe { wallet: wallet(random), other: maybe(random), op, amount }),
            2 => Self::Many(Many { wallets: wallets(random), op, amount }),
            3 => Self::Pair(Pair { from: wallet(random), to: wallet(random), op, amount }),
            4 => Self::Mixed(Mixed {
                item: random.bool().then(|| item(random)),
                others: wallets(random),
                items: (0..random.u8(..4)).map(|_| item(random)).collect(),
                wallet: wallet(random),
                op,
                amount,
            }),
            5 => Self::Active(Active { wallet: wallet(random), others: wallets(random), op, amount }),
            6 => {
                let mut wallets: Vec<_> = (0..WIDE).map(|number| WalletId(format!("w{number}"))).collect();
                random.shuffle(&mut wallets);
                Self::Many(Many { wallets, op, amount })
            }
            _ => Self::Count(Count { wallet: maybe(random), op, amount }),
        }
    }
}
