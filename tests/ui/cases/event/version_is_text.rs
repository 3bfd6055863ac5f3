use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(version = "2")]
struct AccountOpened {
    owner: String,
}

fn main() {}
