use annalist::prelude::*;
use annalist_ui_tests::domain::AccountId;

fn accounts(line: &String) -> Vec<AccountId> {
    line.parse().into_iter().collect()
}

#[derive(Event, Serialize, Deserialize)]
struct OrderPlaced {
    #[id(with = accounts)]
    lines: Vec<String>,
}

fn main() {}
