//! A projection without macros: balances of accounts, whose rows reveal events that were lost, repeated or reordered.

use std::collections::BTreeMap;

use annalist_core::{
    Invalid,
    codec::{Codec, RawEvent},
    context::Context,
    event::{Event, EventType, Tags, Types, WritableEvent},
    limits::MAX_PAYLOAD,
    payload::Payload,
    projection::{Change, Projection, RowOps, plan_event},
    record::{Draft, Record},
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
    /// The accounts from and to which an amount is moved, and the amount.
    Moved(i64, i64, i64),
    Closed(i64),
    /// An event that only the fixed projection can process.
    Defective(i64, Defect),
}

/// Why the projection cannot process an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Defect {
    /// The event has a newer schema version.
    Newer,
    /// The key cannot be determined.
    Key,
    /// The handler panics.
    Panic,
    /// The resulting row cannot be stored.
    Row,
}

pub(super) const DEFECTS: [Defect; 4] = [Defect::Newer, Defect::Key, Defect::Panic, Defect::Row];

impl Fact {
    /// The event to append.
    pub(super) fn draft(self) -> Draft {
        let (name, (one, two, three)) = match self {
            Self::Deposited(account, amount) => ("deposited", (account, account, amount)),
            Self::Moved(from, to, amount) => ("moved", (from, to, amount)),
            Self::Closed(account) => ("closed", (account, account, 0)),
            Self::Defective(account, defect) => ("defective", (account, account, defect as i64)),
        };
        let draft = event_with(name, &[&format!("account:{one}")], &format!("[{one},{two},{three}]"));
        match self {
            Self::Defective(_, Defect::Newer) => {
                Draft::new(name, 2, draft.tags().iter().cloned(), draft.data().clone())
                    .expect("a valid event")
            }
            _ => draft,
        }
    }

    /// A random fact of the first three variants, on few accounts.
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
            Self::Deposited(account, _) | Self::Closed(account) | Self::Defective(account, _) => {
                vec![account]
            }
            Self::Moved(from, to, _) => vec![from, to],
        }
    }

    /// Decodes a fact of any version.
    fn of(name: &str, (one, two, three): (i64, i64, i64)) -> Self {
        match name {
            "moved" => Self::Moved(one, two, three),
            "closed" => Self::Closed(one),
            "defective" => Self::Defective(one, DEFECTS[usize::try_from(three).unwrap_or(0)]),
            _ => Self::Deposited(one, three),
        }
    }
}

const fn named(name: &'static str) -> EventType {
    EventType::new(name, "Fact")
}

impl WritableEvent for Fact {}

impl Event for Fact {
    const TYPES: Types = Types::Sum(&[
        &Types::One(named("deposited")),
        &Types::One(named("moved")),
        &Types::One(named("closed")),
        &Types::One(named("defective").version(2)),
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

/// The row of an account. With `FIXED` the projection can process defective events.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Balance<const FIXED: bool = false> {
    account: i64,
    /// The number of events.
    count: i64,
    /// A hash of the events and their order.
    trace: i64,
    /// The position of the last event.
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

impl<const FIXED: bool> Balance<FIXED> {
    pub(super) fn account(&self) -> i64 {
        self.account
    }

    pub(super) fn count(&self) -> i64 {
        self.count
    }

    fn apply(&mut self, fact: &Fact, context: &Context<'_>) -> Change {
        let position = context.position.map_or(0, |position| position.get().cast_signed());
        self.count_event(*fact, position)
    }

    /// Counts an event and updates the row.
    fn count_event(&mut self, fact: Fact, position: i64) -> Change {
        self.count += 1;
        self.last = position;
        let amount = match fact {
            Fact::Deposited(_, amount) => amount,
            Fact::Moved(from, to, amount) => {
                let partner = if from == self.account { to } else { from };
                self.partner = Some(partner.to_string());
                if from == self.account { -amount } else { amount }
            }
            Fact::Closed(_) => return Change::Delete,
            Fact::Defective(_, Defect::Panic) if !FIXED => panics("the handler panics on this event"),
            Fact::Defective(_, Defect::Row) if !FIXED => {
                self.partner = Some("x".repeat(MAX_PAYLOAD + 1));
                0
            }
            Fact::Defective(..) => 1_000,
        };
        self.trace = self.trace.wrapping_mul(31).wrapping_add(amount);
        Change::Keep
    }
}

impl<const FIXED: bool> Projection for Balance<FIXED> {
    type Key = i64;
    const TABLE: Table = BALANCES;
    const EVENTS: &'static [Types] = &[Fact::TYPES];

    fn initial(account: i64) -> Self {
        Self { account, count: 0, trace: 0, last: 0, partner: None }
    }

    fn plan_record<'a>(record: &'a Record, codec: &Codec, ops: &mut RowOps<'a, Self>) -> Result<(), Invalid> {
        if !FIXED {
            RawEvent::from(record).check_version(1)?;
        }
        let keys = |fact: &Fact, _: &Record| match fact {
            // Any call that returns an `Invalid`.
            Fact::Defective(_, Defect::Key) if !FIXED => Tag::parse("no key").map(|_| vec![]),
            fact => Ok(fact.accounts()),
        };
        plan_event(record, codec, ops, keys, Self::apply)
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
            panics("the row cannot be read");
        }
        let (trace, last) = (number(trace)?, number(last)?);
        Ok(Self { account, count, trace, last, partner: Field::from_value(partner)? })
    }
}

/// Panics without printing a message: the panic is part of the case.
fn panics(message: &'static str) -> ! {
    std::panic::resume_unwind(Box::new(message))
}

/// Decoding a row with a count of this size panics.
pub(super) const UNREADABLE: i64 = 1 << 40;

/// The expected rows of the fixed projection: a plain loop over the records, without the runner.
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
            if row.count_event(fact, record.position.get().cast_signed()) == Change::Delete {
                rows.remove(&account);
            }
        }
    }
    rows.values().map(|row| row.to_row().expect("a row that can be stored")).collect()
}
