use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "account.opened", version = 2)]
#[event(name = "account.created")]
struct AccountOpened {
    owner: String,
}

fn main() {}
