use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(name = "account.opened", alias = "account.made")]
#[event(name = "account.created")]
struct AccountOpened {
    owner: String,
}

fn main() {}
