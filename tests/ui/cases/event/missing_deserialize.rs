use annalist::prelude::*;

#[derive(Event, Serialize)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened { owner: String },
}

fn main() {}
