use annalist::prelude::*;
use annalist_ui_tests::domain::{AccountEvent, Statistics};

#[derive(Debug)]
struct NotToday;

#[derive(Command, Serialize)]
#[command(decide = report, state(Statistics))]
struct Report;

fn report(_: &Statistics, _: &Report) -> Result<AccountEvent, NotToday> {
    Err(NotToday)
}

fn main() {}
