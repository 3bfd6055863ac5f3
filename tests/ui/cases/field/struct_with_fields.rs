use annalist::prelude::*;

#[derive(Field)]
struct Address {
    street: String,
    town: String,
}

fn main() {}
