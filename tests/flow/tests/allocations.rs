//! The memory that a command allocates on the store in memory, as an upper bound. A command that allocates more is slower on every
//! store.
#![allow(clippy::unwrap_used)] // in the helpers too

use allocation_counter::measure;
use annalist::{App, Memory};
use annalist_flow_tests::domain::deposit;
use tokio::runtime;

const COMMANDS: u64 = 100;

/// Executes commands on an app that has executed commands of the same type before, and checks the mean of each.
fn check(account: impl Fn(u64) -> String, max_allocations: u64, max_bytes: u64) {
    // A runtime of one thread: only the allocations of the thread of the test are counted.
    let runtime = runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let app = runtime.block_on(async { App::builder(Memory::new()).start().await.unwrap() });
    let execute = |numbers: std::ops::Range<u64>| {
        let commands: Vec<_> = numbers.map(|number| deposit(&account(number), 1)).collect();
        measure(|| {
            runtime.block_on(async {
                for command in commands {
                    app.execute(command).await.unwrap();
                }
            });
        })
    };
    execute(0..COMMANDS);
    let used = execute(COMMANDS..2 * COMMANDS);
    let (allocations, bytes) = (used.count_total / COMMANDS, used.bytes_total / COMMANDS);
    let is_bounded = allocations <= max_allocations && bytes <= max_bytes;
    assert!(is_bounded, "{allocations} allocations of {bytes} bytes in all");
}

#[test]
fn command_on_a_known_aggregate() {
    check(|_| "a".to_owned(), 52, 9_450);
}

#[test]
fn command_on_a_new_aggregate() {
    check(|number| number.to_string(), 56, 10_600);
}
