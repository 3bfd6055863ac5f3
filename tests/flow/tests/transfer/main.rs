//! Exports, imports and copies of logs.
#![allow(clippy::unwrap_used)] // in the helpers too

mod files;
mod logs;
mod parts;

use std::sync::Arc;

use annalist::transfer::{self, Export};

use self::logs::{EmptyLog, Form, check_round_trip, check_rows};

/// Both forms of an export.
const FORMS: [Form; 2] = [Form::Lines, Form::CloudEvents];

#[tokio::test]
async fn random_logs_are_the_same_after_a_round_trip() {
    for seed in 0..20 {
        let to = [EmptyLog::memory(), EmptyLog::memory(), EmptyLog::memory()];
        check_round_trip(EmptyLog::memory(), to, seed).await;
    }
    for seed in 20..24 {
        let to = [EmptyLog::sqlite().await, EmptyLog::sqlite().await, EmptyLog::sqlite().await];
        check_round_trip(EmptyLog::memory(), to, seed).await;
        let to = [EmptyLog::memory(), EmptyLog::memory(), EmptyLog::sqlite().await];
        check_round_trip(EmptyLog::sqlite().await, to, seed).await;
    }
}

#[tokio::test]
async fn rows_on_a_copy_equal_the_rows_of_the_original() {
    for pair in 0..4 {
        let from = if pair < 2 { EmptyLog::memory() } else { EmptyLog::sqlite().await };
        let to = if pair % 2 == 0 { EmptyLog::memory() } else { EmptyLog::sqlite().await };
        let second = Arc::clone(&to.store);
        check_rows(from, to, second).await;
    }
}

/// All of it can be spawned.
#[tokio::test]
async fn futures_are_send() {
    fn spawnable<T: Send>(future: T) -> T {
        future
    }
    let log = EmptyLog::memory();
    let mut file = Vec::new();
    let export = Export::new(Arc::clone(&log.store));
    spawnable(export.write_to(&mut file)).await.unwrap();
    let target = EmptyLog::memory();
    spawnable(transfer::import(&*target.store, &mut file.as_slice())).await.unwrap();
    spawnable(transfer::copy(&*log.store, &*target.store)).await.unwrap();
}
