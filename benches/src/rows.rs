//! The measured rows.

pub(crate) mod deposits;
mod feed;
mod filtered_feed;
pub(crate) mod hot_processes;
mod imports;
mod instructions;
mod load;
mod memory;
mod openings;
mod orders;
mod own_writes;
pub(crate) mod packages;
mod projection;
mod secrets;
mod sqlite;
mod successors;
mod transfers;
mod wide;

use self::{filtered_feed::Statistics, transfers::Between};
use crate::{
    environment::Commits,
    harness::{
        Bar::{AtLeast, AtMost, FigureAtMost},
        Row,
    },
};

const COMMANDS: &str = "commands/s";
const EVENTS: &str = "events/s";
const MICROSECONDS: &str = "µs/command";
const CALL: &str = "µs/call (p50)";
const MAP: &str = "a hand-written map of events behind a lock";

/// All rows, in the order in which they run.
pub(crate) const ROWS: &[Row] = &[
    Row {
        work: "deposit on 200 warm accounts, 32 tasks, PostgreSQL",
        baseline: "a hand-written load and conditional insert a command",
        unit: COMMANDS,
        bar: AtLeast(3.0, 6.0),
        prepare: |environment| Box::pin(deposits::prepare(environment, 200, 32, Commits::Plain)),
    },
    Row {
        work: "deposit on 200 warm accounts, 128 tasks, PostgreSQL",
        baseline: "a hand-written load and conditional insert a command",
        unit: COMMANDS,
        bar: AtLeast(4.5, 8.0),
        prepare: |environment| Box::pin(deposits::prepare(environment, 200, 128, Commits::Plain)),
    },
    Row {
        work: "deposit on 200 warm accounts, 1 task, PostgreSQL",
        baseline: "a hand-written load and conditional insert a command",
        unit: COMMANDS,
        bar: AtLeast(1.3, 1.8),
        prepare: |environment| Box::pin(deposits::prepare(environment, 200, 1, Commits::Plain)),
    },
    Row {
        work: "deposit on 200 warm accounts, 32 tasks, PostgreSQL with commits of 1 ms",
        baseline: "a hand-written load and conditional insert a command",
        unit: COMMANDS,
        bar: AtLeast(1.5, 3.0),
        prepare: |environment| Box::pin(deposits::prepare(environment, 200, 32, Commits::Slow)),
    },
    Row {
        work: "open new accounts, 32 tasks, PostgreSQL",
        baseline: "a hand-written insert a command",
        unit: COMMANDS,
        bar: AtLeast(2.0, 4.0),
        prepare: |environment| Box::pin(openings::prepare(environment, 32)),
    },
    Row {
        work: "deposit on 200 warm accounts, 32 tasks, PostgreSQL, log with 1,000 successors of event names",
        baseline: "our own deposits in a log without successors",
        unit: COMMANDS,
        bar: AtLeast(0.97, 1.0),
        prepare: |environment| Box::pin(successors::prepare(environment, 32)),
    },
    Row {
        work: "deposit on one hot account, 8 tasks, PostgreSQL",
        baseline: "a hand-written load, conditional insert and retry",
        unit: COMMANDS,
        bar: AtLeast(8.0, 15.0),
        prepare: |environment| Box::pin(deposits::prepare(environment, 1, 8, Commits::Plain)),
    },
    Row {
        work: "deposit on one hot account, 8 processes with 4 tasks each, PostgreSQL",
        baseline: "a hand-written load, conditional insert and retry",
        unit: COMMANDS,
        bar: AtLeast(2.0, 4.0),
        prepare: |environment| Box::pin(hot_processes::prepare(environment)),
    },
    Row {
        work: "append of 100 events, 32 tasks, PostgreSQL",
        baseline: "a hand-written insert of 100 events",
        unit: EVENTS,
        bar: AtLeast(1.0, 1.2),
        prepare: |environment| Box::pin(packages::of_events(environment, 100)),
    },
    Row {
        work: "append of 100 kB, 32 tasks, PostgreSQL",
        baseline: "a hand-written insert a command",
        unit: COMMANDS,
        bar: AtLeast(1.0, 1.2),
        prepare: |environment| Box::pin(packages::of_bytes(environment, 100_000)),
    },
    Row {
        work: "transfer between two of 1,000 accounts, 32 tasks, PostgreSQL",
        baseline: "a hand-written SERIALIZABLE transaction and retry",
        unit: COMMANDS,
        bar: AtLeast(3.0, 5.0),
        prepare: |environment| Box::pin(transfers::prepare(environment, Between::AnyTwo, 32)),
    },
    Row {
        work: "transfer between two hot accounts, one pair, 32 tasks, PostgreSQL",
        baseline: "a hand-written transaction that locks both accounts",
        unit: COMMANDS,
        bar: AtLeast(3.0, 5.0),
        prepare: |environment| Box::pin(transfers::prepare(environment, Between::Pairs(1), 32)),
    },
    Row {
        work: "transfer between two hot accounts, four pairs, 32 tasks, PostgreSQL",
        baseline: "a hand-written transaction that locks both accounts",
        unit: COMMANDS,
        bar: AtLeast(2.0, 4.0),
        prepare: |environment| Box::pin(transfers::prepare(environment, Between::Pairs(4), 32)),
    },
    Row {
        work: "orders of one hot product whose price they read, 32 tasks, PostgreSQL",
        baseline: "our own orders of distinct products",
        unit: COMMANDS,
        bar: AtLeast(0.5, 0.9),
        prepare: |environment| Box::pin(orders::prepare(environment, 32)),
    },
    Row {
        work: "load an aggregate of 10,000 events, PostgreSQL",
        baseline: "a hand-written SELECT and serde_json into the same enum",
        unit: EVENTS,
        bar: AtLeast(0.9, 1.0),
        prepare: |environment| Box::pin(load::prepare(environment)),
    },
    Row {
        work: "project 100,000 events into balances, PostgreSQL",
        baseline: "a hand-written loop, a transaction an event",
        unit: EVENTS,
        bar: AtLeast(30.0, 45.0),
        prepare: |environment| Box::pin(projection::prepare(environment, projection::Batches::OfOne)),
    },
    Row {
        work: "project 100,000 events into balances, PostgreSQL",
        baseline: "a hand-written batched upsert with checkpoint",
        unit: EVENTS,
        bar: AtLeast(0.7, 1.0),
        prepare: |environment| Box::pin(projection::prepare(environment, projection::Batches::OfPages)),
    },
    Row {
        work: "deposit on 200 warm accounts, 32 tasks, SQLite",
        baseline: "a hand-written transaction a command",
        unit: COMMANDS,
        bar: AtLeast(8.0, 12.0),
        prepare: |environment| Box::pin(sqlite::prepare(environment.size(), 32)),
    },
    Row {
        work: "deposit on 200 warm accounts, 1 task, SQLite",
        baseline: "a hand-written transaction a command",
        unit: COMMANDS,
        bar: AtLeast(1.0, 1.5),
        prepare: |environment| Box::pin(sqlite::prepare(environment.size(), 1)),
    },
    Row {
        work: "append of an event with a secret, 32 tasks, SQLite",
        baseline: "our own append of the same event with a plain text",
        unit: COMMANDS,
        bar: AtLeast(0.5, 0.8),
        prepare: |environment| Box::pin(secrets::commands(environment.size())),
    },
    Row {
        work: "history of events with a secret, SQLite",
        baseline: "our own history of the same events with a plain text",
        unit: EVENTS,
        bar: AtLeast(0.5, 0.8),
        prepare: |environment| Box::pin(secrets::histories(environment.size())),
    },
    Row {
        work: "find after the receipt, PostgreSQL",
        baseline: "our own execute of the command",
        unit: CALL,
        bar: AtMost(1.5, 1.0),
        prepare: |environment| Box::pin(own_writes::on_postgres(environment)),
    },
    Row {
        work: "find after the receipt, SQLite",
        baseline: "our own execute of the command",
        unit: CALL,
        bar: AtMost(1.5, 1.0),
        prepare: |environment| Box::pin(own_writes::on_sqlite(environment.size())),
    },
    Row {
        work: "memory: new aggregate, log of 1,000 events",
        baseline: MAP,
        unit: MICROSECONDS,
        bar: AtMost(3.0, 1.5),
        prepare: |environment| Box::pin(async { Ok(memory::new_aggregates(environment.size(), 1_000)) }),
    },
    Row {
        work: "memory: new aggregate, log of 32,000 events",
        baseline: MAP,
        unit: MICROSECONDS,
        bar: AtMost(3.0, 1.5),
        prepare: |environment| Box::pin(async { Ok(memory::new_aggregates(environment.size(), 32_000)) }),
    },
    Row {
        work: "memory: new aggregate, log of 1,000,000 events",
        baseline: MAP,
        unit: MICROSECONDS,
        bar: AtMost(3.0, 1.5),
        prepare: |environment| Box::pin(async { Ok(memory::new_aggregates(environment.size(), 1_000_000)) }),
    },
    Row {
        work: "memory: known aggregate, 1 task",
        baseline: MAP,
        unit: MICROSECONDS,
        bar: AtMost(3.0, 1.5),
        prepare: |environment| Box::pin(async { Ok(memory::known_aggregates(environment.size())) }),
    },
    Row {
        work: "memory: wide command, 1,000 ids",
        baseline: "hand-written lists of events by id behind a lock",
        unit: "ms/command",
        bar: AtMost(20.0, 10.0),
        prepare: |environment| Box::pin(async { Ok(wide::counts(environment.size(), 1_000)) }),
    },
    Row {
        work: "memory: wide command, 8,000 ids",
        baseline: "hand-written lists of events by id behind a lock",
        unit: "ms/command",
        bar: AtMost(20.0, 10.0),
        prepare: |environment| Box::pin(async { Ok(wide::counts(environment.size(), 8_000)) }),
    },
    Row {
        work: "memory: load an aggregate of 10 events, log of 1,000,000 events",
        baseline: MAP,
        unit: "µs/load",
        bar: AtMost(3.0, 1.5),
        prepare: |environment| Box::pin(memory::loads(environment.size(), 1_000_000)),
    },
    Row {
        work: "feed of 1,000,000 events, nothing done with them, PostgreSQL",
        baseline: "a plain SELECT by pages",
        unit: EVENTS,
        bar: AtLeast(0.8, 1.0),
        prepare: |environment| Box::pin(feed::prepare(environment)),
    },
    Row {
        work: "feed page of a rare or absent type at 1,000,000 events, without statistics, PostgreSQL",
        baseline: "a hand-written row comparison",
        unit: "ms/page",
        bar: FigureAtMost(10.0, 2.0),
        prepare: |environment| Box::pin(filtered_feed::prepare(environment, Statistics::Absent)),
    },
    Row {
        work: "feed page of a rare or absent type at 1,000,000 events, with stale statistics, PostgreSQL",
        baseline: "a hand-written row comparison",
        unit: "ms/page",
        bar: FigureAtMost(10.0, 2.0),
        prepare: |environment| Box::pin(filtered_feed::prepare(environment, Statistics::Stale)),
    },
    Row {
        work: "feed page of a rare or absent type at 1,000,000 events, with fresh statistics, PostgreSQL",
        baseline: "a hand-written row comparison",
        unit: "ms/page",
        bar: FigureAtMost(10.0, 2.0),
        prepare: |environment| Box::pin(filtered_feed::prepare(environment, Statistics::Fresh)),
    },
    Row {
        work: "import of a log, PostgreSQL",
        baseline: "a COPY of the same rows into both tables",
        unit: EVENTS,
        bar: AtLeast(0.4, 0.8),
        prepare: |environment| Box::pin(imports::prepare(environment)),
    },
    Row {
        work: "dispatch, decide and fold in memory",
        baseline: "a hand-written match",
        unit: "instructions/command",
        bar: AtMost(1.05, 1.0),
        prepare: |environment| Box::pin(instructions::dispatch(environment.size())),
    },
    Row {
        work: "decode the current version of an event with two older versions",
        baseline: "the same event without older versions",
        unit: "instructions/event",
        bar: AtMost(1.02, 1.0),
        prepare: |environment| Box::pin(instructions::decoding(environment.size())),
    },
    Row {
        work: "memory: known aggregate, spans and log lines without a subscriber",
        baseline: "the same program, with them compiled out",
        unit: "instructions/command",
        bar: AtMost(1.01, 1.0),
        prepare: |environment| Box::pin(instructions::telemetry(environment.size())),
    },
];
