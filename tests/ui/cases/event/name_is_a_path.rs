use annalist::prelude::*;

const NAME: &str = "account.opened";

#[derive(Event, Serialize, Deserialize)]
#[event(name = NAME)]
struct AccountOpened {
    owner: String,
}

fn main() {}
