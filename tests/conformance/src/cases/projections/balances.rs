//! A projection written by hand: balances of accounts, with what shows an event that was lost, doubled or moved.

use std::collections::BTreeMap;

use annalist_core::{
    Invalid,
    codec::Codec,
    context::Context,
    event::{Event, EventType, Tags, Types},
    payload::Payload,
    projection::{Change, Projection, RowOps, plan_event},
    record::{Draft, RawEvent, Record},
    rows::{ColumnType, Field, Role, Row, Table, Value},
    tag::Tag,
};

use crate::support::{
    fixtures::event_with,
    rows::{column, int, optional},
};

/// What can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fact {
    Deposited(i64, i64),
    /// From, to and how much.
    Moved(i64, i64, i64),
    Closed(i64),
    /// Something that only the cured projection can take.
    Spoiled(i64, Spoil),
}

/// In what way an event is more than the projection can take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Spoil {
    /// A newer program wrote it.
    Newer,
    /// Its key cannot be found.
    Key,
    /// The handler panics.
    Panic,
    /// The row it makes cannot be stored.
    Row,
}

pub(super) const SPOILS: [Spoil; 4] = [Spoil::Newer, Spoil::Key, Spoil::Panic, Spoil::Row];

impl Fact {
    /// The event to append.
    pub(super) fn draft(self) -> Draft {
        let (name, (one, two, three)) = match self {
            Self::Deposited(account, amount) => ("deposited", (account, account, amount)),
            Self::Moved(from, to, amount) => ("moved", (from, to, amount)),
            Self::Closed(account) => ("closed", (account, account, 0)),
            Self::Spoiled(account, spoil) => ("spoiled", (account, account, spoil as i64)),
        };
        let draft = event_with(name, &[&format!("account:{one}")], &format!("[{one},{two},{three}]"));
        match self {
            Self::Spoiled(_, Spoil::Newer) => {
                Draft::new(name, 2, draft.tags().iter().cloned(), draft.data().clone())
                    .expect("a valid event")
            }
            _ => draft,
        }
    }

    /// Any of the first three, on few accounts.
    pub(super) fn random(random: &mut fastrand::Rng) -> Self {
        let mut account = || random.i64(0..7);
        let (one, two) = (account(), account());
        match random.u8(0..10) {
            0 => Self::Closed(one),
            1..=4 => Self::Moved(one, two, random.i64(1..100)),
            _ => Self::Deposited(one, random.i64(1..100)),
        }
    }

    fn accounts(self) -> Vec<i64> {
        match self {
            Self::Deposited(account, _) | Self::Closed(account) | Self::Spoiled(account, _) => vec![account],
            Self::Moved(from, to, _) => vec![from, to],
        }
    }

    /// What a record says, to the program that knows all versions.
    fn of(name: &str, (one, two, three): (i64, i64, i64)) -> Self {
        match name {
            "moved" => Self::Moved(one, two, three),
            "closed" => Self::Closed(one),
            "spoiled" => Self::Spoiled(one, SPOILS[usize::try_from(three).unwrap_or(0)]),
            _ => Self::Deposited(one, three),
        }
    }
}

const fn named(name: &'static str) -> EventType {
    EventType::new(name, "Fact")
}

impl Event for Fact {
    const TYPES: Types = Types::Sum(&[
        &Types::One(named("deposited")),
        &Types::One(named("moved")),
        &Types::One(named("closed")),
        &Types::One(named("spoiled").version(2)),
    ]);

    fn stored_type(&self) -> (&'static str, u32) {
        unreachable!("the suite writes its events as drafts")
    }

    fn collect_tags(&self, _: &mut Tags) -> Result<(), Invalid> {
        unreachable!("the suite writes its events as drafts")
    }

    fn encode_payload(&self, _: &Codec) -> Result<Payload, Invalid> {
        unreachable!("the suite writes its events as drafts")
    }

    fn decode_raw(raw: &RawEvent<'_>, codec: &Codec, each: &mut dyn FnMut(Self)) -> Result<(), Invalid> {
        each(Self::of(raw.name, codec.decode(raw)?));
        Ok(())
    }
}

/// The row of an account. `CURED` is the program that can also take what is spoiled.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Balance<const CURED: bool = false> {
    account: i64,
    /// How many events it has seen.
    count: i64,
    /// What they were, in which order.
    trace: i64,
    /// Where the last of them stands.
    last: i64,
    /// The last other account.
    partner: Option<String>,
}

pub(super) const BALANCES: Table = Table {
    projection: "balances",
    version: 1,
    build: 0,
    columns: &[
        column("account", ColumnType::Int, Role::Key),
        column("count", ColumnType::Int, Role::Index),
        column("trace", ColumnType::Int, Role::Plain),
        column("last", ColumnType::Int, Role::Plain),
        optional("partner", ColumnType::Text, Role::Index),
    ],
};

impl<const CURED: bool> Balance<CURED> {
    pub(super) fn account(&self) -> i64 {
        self.account
    }

    pub(super) fn count(&self) -> i64 {
        self.count
    }

    fn apply(&mut self, fact: &Fact, context: &Context<'_>) -> Change {
        let position = context.position.map_or(0, |position| position.get().cast_signed());
        self.see(*fact, position)
    }

    fn see(&mut self, fact: Fact, position: i64) -> Change {
        self.count += 1;
        self.last = position;
        let seen = match fact {
            Fact::Deposited(_, amount) => amount,
            Fact::Moved(from, to, amount) => {
                let partner = if from == self.account { to } else { from };
                self.partner = Some(partner.to_string());
                if from == self.account { -amount } else { amount }
            }
            Fact::Closed(_) => return Change::Delete,
            Fact::Spoiled(_, Spoil::Panic) if !CURED => panics("the handler cannot take it"),
            Fact::Spoiled(_, Spoil::Row) if !CURED => {
                self.partner = Some("\0".to_owned());
                0
            }
            Fact::Spoiled(..) => 1_000,
        };
        self.trace = self.trace.wrapping_mul(31).wrapping_add(seen);
        Change::Keep
    }
}

impl<const CURED: bool> Projection for Balance<CURED> {
    type Key = i64;
    const TABLE: Table = BALANCES;
    const EVENTS: &'static [Types] = &[Fact::TYPES];

    fn initial(account: i64) -> Self {
        Self { account, count: 0, trace: 0, last: 0, partner: None }
    }

    fn plan_record<'a>(
        record: &'a Record,
        codec: &Codec,
        steps: &mut RowOps<'a, Self>,
    ) -> Result<(), Invalid> {
        if !CURED {
            RawEvent::from(record).at_most(1)?;
        }
        let keys = |fact: &Fact, _: &Record| match fact {
            // Any way to an `Invalid` will do.
            Fact::Spoiled(_, Spoil::Key) if !CURED => Tag::parse("no key").map(|_| vec![]),
            fact => Ok(fact.accounts()),
        };
        plan_event(record, codec, steps, keys, Self::apply)
    }

    fn to_row(&self) -> Result<Row, Invalid> {
        let Self { account, count, trace, last, partner } = self;
        Ok(vec![int(*account), int(*count), int(*trace), int(*last), partner.to_value()?])
    }

    fn from_row(row: Row) -> Result<Self, Invalid> {
        let [account, count, trace, last, partner] = row.try_into().expect("five columns");
        let number = |value: Value| i64::from_value(value);
        let (account, count) = (number(account)?, number(count)?);
        if count >= UNREADABLE {
            panics("a row that cannot be read");
        }
        let (trace, last) = (number(trace)?, number(last)?);
        Ok(Self { account, count, trace, last, partner: Field::from_value(partner)? })
    }
}

/// Panics without a word on the screen: it is part of the case.
fn panics(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

/// A row with a count like this cannot be read: it panics.
pub(super) const UNREADABLE: i64 = 1 << 40;

/// The rows that the records have to make, cured of what is spoiled: a plain loop, without the engine.
pub(super) fn folded(records: &[Record]) -> Vec<Row> {
    let mut rows: BTreeMap<i64, Balance<true>> = BTreeMap::new();
    for record in records.iter().filter(|record| const { &Fact::TYPES }.contains(&record.name)) {
        let numbers = record.data.as_str().trim_matches(['[', ']']).split(',');
        let numbers: Vec<i64> = numbers.map(|number| number.parse().expect("a number")).collect();
        let fact = Fact::of(&record.name, (numbers[0], numbers[1], numbers[2]));
        let mut accounts = fact.accounts();
        accounts.dedup();
        for account in accounts {
            let row = rows.entry(account).or_insert_with(|| Balance::initial(account));
            if row.see(fact, record.position.get().cast_signed()) == Change::Delete {
                rows.remove(&account);
            }
        }
    }
    rows.values().map(|row| row.to_row().expect("a row that can be kept")).collect()
}
