use annalist::prelude::*;

#[derive(Event)]
#[event(prefix = "account")]
enum AccountEvent {
    Opened { owner: String },
}

fn main() {}
