use annalist::prelude::*;

#[derive(Event, Serialize, Deserialize)]
#[event(prefix = "account.")]
struct Opened {
    owner: String,
}

fn main() {}
