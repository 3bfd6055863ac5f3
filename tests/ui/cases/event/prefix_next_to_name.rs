use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account", name = "opened")]
struct AccountOpened {
    owner: String,
}

fn main() {}
