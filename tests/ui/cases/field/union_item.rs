use annalist::prelude::*;

#[derive(Field)]
union Number {
    a: i64,
    b: u32,
}

fn main() {}
