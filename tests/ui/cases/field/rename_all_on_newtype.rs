use annalist::prelude::*;

#[derive(Field)]
#[field(rename_all = "snake_case")]
struct Cents(i64);

fn main() {}
