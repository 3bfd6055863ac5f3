use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(version = 0)]
struct AccountOpened {
    owner: String,
}

fn main() {}
