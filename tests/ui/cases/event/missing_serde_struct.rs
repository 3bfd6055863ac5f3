use annalist::prelude::*;

#[derive(Event)]
struct AccountOpened {
    owner: String,
}

fn main() {}
